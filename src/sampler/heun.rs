//! Heun's method on the probability flow ODE (Karras et al. 2022, algorithm 1).

use burn::tensor::Tensor;

use super::{Noise, Sampler, Step};
use crate::{
    denoiser::Denoiser,
    diffusion::{
        NoiseLevel, Schedule, SchedulerConfig, TimestepSpacing, X0Clipping, schedule::linspace,
    },
    error::Result,
    ops::{Kernels, weighted_sum},
};

/// dx/dσ = (x - pred_x0) / σ in x / signal (by Karras et al. 2022, equations 1 and 3), of second
/// order: two evaluations a step, one at the last.
pub struct Heun {
    levels: Vec<NoiseLevel>,
    clipping: X0Clipping,
    initial_scale: f64,
}

impl Heun {
    /// A run of `steps` steps over the levels of diffusers' `HeunDiscreteScheduler`.
    ///
    /// # Errors
    /// As for [`Schedule::timesteps`].
    pub fn new(
        schedule: &Schedule,
        config: &SchedulerConfig,
        steps: usize,
        use_karras_sigmas: bool,
        clipping: X0Clipping,
    ) -> Result<Self> {
        let rounded = schedule.timesteps(steps, config.timestep_spacing)?;
        let timesteps: Vec<f64> = match config.timestep_spacing {
            TimestepSpacing::Linspace => {
                let last = (schedule.num_train_timesteps() - 1) as f64;
                let mut timesteps: Vec<f64> = linspace((0.0, last), steps).collect();
                timesteps.reverse();
                timesteps
            }
            _ => rounded.into_iter().map(|t| t as f64).collect(),
        };
        let mut levels: Vec<NoiseLevel> = timesteps
            .iter()
            .map(|t| schedule.level_between(*t))
            .collect();
        if use_karras_sigmas {
            let ends = (levels[0].sigma(), levels[steps - 1].sigma());
            levels = karras_sigmas(ends, steps)
                .map(|sigma| schedule.level_at_sigma(sigma))
                .collect();
        }
        // diffusers starts from pure noise, except with leading spacing, where the first level is
        // far from it.
        let initial_scale = match config.timestep_spacing {
            TimestepSpacing::Leading => 1.0,
            _ => levels[0].noise,
        };
        Ok(Self {
            levels,
            clipping,
            initial_scale,
        })
    }

    /// A run over given levels, noisiest first, of any process, all with some signal, from an x_T
    /// that is to be scaled by nothing; x_0 is unlimited.
    pub fn over(levels: Vec<NoiseLevel>) -> Self {
        Self {
            levels,
            clipping: X0Clipping::None,
            initial_scale: 1.0,
        }
    }
}

/// `steps` values of σ from the first of `ends` to the second, evenly spaced in σ^(1/ρ) with ρ = 7
/// (Karras et al. 2022, equation 5).
pub(crate) fn karras_sigmas(ends: (f64, f64), steps: usize) -> impl Iterator<Item = f64> {
    const RHO: f64 = 7.0;
    let roots = (ends.0.powf(1.0 / RHO), ends.1.powf(1.0 / RHO));
    linspace(roots, steps).map(|root| root.powf(RHO))
}

impl<B: Kernels> Sampler<B> for Heun {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
    }

    fn initial_scale(&self) -> f64 {
        self.initial_scale
    }

    fn step(
        &mut self,
        denoiser: &dyn Denoiser<B>,
        index: usize,
        x_t: Tensor<B, 4>,
        _noise: &dyn Noise<B>,
    ) -> Result<Step<B>> {
        let level = self.levels[index];
        let next = self.levels.get(index + 1).copied();
        let pred_x0 =
            |x: Tensor<B, 4>, level| denoiser.predict(x, level, None, self.clipping).pred_x0;
        let first_x0 = pred_x0(x_t.clone(), level);
        let Some(next) = next else {
            return Ok(Step {
                x_prev: first_x0.clone(),
                pred_x0: first_x0,
            });
        };
        // Lines 4 to 8 of the algorithm with σ(t) = t and s(t) = 1, both slopes written out in x_t
        // and estimates of x_0: f32 could not take the difference of the large x / signal at high
        // noise.
        let sigma_ratio = next.sigma() / level.sigma();
        let x_coef = sigma_ratio * next.signal / level.signal;
        let x0_coef = (1.0 - sigma_ratio) * next.signal;
        let euler = weighted_sum(x_t.clone(), x_coef, first_x0.clone(), x0_coef);
        let second_x0 = pred_x0(euler, next);
        let data = weighted_sum(first_x0.clone(), 2.0 * sigma_ratio - 1.0, second_x0, 1.0);
        let x_prev = weighted_sum(x_t, x_coef, data, x0_coef / (2.0 * sigma_ratio));
        Ok(Step {
            x_prev,
            pred_x0: first_x0,
        })
    }
}
