//! The noise schedule and everything that follows from it.

use std::f64::consts::FRAC_PI_2;

use super::{BetaSchedule, Posterior, SchedulerConfig, TimestepSpacing};
use crate::error::{Error, Result};

/// The least standard share of noise or of signal that f32 still computes with.
const MIN_SHARE: f64 = 1e-15;

/// β_t and ᾱ_t for t in 0..num_train_timesteps, in f64.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Variance of the noise that step t adds, in (0, 1).
    pub betas: Vec<f64>,
    /// ᾱ_t = Π_{s ≤ t} (1 - β_s): the share of x_0's variance left at t.
    pub alphas_cumprod: Vec<f64>,
}

impl Schedule {
    /// # Errors
    /// [`Error::Config`] when [`SchedulerConfig::validate`] refuses, and for a schedule whose first
    /// step adds nothing or whose last leaves nothing: x_0 and ε could not be told apart there.
    pub fn new(config: &SchedulerConfig) -> Result<Self> {
        config.validate()?;
        let count = config.num_train_timesteps;
        let range = (config.beta_start, config.beta_end);
        let betas = match config.beta_schedule {
            BetaSchedule::Linear => linspace(range, count).collect(),
            BetaSchedule::SquaredcosCapV2 => squaredcos_betas(count),
            BetaSchedule::Sigmoid => linspace((-6.0, 6.0), count)
                .map(|x| range.0 + (range.1 - range.0) / (1.0 + (-x).exp()))
                .collect(),
        };
        let schedule = Self::from_betas(betas);
        let (first, last) = (
            schedule.alphas_cumprod[0],
            schedule.alphas_cumprod[count - 1],
        );
        if 1.0 - first < MIN_SHARE || last < MIN_SHARE.powi(2) {
            return Err(Error::Config(format!(
                "over {count} steps this schedule goes from alphas_cumprod = {first} to {last:e}, \
                 too close to 1 or to 0 to compute with. Choose beta_start, beta_end or \
                 num_train_timesteps less extreme."
            )));
        }
        Ok(schedule)
    }

    /// The schedule of given β.
    pub fn from_betas(betas: Vec<f64>) -> Self {
        let mut product = 1.0;
        let alphas_cumprod = betas
            .iter()
            .map(|beta| {
                product *= 1.0 - beta;
                product
            })
            .collect();
        Self {
            betas,
            alphas_cumprod,
        }
    }

    /// T.
    pub fn num_train_timesteps(&self) -> usize {
        self.betas.len()
    }

    /// ᾱ at `t`; 1 at `None`, before the first step, where nothing is noise.
    pub fn alpha_cumprod(&self, t: Option<usize>) -> f64 {
        t.map_or(1.0, |t| self.alphas_cumprod[t])
    }

    /// SNR(t) = ᾱ_t / (1 - ᾱ_t) (Kingma et al. 2021, equation 2).
    pub fn snr(&self, t: usize) -> f64 {
        self.alphas_cumprod[t] / (1.0 - self.alphas_cumprod[t])
    }

    /// q(x_{t-1} | x_t, x_0) of a single step of the chain.
    pub fn posterior(&self, t: usize) -> Posterior {
        Posterior::between(self.alphas_cumprod[t], self.alpha_cumprod(t.checked_sub(1)))
    }

    /// The timesteps a sampler of `steps` steps visits, noisiest first, as diffusers spaces them.
    ///
    /// # Errors
    /// [`Error::Config`] unless 1 ≤ `steps` ≤ T.
    pub fn timesteps(&self, steps: usize, spacing: TimestepSpacing) -> Result<Vec<usize>> {
        let count = self.num_train_timesteps();
        if !(1..=count).contains(&steps) {
            return Err(Error::Config(format!(
                "{steps} sampling steps were asked for, but this model can take 1 to {count}."
            )));
        }
        Ok(match spacing {
            TimestepSpacing::Leading => {
                let stride = count / steps;
                (0..steps).rev().map(|i| i * stride).collect()
            }
            TimestepSpacing::Trailing => {
                let stride = count as f64 / steps as f64;
                (0..steps)
                    .map(|i| (count as f64 - i as f64 * stride).round_ties_even() as usize - 1)
                    .collect()
            }
            TimestepSpacing::Linspace => {
                let mut timesteps: Vec<usize> = linspace((0.0, (count - 1) as f64), steps)
                    .map(|t| t.round_ties_even() as usize)
                    .collect();
                timesteps.reverse();
                timesteps
            }
        })
    }
}

/// `count` evenly spaced numbers, both ends included.
fn linspace(range: (f64, f64), count: usize) -> impl Iterator<Item = f64> {
    let step = (range.1 - range.0) / (count.max(2) - 1) as f64;
    (0..count).map(move |i| range.0 + step * i as f64)
}

fn squaredcos_betas(count: usize) -> Vec<f64> {
    // The offset keeps β from vanishing near t = 0, the cap from a singularity at t = T
    // (Nichol & Dhariwal 2021, section 3.2).
    const OFFSET: f64 = 0.008;
    const MAX_BETA: f64 = 0.999;
    let alpha_bar = |i: usize| {
        let u = i as f64 / count as f64;
        ((u + OFFSET) / (1.0 + OFFSET) * FRAC_PI_2).cos().powi(2)
    };
    (0..count)
        .map(|i| (1.0 - alpha_bar(i + 1) / alpha_bar(i)).min(MAX_BETA))
        .collect()
}
