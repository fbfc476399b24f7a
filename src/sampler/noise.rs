//! Noise sources: x_T and the z of stochastic samplers, from a seed or given.

use burn::tensor::{Tensor, backend::Backend};

use crate::{
    error::{Error, Result},
    ops::{Kernels, from_primitive},
    random::{Normals, Stream},
};

/// x_T and the z of stochastic steps, each `[batch, channels, height, width]`.
pub trait Noise<B: Backend> {
    /// The noise sampling starts from.
    ///
    /// # Errors
    /// [`Error::Noise`] when there is none.
    fn x_t(&self) -> Result<Tensor<B, 4>>;

    /// The noise of the step at `index`.
    ///
    /// # Errors
    /// [`Error::Noise`] when there is none for it.
    fn z(&self, index: usize) -> Result<Tensor<B, 4>>;
}

/// Noise from the counter-based generator. Image i's noise does not depend on how many there are.
pub struct SeededNoise<B: Backend> {
    /// Seed of all noise.
    pub seed: u64,
    /// Which image of the seed is the first of the batch.
    pub first: usize,
    /// `[batch, channels, height, width]`
    pub shape: [usize; 4],
    /// Where the tensors are made.
    pub device: B::Device,
}

impl<B: Kernels> SeededNoise<B> {
    fn normals(&self, stream: Stream, step: u32) -> Tensor<B, 4> {
        let before = self.first * self.shape[1..].iter().product::<usize>();
        let numbers = Normals {
            seed: self.seed,
            stream,
            step,
            first: before as u64,
        };
        from_primitive(B::normals(numbers, self.shape, &self.device))
    }
}

impl<B: Kernels> Noise<B> for SeededNoise<B> {
    fn x_t(&self) -> Result<Tensor<B, 4>> {
        Ok(self.normals(Stream::InitialNoise, 0))
    }

    fn z(&self, index: usize) -> Result<Tensor<B, 4>> {
        Ok(self.normals(Stream::SamplerNoise, index as u32))
    }
}

/// Noise handed in, row i of `z` for step i.
pub struct GivenNoise<B: Backend> {
    /// x_T, `[batch, channels, height, width]`.
    pub x_t: Tensor<B, 4>,
    /// `[steps, batch, channels, height, width]`, or none for deterministic samplers.
    pub z: Option<Tensor<B, 5>>,
}

impl<B: Backend> Noise<B> for GivenNoise<B> {
    fn x_t(&self) -> Result<Tensor<B, 4>> {
        Ok(self.x_t.clone())
    }

    fn z(&self, index: usize) -> Result<Tensor<B, 4>> {
        let missing = || {
            Error::Noise(format!(
                "this sampler draws noise at step {index}, so z must have a row for it."
            ))
        };
        let z = self.z.clone().ok_or_else(missing)?;
        if index >= z.dims()[0] {
            return Err(missing());
        }
        Ok(z.narrow(0, index, 1).squeeze_dim(0))
    }
}
