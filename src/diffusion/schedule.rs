//! The noise schedule and everything that follows from it.

use std::f64::consts::FRAC_PI_2;

use super::{
    BetaSchedule, NoiseLevel, Posterior, Process, SchedulerConfig, TERMINAL_SIGMA, TimestepSpacing,
    VarianceType, config::MAX_BETA,
};
use crate::error::{Error, Result};

/// The least standard share of noise or of signal that f32 still computes with.
const MIN_SHARE: f64 = 1e-15;

/// β_t, ᾱ_t and the noise levels for t in 0..num_train_timesteps, in f64.
///
/// A rectified flow has no β of its own; what it has here are those of the variance-preserving
/// process with the same signal-to-noise ratios, so that every process can be drawn alike:
/// ᾱ = SNR / (1 + SNR) (by Kingma et al. 2021, equation 2).
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Variance of the noise that step t adds, in (0, 1].
    pub betas: Vec<f64>,
    /// ᾱ_t = Π_{s ≤ t} (1 - β_s) (Ho et al. 2020, section 2): the share of x_0's variance left at
    /// t.
    pub alphas_cumprod: Vec<f64>,
    levels: Vec<NoiseLevel>,
    process: Process,
}

impl Schedule {
    /// The schedule that `config` describes; [`BetaSchedule`] names the source of each β.
    ///
    /// # Errors
    /// [`Error::Config`] when [`SchedulerConfig::validate`] refuses, and for a schedule whose first
    /// step adds nothing or whose last leaves nothing: x_0 and ε could not be told apart there.
    pub fn new(config: &SchedulerConfig) -> Result<Self> {
        config.validate()?;
        if config.process() == Process::RectifiedFlow {
            return Ok(Self::rectified_flow(
                config.num_train_timesteps,
                config.shift,
            ));
        }
        let count = config.num_train_timesteps;
        let range = (config.beta_start, config.beta_end);
        let betas = match config.beta_schedule {
            BetaSchedule::Linear => linspace(range, count).collect(),
            BetaSchedule::ScaledLinear => linspace((range.0.sqrt(), range.1.sqrt()), count)
                .map(|root| root * root)
                .collect(),
            BetaSchedule::SquaredcosCapV2 => squaredcos_betas(count),
            BetaSchedule::Sigmoid => linspace((-6.0, 6.0), count)
                .map(|x| range.0 + (range.1 - range.0) / (1.0 + (-x).exp()))
                .collect(),
            BetaSchedule::VarianceExploding => {
                let variance = |i: usize| TERMINAL_SIGMA.powi(2) * i as f64 / count as f64;
                let alphas_cumprod = (1..=count).map(|i| 1.0 / (1.0 + variance(i)));
                betas_from_alphas_cumprod(&alphas_cumprod.collect::<Vec<f64>>())
            }
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
        Ok(if config.rescale_betas_zero_snr {
            schedule.with_zero_terminal_snr()
        } else {
            schedule
        })
    }

    /// The schedule of given β, with ᾱ the product of 1 - β (Ho et al. 2020, section 2).
    pub fn from_betas(betas: Vec<f64>) -> Self {
        let mut product = 1.0;
        let alphas_cumprod = betas
            .iter()
            .map(|beta| {
                product *= 1.0 - beta;
                product
            })
            .collect();
        Self::from_alphas_cumprod(alphas_cumprod, betas)
    }

    fn from_alphas_cumprod(alphas_cumprod: Vec<f64>, betas: Vec<f64>) -> Self {
        let levels = alphas_cumprod
            .iter()
            .enumerate()
            .map(|(t, &alpha_cumprod)| NoiseLevel::variance_preserving(t as f64, alpha_cumprod))
            .collect();
        Self {
            betas,
            alphas_cumprod,
            levels,
            process: Process::VariancePreserving,
        }
    }

    /// √ᾱ shifted and scaled so that it starts where it did and ends at 0 (Lin et al. 2023,
    /// algorithm 1).
    fn with_zero_terminal_snr(&self) -> Self {
        let roots: Vec<f64> = self.alphas_cumprod.iter().map(|a| a.sqrt()).collect();
        let (first, last) = (roots[0], roots[roots.len() - 1]);
        let alphas_cumprod: Vec<f64> = roots
            .iter()
            .map(|root| ((root - last) * first / (first - last)).powi(2))
            .collect();
        let betas = betas_from_alphas_cumprod(&alphas_cumprod);
        Self::from_alphas_cumprod(alphas_cumprod, betas)
    }

    /// Rectified flow over `count` levels σ = 1 / count, 2 / count … 1, moved by `shift`, as
    /// diffusers' `FlowMatchEulerDiscreteScheduler` has them.
    fn rectified_flow(count: usize, shift: f64) -> Self {
        let levels: Vec<NoiseLevel> = (1..=count)
            .map(|i| {
                let sigma = shifted_sigma(i as f64 / count as f64, shift);
                NoiseLevel::rectified_flow(sigma, count)
            })
            .collect();
        let alphas_cumprod: Vec<f64> = levels
            .iter()
            .map(|level| {
                let (signal, noise) = (level.signal.powi(2), level.noise.powi(2));
                signal / (signal + noise)
            })
            .collect();
        Self {
            betas: betas_from_alphas_cumprod(&alphas_cumprod),
            alphas_cumprod,
            levels,
            process: Process::RectifiedFlow,
        }
    }

    /// T.
    pub fn num_train_timesteps(&self) -> usize {
        self.betas.len()
    }

    /// The family of its forward process.
    pub fn process(&self) -> Process {
        self.process
    }

    /// The noise level at `t`; none at all at `None`, before the first step.
    pub fn level(&self, t: Option<usize>) -> NoiseLevel {
        t.map_or(NoiseLevel::CLEAN, |t| self.levels[t])
    }

    /// The level of this process at which noise / signal is `sigma`. Its signal is 1 / √(σ² + 1)
    /// (Song et al. 2021, equation 14), and its timestep is found between the given ones by log σ,
    /// as in diffusers' `_sigma_to_t`. A flow's signal is 1 / (σ + 1), since signal + noise = 1.
    pub fn level_at_sigma(&self, sigma: f64) -> NoiseLevel {
        if self.process == Process::RectifiedFlow {
            let count = self.num_train_timesteps();
            return NoiseLevel::rectified_flow(sigma / (1.0 + sigma), count);
        }
        let log_sigma_at = |t: usize| self.levels[t].sigma().ln();
        let log_sigma = sigma.max(1e-10).ln();
        let above = (0..self.levels.len()).position(|t| log_sigma_at(t) > log_sigma);
        let low = above
            .unwrap_or(self.levels.len())
            .saturating_sub(1)
            .min(self.levels.len() - 2);
        let (from, to) = (log_sigma_at(low), log_sigma_at(low + 1));
        let share = ((log_sigma - from) / (to - from)).clamp(0.0, 1.0);
        NoiseLevel {
            t: low as f64 + share,
            signal: 1.0 / (1.0 + sigma * sigma).sqrt(),
            noise: sigma / (1.0 + sigma * sigma).sqrt(),
        }
    }

    /// The level at `t` or between its neighbours, by linear interpolation of σ as in diffusers'
    /// `set_timesteps`; with some signal.
    pub fn level_between(&self, t: f64) -> NoiseLevel {
        let sigma = |t: f64| self.level(Some(t as usize)).sigma();
        let (below, above) = (t.floor(), t.ceil());
        let sigma = sigma(below) + (sigma(above) - sigma(below)) * (t - below);
        let level = self.level_at_sigma(sigma);
        match self.process {
            Process::VariancePreserving => NoiseLevel { t, ..level },
            Process::RectifiedFlow => level,
        }
    }

    /// SNR(t) = ᾱ_t / (1 - ᾱ_t) (Kingma et al. 2021, equation 2).
    pub fn snr(&self, t: usize) -> f64 {
        self.alphas_cumprod[t] / (1.0 - self.alphas_cumprod[t])
    }

    /// q(x_{t-1} | x_t, x_0) of a single step of the chain (Ho et al. 2020, equation 6).
    pub fn posterior(&self, t: usize) -> Posterior {
        Posterior::between(self.level(Some(t)), self.level(t.checked_sub(1)))
    }

    /// Logarithm of β̃_t (Ho et al. 2020, equation 7), or of β̃_1 at t = 0, where β̃ is 0.
    pub fn posterior_log_variance_clipped(&self, t: usize) -> f64 {
        self.posterior(t.max(1)).variance.ln()
    }

    /// Logarithm of β_t, the larger of the choices of a variance (Ho et al. 2020, section 3.2).
    pub fn log_beta(&self, t: usize) -> f64 {
        self.posterior(t).beta.ln()
    }

    /// Logarithm of the variance of p(x_{t-1} | x_t), `None` where the network predicts it
    /// (Ho et al. 2020, section 3.2).
    pub fn fixed_log_variance(&self, variance_type: VarianceType, t: usize) -> Option<f64> {
        match variance_type {
            VarianceType::FixedSmall => Some(self.posterior_log_variance_clipped(t)),
            VarianceType::FixedLarge if t == 0 => Some(self.posterior_log_variance_clipped(t)),
            VarianceType::FixedLarge => Some(self.log_beta(t)),
            VarianceType::FixedForward => Some(self.posterior(t).forward_variance.ln()),
            VarianceType::LearnedRange => None,
        }
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

/// `sigma` in [0, 1] moved towards 1 by a `shift` above 1 (Esser et al. 2024, section 5.3.2).
pub(crate) fn shifted_sigma(sigma: f64, shift: f64) -> f64 {
    shift * sigma / (1.0 + (shift - 1.0) * sigma)
}

/// β_t = 1 - ᾱ_t / ᾱ_{t-1} (Nichol & Dhariwal 2021, section 3.2).
fn betas_from_alphas_cumprod(alphas_cumprod: &[f64]) -> Vec<f64> {
    let previous = std::iter::once(&1.0).chain(alphas_cumprod);
    alphas_cumprod
        .iter()
        .zip(previous)
        .map(|(alpha_cumprod, previous)| 1.0 - alpha_cumprod / previous)
        .collect()
}

/// `count` evenly spaced numbers, both ends included.
pub(crate) fn linspace(range: (f64, f64), count: usize) -> impl Iterator<Item = f64> {
    let step = (range.1 - range.0) / (count.max(2) - 1) as f64;
    (0..count).map(move |i| range.0 + step * i as f64)
}

/// β of ᾱ_t = f(t) / f(0), f the square of a cosine (Nichol & Dhariwal 2021, equation 17).
fn squaredcos_betas(count: usize) -> Vec<f64> {
    // Keeps β from vanishing near t = 0 (Nichol & Dhariwal 2021, section 3.2).
    const OFFSET: f64 = 0.008;
    let alpha_bar = |i: usize| {
        let u = i as f64 / count as f64;
        ((u + OFFSET) / (1.0 + OFFSET) * FRAC_PI_2).cos().powi(2)
    };
    (0..count)
        .map(|i| (1.0 - alpha_bar(i + 1) / alpha_bar(i)).min(MAX_BETA))
        .collect()
}
