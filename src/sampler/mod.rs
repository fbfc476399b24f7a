//! Samplers: from noise x_T to images x_0, one step at a time.
//!
//! Tensors are `[batch, channels, height, width]` in model range, pixels in [-1, 1].

mod config;
mod ddim;
mod ddpm;
mod dpmpp2m;
mod edit;
mod euler_flow;
mod heun;
mod img2img;
mod mixture;
mod noise;
mod repaint;
mod slerp;
mod trajectory;

use burn::tensor::{Tensor, backend::Backend};

pub use config::{Interpolation, SamplerConfig, SamplingOptions};
pub use ddim::Ddim;
pub use ddpm::Ddpm;
pub use dpmpp2m::DpmPp2M;
pub use edit::Edit;
pub use euler_flow::EulerFlow;
pub use heun::Heun;
// The plane is for the CPU alone.
#[cfg(feature = "flex")]
pub(crate) use heun::karras_sigmas;
pub use img2img::Img2ImgStart;
pub use mixture::{MixedNoise, NoiseTerm};
pub use noise::{GivenNoise, Noise, SeededNoise};
pub use repaint::{RePaint, Resampling};
pub use slerp::SlerpNoise;
pub use trajectory::{Frame, Trajectory};

use crate::{denoiser::Denoiser, diffusion::NoiseLevel, error::Result};

/// What one step of a sampler gives.
#[derive(Debug)]
pub struct Step<B: Backend> {
    /// x at the next, less noisy timestep.
    pub x_prev: Tensor<B, 4>,
    /// The estimate of x_0 that the step was made with.
    pub pred_x0: Tensor<B, 4>,
}

/// A sampler: goes from x_T to x_0.
pub trait Sampler<B: Backend> {
    /// The noise levels in the order in which they are visited, noisiest first.
    fn levels(&self) -> &[NoiseLevel];

    /// What standard normal noise is multiplied by to be x at the first level.
    fn initial_scale(&self) -> f64 {
        1.0
    }

    /// Takes step `index` of [`Sampler::levels`] from `x_t`, drawing z from `noise` if the step
    /// is stochastic.
    ///
    /// # Errors
    /// What `noise` refuses, and [`crate::error::Error::Config`] when the denoiser does not say
    /// what the sampler needs.
    fn step(
        &mut self,
        denoiser: &dyn Denoiser<B>,
        index: usize,
        x_t: Tensor<B, 4>,
        noise: &dyn Noise<B>,
    ) -> Result<Step<B>>;
}
