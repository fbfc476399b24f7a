//! Trajectories: a sampling run as a stepper, so that a page can draw each step.

use burn::tensor::{Tensor, backend::Backend};

use super::{Img2ImgStart, Noise, RePaint, Resampling, Sampler};
use crate::denoiser::Denoiser;
use crate::error::Result;

/// One picture of a sampling run.
#[derive(Debug)]
pub struct Frame<B: Backend> {
    /// Steps taken so far: 0 for where the run starts.
    pub index: usize,
    /// The timestep `x_t` is at, for some samplers between timesteps; `None` once it is x_0.
    pub t: Option<f64>,
    /// `[batch, channels, height, width]`
    pub x_t: Tensor<B, 4>,
    /// The estimate of x_0 that led here; `None` at the start.
    pub pred_x0: Option<Tensor<B, 4>>,
    /// The noise that x_t of the frame before is made of beside `pred_x0`; where it was asked for.
    pub eps: Option<Tensor<B, 4>>,
}

/// A sampling run: x_T, or what it starts from in its place, then a frame per step. Ends after x_0.
pub struct Trajectory<B: Backend> {
    sampler: Box<dyn Sampler<B>>,
    denoiser: Box<dyn Denoiser<B>>,
    noise: Box<dyn Noise<B>>,
    /// Where it starts, if not from x_T.
    start: Option<Img2ImgStart<B>>,
    tells_eps: bool,
    state: State<B>,
}

enum State<B: Backend> {
    Ready,
    /// x_t, and the step to be taken from it.
    At(usize, Tensor<B, 4>),
    /// At x_0, or where a step failed.
    Over,
}

impl<B: Backend> Trajectory<B> {
    /// A run of `sampler` from x_T.
    pub fn new(
        sampler: Box<dyn Sampler<B>>,
        denoiser: Box<dyn Denoiser<B>>,
        noise: Box<dyn Noise<B>>,
    ) -> Self {
        Self {
            sampler,
            denoiser,
            noise,
            start: None,
            tells_eps: false,
            state: State::Ready,
        }
    }

    /// This run from `image` `[batch, channels, height, width]`, noised as far as `strength` says.
    ///
    /// # Errors
    /// As for [`Img2ImgStart::new`].
    pub fn img2img(self, image: Tensor<B, 4>, strength: f64) -> Result<Self> {
        let start = Img2ImgStart::new(image, strength, self.sampler.levels().len())?;
        Ok(Self {
            start: Some(start),
            ..self
        })
    }

    /// This run as one that inpaints `known`; see [`RePaint::new`].
    ///
    /// # Errors
    /// As for [`RePaint::new`].
    pub fn inpaint(
        self,
        known: Tensor<B, 4>,
        known_mask: Tensor<B, 4>,
        resampling: Resampling,
    ) -> Result<Self> {
        let sampler = Box::new(RePaint::new(self.sampler, known, known_mask, resampling)?);
        Ok(Self { sampler, ..self })
    }

    /// This run, with ε in its frames.
    pub fn with_eps(self) -> Self {
        Self {
            tells_eps: true,
            ..self
        }
    }

    /// Number of steps from the start to x_0.
    pub fn total(&self) -> usize {
        self.sampler.levels().len() - self.first_step()
    }

    fn first_step(&self) -> usize {
        self.start.as_ref().map_or(0, Img2ImgStart::index)
    }

    /// The next frame; `None` after x_0, and after an error.
    ///
    /// # Errors
    /// What the noise source refuses.
    pub fn advance(&mut self) -> Result<Option<Frame<B>>> {
        let (step, x_t, pred_x0, eps) = match std::mem::replace(&mut self.state, State::Over) {
            State::Over => return Ok(None),
            State::At(step, _) if step == self.sampler.levels().len() => return Ok(None),
            State::Ready => (self.first_step(), self.initial()?, None, None),
            State::At(step, x_t) => {
                let level = self.sampler.levels()[step];
                let before = self.tells_eps.then(|| x_t.clone());
                let taken =
                    self.sampler
                        .step(self.denoiser.as_ref(), step, x_t, self.noise.as_ref())?;
                let eps =
                    before.map(|x_t| (x_t - taken.pred_x0.clone() * level.signal) / level.noise);
                (step + 1, taken.x_prev, Some(taken.pred_x0), eps)
            }
        };
        self.state = State::At(step, x_t.clone());
        Ok(Some(Frame {
            index: step - self.first_step(),
            t: self.sampler.levels().get(step).map(|level| level.t),
            x_t,
            pred_x0,
            eps,
        }))
    }

    fn initial(&self) -> Result<Tensor<B, 4>> {
        let noise = self.noise.x_t()?;
        Ok(match &self.start {
            Some(start) => start.noised(self.sampler.as_ref(), noise),
            None => noise * self.sampler.initial_scale(),
        })
    }
}
