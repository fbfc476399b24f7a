//! Denoising diffusion implicit models (Song et al. 2021, equation 12).

use burn::tensor::Tensor;

use super::{Noise, Sampler, Step};
use crate::{
    denoiser::Denoiser,
    diffusion::{NoiseLevel, Posterior, PredictionType, Schedule, SchedulerConfig, X0Clipping},
    error::{Error, Result},
    ops::{Kernels, weighted_sum},
};

/// x_s = √ᾱ_s · pred_x0 + √(1 - ᾱ_s - σ²) · ε + σ · z with σ² = η² · β̃ (Song et al. 2021,
/// equations 12 and 16).
pub struct Ddim {
    levels: Vec<NoiseLevel>,
    /// Where each step goes.
    previous: Vec<NoiseLevel>,
    eta: f64,
    clipping: X0Clipping,
    use_clipped_model_output: bool,
}

impl Ddim {
    /// A run of `steps` steps; `eta` in [0, 1].
    ///
    /// A clipped pred_x0 and the ε it came from no longer make up x_t. diffusers goes on with that
    /// ε; with `use_clipped_model_output` it is derived from the clipped pred_x0 instead, as
    /// improved-diffusion does.
    ///
    /// # Errors
    /// [`Error::Config`] as for [`Schedule::timesteps`], and for an `eta` out of range.
    pub fn new(
        schedule: &Schedule,
        config: &SchedulerConfig,
        steps: usize,
        eta: f64,
        use_clipped_model_output: bool,
        clipping: X0Clipping,
    ) -> Result<Self> {
        check_eta(eta)?;
        let timesteps = schedule.timesteps(steps, config.timestep_spacing)?;
        // One stride below, rounded down, as diffusers counts it: where the number of steps does
        // not divide T this is not quite the next timestep of the list.
        let stride = schedule.num_train_timesteps() / steps;
        let step_of = |t: usize| {
            let previous = schedule.level(t.checked_sub(stride));
            (schedule.level(Some(t)), previous)
        };
        let (levels, previous) = timesteps.into_iter().map(step_of).unzip();
        Ok(Self {
            levels,
            previous,
            eta,
            clipping,
            use_clipped_model_output,
        })
    }

    /// A run over given levels, noisiest first, of any process, each step to the next of them and
    /// the last to no noise; x_0 is unlimited.
    ///
    /// # Errors
    /// [`Error::Config`] for an `eta` out of range.
    pub fn over(levels: Vec<NoiseLevel>, eta: f64) -> Result<Self> {
        check_eta(eta)?;
        let previous = levels.iter().skip(1).copied();
        let previous = previous.chain([NoiseLevel::CLEAN]).collect();
        Ok(Self {
            levels,
            previous,
            eta,
            clipping: X0Clipping::None,
            use_clipped_model_output: false,
        })
    }
}

fn check_eta(eta: f64) -> Result<()> {
    if (0.0..=1.0).contains(&eta) {
        return Ok(());
    }
    Err(Error::Config(format!(
        "eta is {eta}, but must be between 0 and 1."
    )))
}

impl<B: Kernels> Sampler<B> for Ddim {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
    }

    fn step(
        &mut self,
        denoiser: &dyn Denoiser<B>,
        index: usize,
        x_t: Tensor<B, 4>,
        noise: &dyn Noise<B>,
    ) -> Result<Step<B>> {
        let (level, previous) = (self.levels[index], self.previous[index]);
        let sigma = self.eta * Posterior::between(level, previous).variance.sqrt();

        let prediction = denoiser.predict(x_t.clone(), level, None, self.clipping);
        let pred_x0 = prediction.pred_x0;
        let eps = if self.use_clipped_model_output {
            let [_, eps] = PredictionType::Sample.x0_and_eps(x_t, pred_x0.clone(), level, false);
            eps
        } else {
            prediction.eps
        };
        let direction = (previous.noise.powi(2) - sigma * sigma).max(0.0).sqrt();
        let mut x_prev = weighted_sum(pred_x0.clone(), previous.signal, eps, direction);
        if sigma > 0.0 {
            x_prev = weighted_sum(x_prev, 1.0, noise.z(index)?, sigma);
        }
        Ok(Step { x_prev, pred_x0 })
    }
}
