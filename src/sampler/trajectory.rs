//! A sampling run that is taken one step at a time, so that a page can draw each.

use burn::tensor::{Tensor, backend::Backend};

use super::{Denoiser, Noise, Sampler};
use crate::error::Result;

/// One picture of a sampling run.
#[derive(Debug)]
pub struct Frame<B: Backend> {
    /// Steps taken so far: 0 for x_T.
    pub index: usize,
    /// The timestep `x_t` is at, for some samplers between timesteps; `None` once it is x_0.
    pub t: Option<f64>,
    pub x_t: Tensor<B, 4>,
    /// The estimate of x_0 that led here; `None` at the start.
    pub pred_x0: Option<Tensor<B, 4>>,
}

/// A sampling run: x_T first, then a frame per step. Ends after x_0.
pub struct Trajectory<B: Backend> {
    sampler: Box<dyn Sampler<B>>,
    denoiser: Box<dyn Denoiser<B>>,
    noise: Box<dyn Noise<B>>,
    /// x_t and the number of steps that led to it, once started.
    state: Option<(usize, Tensor<B, 4>)>,
}

impl<B: Backend> Trajectory<B> {
    pub fn new(
        sampler: Box<dyn Sampler<B>>,
        denoiser: Box<dyn Denoiser<B>>,
        noise: Box<dyn Noise<B>>,
    ) -> Self {
        Self {
            sampler,
            denoiser,
            noise,
            state: None,
        }
    }

    /// Number of steps from x_T to x_0.
    pub fn total(&self) -> usize {
        self.sampler.levels().len()
    }

    /// The next frame; `None` after x_0.
    ///
    /// # Errors
    /// What the noise source refuses; the run can then not go on.
    pub fn advance(&mut self) -> Result<Option<Frame<B>>> {
        let (index, x_t, pred_x0) = match self.state.take() {
            None => (0, self.noise.x_t()?, None),
            Some((index, x_t)) if index == self.total() => {
                self.state = Some((index, x_t));
                return Ok(None);
            }
            Some((index, x_t)) => {
                let step =
                    self.sampler
                        .step(self.denoiser.as_ref(), index, x_t, self.noise.as_ref())?;
                (index + 1, step.x_prev, Some(step.pred_x0))
            }
        };
        self.state = Some((index, x_t.clone()));
        Ok(Some(Frame {
            index,
            t: self.sampler.levels().get(index).map(|level| level.t),
            x_t,
            pred_x0,
        }))
    }
}
