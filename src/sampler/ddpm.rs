//! Ancestral sampling of the reverse Markov chain (Ho et al. 2020, algorithm 2).

use burn::tensor::{Tensor, backend::Backend};

use super::{Denoiser, Noise, Sampler, Step};
use crate::{
    diffusion::{Posterior, Schedule, VarianceType, parametrisation::x0_from_eps},
    error::Result,
};

/// x_{t-1} = mean of q(x_{t-1} | x_t, pred_x0) + σ_t · z.
pub struct Ddpm {
    schedule: Schedule,
    timesteps: Vec<usize>,
    variance_type: VarianceType,
    clip: bool,
}

impl Ddpm {
    /// `timesteps` noisiest first; `clip` clamps pred_x0 to [-1, 1] before the mean is taken.
    pub fn new(
        schedule: Schedule,
        timesteps: Vec<usize>,
        variance_type: VarianceType,
        clip: bool,
    ) -> Self {
        Self {
            schedule,
            timesteps,
            variance_type,
            clip,
        }
    }
}

impl<B: Backend> Sampler<B> for Ddpm {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn step(
        &mut self,
        denoiser: &dyn Denoiser<B>,
        index: usize,
        x_t: Tensor<B, 4>,
        noise: &dyn Noise<B>,
    ) -> Result<Step<B>> {
        let t = self.timesteps[index];
        let previous = self.timesteps.get(index + 1).copied();
        let alpha_cumprod = self.schedule.alphas_cumprod[t];
        let posterior = Posterior::between(alpha_cumprod, self.schedule.alpha_cumprod(previous));

        let eps = denoiser.eps(x_t.clone(), t);
        let mut pred_x0 = x0_from_eps(x_t.clone(), eps, alpha_cumprod);
        if self.clip {
            pred_x0 = pred_x0.clamp(-1.0, 1.0);
        }
        let mean = pred_x0.clone() * posterior.mean_coef1 + x_t * posterior.mean_coef2;
        // The last step returns its mean: noise there would only be seen as noise.
        let x_prev = match previous {
            Some(_) => mean + noise.z(index)? * posterior.sigma(self.variance_type),
            None => mean,
        };
        Ok(Step { x_prev, pred_x0 })
    }
}
