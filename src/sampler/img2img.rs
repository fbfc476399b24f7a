//! Image-to-image by SDEdit (Meng et al. 2022): sampling from a noised image.

use burn::tensor::{Tensor, backend::Backend};

use super::Sampler;
use crate::{
    diffusion::forward::q_sample_at,
    error::{Error, Result},
};

/// An image, noised to one of the sampler's levels: the model then has to make one of its own out
/// of what the noise has left of it (Meng et al. 2022, section 3.1).
pub struct Img2ImgStart<B: Backend> {
    /// `[batch, channels, height, width]`
    image: Tensor<B, 4>,
    /// The first step that is taken.
    index: usize,
}

impl<B: Backend> Img2ImgStart<B> {
    /// Of `steps` steps the last `strength` · `steps` are taken, rounded down as diffusers'
    /// image-to-image pipelines do it, but one at least. `strength` is in (0, 1].
    ///
    /// # Errors
    /// [`Error::Config`] when it is not.
    pub fn new(image: Tensor<B, 4>, strength: f64, steps: usize) -> Result<Self> {
        if !(strength > 0.0 && strength <= 1.0) {
            return Err(Error::Config(format!(
                "the strength is {strength}, but must be above 0 and at most 1."
            )));
        }
        let taken = (steps as f64 * strength) as usize;
        Ok(Self {
            image,
            index: steps - taken.clamp(1, steps),
        })
    }

    /// The first step that is taken.
    pub fn index(&self) -> usize {
        self.index
    }

    /// x at the level of that step, with standard normal `eps` `[batch, channels, height, width]`.
    pub fn noised(&self, sampler: &dyn Sampler<B>, eps: Tensor<B, 4>) -> Tensor<B, 4> {
        q_sample_at(self.image.clone(), eps, sampler.levels()[self.index])
    }
}
