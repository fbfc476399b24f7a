//! Euler's method along the straight paths of rectified flow (Liu et al. 2023, algorithm 1).

use burn::tensor::Tensor;

use super::{Noise, Sampler, Step};
use crate::{
    denoiser::Denoiser,
    diffusion::{
        NoiseLevel, Process, Schedule, SchedulerConfig, X0Clipping,
        schedule::{linspace, shifted_sigma},
    },
    error::Result,
    ops::{Kernels, weighted_sum},
};

/// x_s = x_t + (σ_s - σ_t) · velocity, where σ = noise / (signal + noise) and x is scaled so that
/// signal and noise add up to 1, as a flow's always do.
pub struct EulerFlow {
    levels: Vec<NoiseLevel>,
    clipping: X0Clipping,
}

impl EulerFlow {
    /// A run of `steps` steps over the levels of diffusers' `FlowMatchEulerDiscreteScheduler` for a
    /// flow; for other processes over those of their timesteps.
    ///
    /// # Errors
    /// As for [`Schedule::timesteps`].
    pub fn new(
        schedule: &Schedule,
        config: &SchedulerConfig,
        steps: usize,
        clipping: X0Clipping,
    ) -> Result<Self> {
        let timesteps = schedule.timesteps(steps, config.timestep_spacing)?;
        let levels = match schedule.process() {
            Process::RectifiedFlow => {
                let smallest = schedule.level(Some(0)).noise;
                let count = schedule.num_train_timesteps();
                // Both the ends and what lies between them are shifted, as diffusers does it.
                let shifted = |sigma| shifted_sigma(sigma, config.shift);
                linspace((1.0, smallest), steps)
                    .map(|sigma| NoiseLevel::rectified_flow(shifted(sigma), count))
                    .collect()
            }
            Process::VariancePreserving => {
                let levels = timesteps.into_iter().map(|t| schedule.level(Some(t)));
                levels.collect()
            }
        };
        Ok(Self { levels, clipping })
    }

    /// A run over given levels, noisiest first, of any process; x_0 is unlimited.
    pub fn over(levels: Vec<NoiseLevel>) -> Self {
        Self {
            levels,
            clipping: X0Clipping::None,
        }
    }
}

impl<B: Kernels> Sampler<B> for EulerFlow {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
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
        let next = next.unwrap_or(NoiseLevel::CLEAN);
        let pred_x0 = denoiser
            .predict(x_t.clone(), level, None, self.clipping)
            .pred_x0;
        let (sum, sum_next) = (level.signal + level.noise, next.signal + next.noise);
        // velocity = (x_t - pred_x0) / σ_t (by Liu et al. 2023, equation 1), so that x_s is
        // σ_s / σ_t · x_t + (1 - σ_s / σ_t) · pred_x0.
        let sigma_ratio = (next.noise / sum_next) / (level.noise / sum);
        let x0_coef = (1.0 - sigma_ratio) * sum_next;
        let x_prev = weighted_sum(x_t, sigma_ratio * sum_next / sum, pred_x0.clone(), x0_coef);
        Ok(Step { x_prev, pred_x0 })
    }
}
