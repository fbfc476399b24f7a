//! DPM-Solver++(2M), a multistep solver of the probability flow ODE (Lu et al. 2022b, algorithm 2).

use burn::tensor::{Tensor, backend::Backend};

use super::{Denoiser, Noise, Sampler, Step};
use crate::{
    diffusion::{Limit, NoiseLevel, Prediction},
    error::Result,
    ops::{Kernels, weighted_sum},
};

/// Second order from the last two estimates of x_0, first order at the first and last step.
pub struct Dpmpp2m<B: Backend> {
    levels: Vec<NoiseLevel>,
    limit: Limit,
    /// The estimate of the step before.
    last_x0: Option<Tensor<B, 4>>,
}

impl<B: Backend> Dpmpp2m<B> {
    /// `levels` noisiest first, all with some signal.
    pub fn new(levels: Vec<NoiseLevel>, limit: Limit) -> Self {
        Self {
            levels,
            limit,
            last_x0: None,
        }
    }
}

impl<B: Kernels> Sampler<B> for Dpmpp2m<B> {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
    }

    fn step(
        &mut self,
        denoiser: &dyn Denoiser<B>,
        index: usize,
        x_t: Tensor<B, 4>,
        _noise: &dyn Noise<B>,
    ) -> Result<Step<B>> {
        let level = self.levels[index];
        let pred_x0 = Prediction::of(denoiser, x_t.clone(), level, self.limit).pred_x0;
        let last_x0 = self.last_x0.replace(pred_x0.clone());
        let Some(next) = self.levels.get(index + 1).copied() else {
            return Ok(Step {
                x_prev: pred_x0.clone(),
                pred_x0,
            });
        };
        // λ = ln(signal / noise), and h how far it rises in this step.
        let rise = |from: NoiseLevel, to: NoiseLevel| (from.sigma() / to.sigma()).ln();
        let h = rise(level, next);
        let data = match last_x0 {
            Some(last_x0) if index > 0 => {
                let r = rise(self.levels[index - 1], level) / h;
                weighted_sum(pred_x0.clone(), 1.0 + 0.5 / r, last_x0, -0.5 / r)
            }
            _ => pred_x0.clone(),
        };
        let of_data = -next.signal * (-h).exp_m1();
        let x_prev = weighted_sum(x_t, next.noise / level.noise, data, of_data);
        Ok(Step { x_prev, pred_x0 })
    }
}
