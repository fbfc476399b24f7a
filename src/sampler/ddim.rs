//! Denoising diffusion implicit models (Song et al. 2021, equation 12).

use burn::tensor::{Tensor, backend::Backend};

use super::{Denoiser, Noise, Sampler, Step};
use crate::{
    diffusion::{
        Posterior, Schedule,
        parametrisation::{eps_from_x0, x0_from_eps},
    },
    error::Result,
};

/// x_s = √ᾱ_s · pred_x0 + √(1 - ᾱ_s - σ²) · ε + σ · z with σ² = η² · β̃.
pub struct Ddim {
    schedule: Schedule,
    timesteps: Vec<usize>,
    eta: f64,
    clip: bool,
    use_clipped_model_output: bool,
}

impl Ddim {
    /// `timesteps` noisiest first; `eta` in [0, 1]; `clip` clamps pred_x0 to [-1, 1].
    ///
    /// A clamped pred_x0 and the ε it came from no longer make up x_t. diffusers goes on with that
    /// ε; with `use_clipped_model_output` it is derived from the clamped pred_x0 instead, as
    /// improved-diffusion does.
    pub fn new(
        schedule: Schedule,
        timesteps: Vec<usize>,
        eta: f64,
        clip: bool,
        use_clipped_model_output: bool,
    ) -> Self {
        Self {
            schedule,
            timesteps,
            eta,
            clip,
            use_clipped_model_output,
        }
    }
}

impl<B: Backend> Sampler<B> for Ddim {
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
        // One stride below, rounded down, as diffusers counts it: where the number of steps does not
        // divide T this is not quite the next timestep of the list.
        let stride = self.schedule.num_train_timesteps() / self.timesteps.len();
        let previous = t.checked_sub(stride);
        let alpha_cumprod = self.schedule.alphas_cumprod[t];
        let alpha_cumprod_prev = self.schedule.alpha_cumprod(previous);
        let variance = Posterior::between(alpha_cumprod, alpha_cumprod_prev).variance;
        let sigma = self.eta * variance.sqrt();

        let mut eps = denoiser.eps(x_t.clone(), t);
        let mut pred_x0 = x0_from_eps(x_t.clone(), eps.clone(), alpha_cumprod);
        if self.clip {
            pred_x0 = pred_x0.clamp(-1.0, 1.0);
            if self.use_clipped_model_output {
                eps = eps_from_x0(x_t, pred_x0.clone(), alpha_cumprod);
            }
        }
        let direction = (1.0 - alpha_cumprod_prev - sigma * sigma).max(0.0).sqrt();
        let mut x_prev = pred_x0.clone() * alpha_cumprod_prev.sqrt() + eps * direction;
        if sigma > 0.0 {
            x_prev = x_prev + noise.z(index)? * sigma;
        }
        Ok(Step { x_prev, pred_x0 })
    }
}
