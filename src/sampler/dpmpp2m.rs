//! DPM-Solver++(2M), a multistep solver of the probability flow ODE (Lu et al. 2022b, algorithm 2).

use burn::tensor::{Tensor, backend::Backend};

use super::{Noise, Sampler, Step, heun::karras_sigmas};
use crate::{
    denoiser::Denoiser,
    diffusion::{
        BetaSchedule, NoiseLevel, Process, Schedule, SchedulerConfig, TimestepSpacing, X0Clipping,
        schedule::linspace,
    },
    error::{Error, Result},
    ops::{Kernels, weighted_sum},
};

/// Second order from the last two estimates of x_0, first order at the first and last step.
pub struct DpmPp2M<B: Backend> {
    levels: Vec<NoiseLevel>,
    clipping: X0Clipping,
    /// The estimate of the step before.
    last_x0: Option<Tensor<B, 4>>,
}

impl<B: Backend> DpmPp2M<B> {
    /// A run of `steps` steps over the levels of diffusers' `DPMSolverMultistepScheduler`.
    ///
    /// # Errors
    /// As for [`Schedule::timesteps`], and with leading and linspace spacing for as many steps as
    /// there are timesteps: two levels would be the same, and no step leads from one to the other.
    pub fn new(
        schedule: &Schedule,
        config: &SchedulerConfig,
        steps: usize,
        use_karras_sigmas: bool,
        clipping: X0Clipping,
    ) -> Result<Self> {
        Ok(Self {
            levels: if use_karras_sigmas {
                karras_levels(schedule, config, steps)?
            } else {
                spaced_levels(schedule, config.timestep_spacing, steps)?
            },
            clipping,
            last_x0: None,
        })
    }

    /// A run over given levels, noisiest first, of any process, all with some signal; x_0 is
    /// unlimited.
    pub fn over(levels: Vec<NoiseLevel>) -> Self {
        Self {
            levels,
            clipping: X0Clipping::None,
            last_x0: None,
        }
    }
}

fn karras_levels(
    schedule: &Schedule,
    config: &SchedulerConfig,
    steps: usize,
) -> Result<Vec<NoiseLevel>> {
    schedule.timesteps(steps, config.timestep_spacing)?;
    let end = |t| schedule.level(Some(t)).sigma();
    let ends = (end(schedule.num_train_timesteps() - 1), end(0));
    let level_at = |sigma| {
        let mut level = schedule.level_at_sigma(sigma);
        // diffusers rounds, and means not to for the cosine schedule, but then truncates.
        level.t = match config.beta_schedule {
            _ if schedule.process() == Process::RectifiedFlow => level.t,
            BetaSchedule::SquaredcosCapV2 => level.t.floor(),
            _ => level.t.round_ties_even(),
        };
        level
    };
    Ok(karras_sigmas(ends, steps).map(level_at).collect())
}

fn spaced_levels(
    schedule: &Schedule,
    spacing: TimestepSpacing,
    steps: usize,
) -> Result<Vec<NoiseLevel>> {
    let rounded = schedule.timesteps(steps, spacing)?;
    let count = schedule.num_train_timesteps();
    // One more than is visited, the last being the end at 0.
    if spacing != TimestepSpacing::Trailing && steps == count {
        return Err(Error::Config(format!(
            "{steps} sampling steps were asked for, but DPM-Solver++ can take 1 to {} of this \
             model unless its timesteps are spaced trailing.",
            count - 1
        )));
    }
    let timesteps: Vec<f64> = match spacing {
        TimestepSpacing::Trailing => rounded.into_iter().map(|t| t as f64).collect(),
        TimestepSpacing::Leading => {
            let stride = count / (steps + 1);
            (1..=steps).rev().map(|i| (i * stride) as f64).collect()
        }
        TimestepSpacing::Linspace => {
            let points = linspace((0.0, (count - 1) as f64), steps + 1);
            let mut timesteps: Vec<f64> = points.skip(1).map(f64::round_ties_even).collect();
            timesteps.reverse();
            timesteps
        }
    };
    Ok(timesteps
        .iter()
        .map(|t| schedule.level_between(*t))
        .collect())
}

impl<B: Kernels> Sampler<B> for DpmPp2M<B> {
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
        let pred_x0 = denoiser
            .predict(x_t.clone(), level, None, self.clipping)
            .pred_x0;
        let last_x0 = self.last_x0.replace(pred_x0.clone());
        let Some(next) = self.levels.get(index + 1).copied() else {
            return Ok(Step {
                x_prev: pred_x0.clone(),
                pred_x0,
            });
        };
        // λ = ln(signal / noise), and h its change in this step.
        let delta_lambda = |from: NoiseLevel, to: NoiseLevel| (from.sigma() / to.sigma()).ln();
        let h = delta_lambda(level, next);
        let data = match last_x0 {
            Some(last_x0) if index > 0 => {
                let r = delta_lambda(self.levels[index - 1], level) / h;
                weighted_sum(pred_x0.clone(), 1.0 + 0.5 / r, last_x0, -0.5 / r)
            }
            _ => pred_x0.clone(),
        };
        let data_coef = -next.signal * (-h).exp_m1();
        let x_prev = weighted_sum(x_t, next.noise / level.noise, data, data_coef);
        Ok(Step { x_prev, pred_x0 })
    }
}
