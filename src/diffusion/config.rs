//! What describes a diffusion process, with the fields and spellings of diffusers'
//! `scheduler_config.json`.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The shape of β over t.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// β rises linearly (Ho et al. 2020, section 4).
    Linear,
    /// ᾱ follows a squared cosine, β capped at 0.999 (Nichol & Dhariwal 2021, equation 17).
    #[serde(rename = "squaredcos_cap_v2")]
    SquaredcosCapV2,
    /// β follows a logistic curve over [-6, 6] (GeoDiff, as in diffusers).
    Sigmoid,
}

/// The variance of p(x_{t-1} | x_t) (Ho et al. 2020, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarianceType {
    /// β̃_t, the posterior's variance: optimal for data at a single point.
    FixedSmall,
    /// β_t: optimal for standard normal data.
    FixedLarge,
}

/// Which of the training timesteps a shorter sampling run visits (Lin et al. 2023, table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestepSpacing {
    /// From 0 upwards; misses the noisiest steps.
    Leading,
    /// From the last step downwards.
    Trailing,
    /// Both ends and evenly between.
    Linspace,
}

/// What the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise ε.
    Epsilon,
}

/// The diffusion process, as diffusers describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerConfig {
    /// T, the length of the Markov chain.
    pub num_train_timesteps: usize,
    /// β of the first step (linear and sigmoid schedules).
    pub beta_start: f64,
    /// β of the last step (linear and sigmoid schedules).
    pub beta_end: f64,
    pub beta_schedule: BetaSchedule,
    pub prediction_type: PredictionType,
    pub variance_type: VarianceType,
    /// Whether samplers clamp their estimate of x_0 to [-1, 1].
    pub clip_sample: bool,
    pub timestep_spacing: TimestepSpacing,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 1e-4,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            prediction_type: PredictionType::Epsilon,
            variance_type: VarianceType::FixedSmall,
            clip_sample: true,
            timestep_spacing: TimestepSpacing::Trailing,
        }
    }
}

impl SchedulerConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Config`] for fewer than 2 or more than 10,000 timesteps, or for β outside (0, 1) or
    /// falling.
    pub fn validate(&self) -> Result<()> {
        if !(2..=10_000).contains(&self.num_train_timesteps) {
            return Err(Error::Config(format!(
                "num_train_timesteps is {}, but must be between 2 and 10000.",
                self.num_train_timesteps
            )));
        }
        let ordered =
            0.0 < self.beta_start && self.beta_start <= self.beta_end && self.beta_end < 1.0;
        if !ordered {
            return Err(Error::Config(format!(
                "beta_start = {} and beta_end = {} must satisfy 0 < beta_start <= beta_end < 1.",
                self.beta_start, self.beta_end
            )));
        }
        Ok(())
    }
}
