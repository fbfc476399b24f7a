//! Samplers: from noise x_T to images x_0, one step at a time.
//!
//! Tensors are `[batch, channels, height, width]` in model range, pixels in [-1, 1].

mod ddim;
mod ddpm;
mod noise;
mod trajectory;

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

pub use ddim::Ddim;
pub use ddpm::Ddpm;
pub use noise::{GivenNoise, Noise, SeededNoise};
pub use trajectory::{Frame, Trajectory};

use crate::{
    diffusion::{Schedule, SchedulerConfig, VarianceType},
    error::{Error, Result},
    model::{UNet, Weights},
    ops::Ops,
};

/// Something that predicts the noise in x_t.
pub trait Denoiser<B: Backend> {
    /// ε for `x_t` at timestep `t`, the same for the whole batch; the same shape as `x_t`.
    fn eps(&self, x_t: Tensor<B, 4>, t: usize) -> Tensor<B, 4>;
}

/// A network with its weights.
pub struct NetworkDenoiser<B: Backend> {
    pub unet: std::rc::Rc<UNet>,
    pub weights: Weights<B>,
}

impl<B: Ops> Denoiser<B> for NetworkDenoiser<B> {
    fn eps(&self, x_t: Tensor<B, 4>, t: usize) -> Tensor<B, 4> {
        let timesteps = vec![t; x_t.dims()[0]];
        self.unet.forward(&self.weights, x_t, &timesteps)
    }
}

/// What one step of a sampler gives.
#[derive(Debug)]
pub struct Step<B: Backend> {
    /// x at the next, less noisy timestep.
    pub x_prev: Tensor<B, 4>,
    /// The estimate of x_0 that the step was made with.
    pub pred_x0: Tensor<B, 4>,
}

/// A way of going from x_T to x_0.
pub trait Sampler<B: Backend> {
    /// The timesteps visited, noisiest first.
    fn timesteps(&self) -> &[usize];

    /// Takes step `index` of [`Sampler::timesteps`] from `x_t`, drawing z from `noise` if the step
    /// is stochastic.
    ///
    /// # Errors
    /// What `noise` refuses.
    fn step(
        &mut self,
        denoiser: &dyn Denoiser<B>,
        index: usize,
        x_t: Tensor<B, 4>,
        noise: &dyn Noise<B>,
    ) -> Result<Step<B>>;
}

/// The samplers by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SamplerKind {
    /// Ancestral sampling (Ho et al. 2020, algorithm 2).
    Ddpm,
    /// Deterministic at η = 0 (Song et al. 2021).
    Ddim,
}

/// What a visitor may choose about sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingOptions {
    pub sampler: SamplerKind,
    /// Denoising steps, 1 to `num_train_timesteps`.
    pub steps: usize,
    /// DDIM's η: 0 is deterministic, 1 adds as much noise as DDPM.
    pub eta: f64,
    pub seed: u64,
    /// Which image of the seed is the first: what several workers divide `count` images by.
    pub first: usize,
    /// Number of images.
    pub count: usize,
    /// Overrides the model's own variance type (DDPM).
    pub variance: Option<VarianceType>,
    /// Overrides the model's own choice of clamping pred_x0 to [-1, 1].
    pub clip: Option<bool>,
    /// Whether DDIM derives ε anew from a clamped pred_x0; see [`Ddim::new`].
    pub use_clipped_model_output: bool,
}

impl Default for SamplingOptions {
    fn default() -> Self {
        Self {
            sampler: SamplerKind::Ddim,
            steps: 50,
            eta: 0.0,
            seed: 0,
            first: 0,
            count: 16,
            variance: None,
            clip: None,
            use_clipped_model_output: false,
        }
    }
}

impl SamplingOptions {
    /// The sampler these options describe, for a model trained with `config`.
    ///
    /// # Errors
    /// [`Error::Config`] for a number of steps or an η out of range.
    pub fn sampler<B: Backend>(&self, config: &SchedulerConfig) -> Result<Box<dyn Sampler<B>>> {
        if !(0.0..=1.0).contains(&self.eta) {
            return Err(Error::Config(format!(
                "eta is {}, but must be between 0 and 1.",
                self.eta
            )));
        }
        if !(1..=1024).contains(&self.count) {
            return Err(Error::Config(format!(
                "{} images were asked for, but 1 to 1024 are possible at once.",
                self.count
            )));
        }
        let schedule = Schedule::new(config)?;
        let clip = self.clip.unwrap_or(config.clip_sample);
        let timesteps = schedule.timesteps(self.steps, config.timestep_spacing)?;
        Ok(match self.sampler {
            SamplerKind::Ddpm => Box::new(Ddpm::new(
                schedule,
                timesteps,
                self.variance.unwrap_or(config.variance_type),
                clip,
            )),
            SamplerKind::Ddim => Box::new(Ddim::new(
                schedule,
                timesteps,
                self.eta,
                clip,
                self.use_clipped_model_output,
            )),
        })
    }
}
