//! Inpainting by RePaint (Lugmayr et al. 2022, algorithm 1).

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::{Noise, Sampler, Step};
use crate::{
    denoiser::Denoiser,
    diffusion::{
        NoiseLevel,
        forward::{q_between, q_sample_at},
    },
    error::{Error, Result},
};

/// How often steps are sampled again from more noise, so that what is filled in comes to agree with
/// what is known (Lugmayr et al. 2022, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resampling {
    /// Steps that a jump goes back into noise, and the distance between jumps.
    pub jump_length: usize,
    /// How many times each stretch is sampled: 1 for no jumps.
    pub jump_n_sample: usize,
}

impl Default for Resampling {
    /// The paper has 10 and 10; fewer repetitions, because each is waited for.
    fn default() -> Self {
        Self {
            jump_length: 10,
            jump_n_sample: 3,
        }
    }
}

impl Resampling {
    /// The positions among `steps` levels, noisiest first, in the order in which they are visited:
    /// `get_schedule_jump` of the paper's code.
    ///
    /// # Errors
    /// [`Error::Config`] when either number is 0, or `jump_n_sample` is above 100.
    pub fn visits(self, steps: usize) -> Result<Vec<usize>> {
        let Self {
            jump_length,
            jump_n_sample,
        } = self;
        if jump_length == 0 {
            return Err(Error::Config(
                "jump_length is 0, but a jump must go back by 1 step or more.".into(),
            ));
        }
        if !(1..=100).contains(&jump_n_sample) {
            return Err(Error::Config(format!(
                "jump_n_sample is {jump_n_sample}, but must be between 1 (no jumps) and 100."
            )));
        }
        let mut jumps_left = vec![0; steps];
        for t in (0..steps.saturating_sub(jump_length)).step_by(jump_length) {
            jumps_left[t] = jump_n_sample - 1;
        }
        // Counted as the paper counts, from the last step backwards.
        let mut visits = Vec::new();
        for t in (0..steps).rev() {
            visits.push(t);
            for _ in 0..jumps_left[t] {
                visits.extend(t + 1..=t + jump_length);
                visits.extend((t..t + jump_length).rev());
            }
        }
        Ok(visits.into_iter().map(|t| steps - 1 - t).collect())
    }
}

/// A sampler whose known pixels are replaced after every step by those of an image, noised to its
/// level.
///
/// The sampler must do each step from x_t alone, as [`super::Ddpm`] and [`super::Ddim`] do. The
/// known part is noised to the level where it is put, as in the paper's code, so that at the end it
/// is the image itself. Equation 8a and line 5 of the algorithm have ᾱ_t for x_{t-1}, and line 5
/// the variance in place of its root.
pub struct RePaint<B: Backend> {
    sampler: Box<dyn Sampler<B>>,
    /// `[batch, channels, height, width]`
    known: Tensor<B, 4>,
    /// 1 where the image is known, 0 where it is to be filled in; shaped as `known`.
    known_mask: Tensor<B, 4>,
    /// 1 - `known_mask`
    unknown_mask: Tensor<B, 4>,
    /// Positions among the sampler's levels, in the order in which they are visited.
    visits: Vec<usize>,
    /// The level of each visit.
    levels: Vec<NoiseLevel>,
    /// The last estimate of x_0, which a jump back into noise does not change.
    pred_x0: Tensor<B, 4>,
}

impl<B: Backend> RePaint<B> {
    /// Keeps `known` where `known_mask` is 1 and fills in where it is 0; both
    /// `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// As for [`Resampling::visits`].
    pub fn new(
        sampler: Box<dyn Sampler<B>>,
        known: Tensor<B, 4>,
        known_mask: Tensor<B, 4>,
        resampling: Resampling,
    ) -> Result<Self> {
        let visits = resampling.visits(sampler.levels().len())?;
        let levels = visits.iter().map(|at| sampler.levels()[*at]).collect();
        Ok(Self {
            sampler,
            pred_x0: known.clone(),
            known,
            unknown_mask: known_mask.clone() * -1.0 + 1.0,
            known_mask,
            visits,
            levels,
        })
    }

    /// x with what is known in its place, noised to `level` by `noise`'s z of the step at `index`
    /// (Lugmayr et al. 2022, equations 8a and 8c).
    fn with_known(
        &self,
        x: Tensor<B, 4>,
        level: NoiseLevel,
        index: usize,
        noise: &dyn Noise<B>,
    ) -> Result<Tensor<B, 4>> {
        let known = if level.noise > 0.0 {
            q_sample_at(self.known.clone(), noise.z(index)?, level)
        } else {
            self.known.clone()
        };
        Ok(known * self.known_mask.clone() + x * self.unknown_mask.clone())
    }
}

impl<B: Backend> Sampler<B> for RePaint<B> {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
    }

    fn initial_scale(&self) -> f64 {
        self.sampler.initial_scale()
    }

    fn step(
        &mut self,
        denoiser: &dyn Denoiser<B>,
        index: usize,
        x_t: Tensor<B, 4>,
        noise: &dyn Noise<B>,
    ) -> Result<Step<B>> {
        let (at, level) = (self.visits[index], self.levels[index]);
        let next = self.levels.get(index + 1).copied();
        let next = next.unwrap_or(NoiseLevel::CLEAN);
        if self.visits.get(index + 1).is_some_and(|next| *next < at) {
            return Ok(Step {
                x_prev: q_between(x_t, noise.z(index)?, level, next),
                pred_x0: self.pred_x0.clone(),
            });
        }
        let fresh = NoiseOfVisit { noise, index };
        let step = self.sampler.step(denoiser, at, x_t, &fresh)?;
        self.pred_x0 = step.pred_x0.clone();
        Ok(Step {
            // The same z serves both parts: no pixel is in both.
            x_prev: self.with_known(step.x_prev, next, index, noise)?,
            pred_x0: step.pred_x0,
        })
    }
}

/// Noise that differs from visit to visit, where the sampler asks for that of its own step.
struct NoiseOfVisit<'a, B: Backend> {
    noise: &'a dyn Noise<B>,
    index: usize,
}

impl<B: Backend> Noise<B> for NoiseOfVisit<'_, B> {
    fn x_t(&self) -> Result<Tensor<B, 4>> {
        self.noise.x_t()
    }

    fn z(&self, _step: usize) -> Result<Tensor<B, 4>> {
        self.noise.z(self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(jump_length: usize, jump_n_sample: usize, steps: usize) -> Vec<usize> {
        let resampling = Resampling {
            jump_length,
            jump_n_sample,
        };
        resampling.visits(steps).unwrap()
    }

    #[test]
    fn visits_go_back_and_forth() {
        assert_eq!(visits(10, 1, 4), [0, 1, 2, 3]);
        assert_eq!(visits(3, 2, 5), [0, 1, 2, 3, 4, 3, 2, 1, 2, 3, 4]);
        assert_eq!(visits(1, 3, 2), [0, 1, 0, 1, 0, 1]);
        // Jumps longer than the run are none.
        assert_eq!(visits(5, 9, 5), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn senseless_jumps_are_refused() {
        for (jump_length, jump_n_sample) in [(0, 1), (1, 0), (1, 101)] {
            let resampling = Resampling {
                jump_length,
                jump_n_sample,
            };
            assert!(matches!(resampling.visits(5), Err(Error::Config(_))));
        }
    }
}
