//! The configuration of a diffusion process, with the fields and spellings of diffusers'
//! `scheduler_config.json`.

use serde::{Deserialize, Serialize};

use super::{PredictionType, Process, X0Clipping};
use crate::error::{Error, Result};

/// Where a β would otherwise reach 1 and leave nothing of x_0 (Nichol & Dhariwal 2021, section
/// 3.2).
pub(super) const MAX_BETA: f64 = 0.999;

/// σ_q of [`BetaSchedule::VarianceExploding`]: what is left of an image beside that much noise is a
/// tenth, and the first of 1000 steps adds a third of a pixel's range from grey to white.
pub const TERMINAL_SIGMA: f64 = 10.0;

/// The shape of β over t.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// β rises linearly (Ho et al. 2020, section 4).
    Linear,
    /// √β rises linearly (Rombach et al. 2022: `linear` in their `make_beta_schedule`).
    ScaledLinear,
    /// ᾱ follows a squared cosine, β capped at 0.999 (Nichol & Dhariwal 2021, equation 17).
    #[serde(rename = "squaredcos_cap_v2")]
    #[cfg_attr(feature = "cli", value(name = "cosine"))]
    SquaredcosCapV2,
    /// β follows a logistic curve over [-6, 6] (Xu et al. 2022, "GeoDiff": `sigmoid` in their
    /// `get_beta_schedule`).
    Sigmoid,
    /// The process whose variance explodes, x_0 + σ_t · ε with σ_t = σ_q √((t + 1) / T), where every
    /// step adds noise of the same variance σ_q² / T (Nakkiran et al. 2024, "Step-by-Step Diffusion:
    /// An Elementary Tutorial", arXiv 2406.08929, equations 1 and 10), σ_q = [`TERMINAL_SIGMA`]. Its
    /// states are divided by √(1 + σ_t²), so that a network sees numbers of one size: ᾱ_t =
    /// 1 / (1 + σ_t²).
    VarianceExploding,
}

/// The variance of p(x_{t-1} | x_t) (Ho et al. 2020, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "cli",
    derive(clap::ValueEnum),
    value(rename_all = "snake_case")
)]
#[serde(rename_all = "snake_case")]
pub enum VarianceType {
    /// β̃_t, the posterior's variance: optimal for data at a single point.
    FixedSmall,
    /// β_t: optimal for standard normal data.
    FixedLarge,
    /// β_t / (1 - β_t), the noise of a step of the chain in units of x_{t-1}: where the variance
    /// explodes the σ_q² Δt of Nakkiran et al. 2024, pseudocode 2. A choice of sampling alone.
    FixedForward,
    /// Between the two, where the network says, on a logarithmic scale (Nichol & Dhariwal 2021,
    /// equation 15). The network then has twice the channels out.
    LearnedRange,
}

/// Which of the training timesteps a shorter sampling run visits (Lin et al. 2023, table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum TimestepSpacing {
    /// From 0 upwards; misses the noisiest steps.
    Leading,
    /// From the last step downwards.
    Trailing,
    /// Both ends and evenly between.
    Linspace,
}

/// The diffusion process, as diffusers describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerConfig {
    /// T, the length of the Markov chain.
    pub num_train_timesteps: usize,
    /// β of the first step (of linear, scaled linear and sigmoid schedules).
    pub beta_start: f64,
    /// β of the last step (of linear, scaled linear and sigmoid schedules).
    pub beta_end: f64,
    /// The shape of β over t.
    pub beta_schedule: BetaSchedule,
    /// What the network predicts.
    pub prediction_type: PredictionType,
    /// The variance of the reverse steps.
    pub variance_type: VarianceType,
    /// Whether samplers clamp their estimate of x_0 to [-1, 1]. A flow's are not clamped unless a
    /// sampling run asks for it: x_0 = x_t - σ · velocity does not magnify errors.
    pub clip_sample: bool,
    /// Whether samplers limit their estimate of x_0 by dynamic thresholding instead
    /// (Saharia et al. 2022, section 2.3).
    pub thresholding: bool,
    /// The quantile of an image's absolute values that becomes 1, in (0, 1].
    pub dynamic_thresholding_ratio: f64,
    /// The quantile counts as at most this, 1 or more; at 1 thresholding is clamping.
    pub sample_max_value: f64,
    /// Whether β are changed so that x_T holds nothing of x_0 (Lin et al. 2023, algorithm 1).
    pub rescale_betas_zero_snr: bool,
    /// Flow: σ is moved to shift · σ / (1 + (shift - 1) · σ), towards more noise above 1
    /// (Esser et al. 2024, equation 23).
    pub shift: f64,
    /// Which timesteps samplers visit unless an option says otherwise.
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
            thresholding: false,
            dynamic_thresholding_ratio: 0.995,
            sample_max_value: 1.0,
            rescale_betas_zero_snr: false,
            shift: 1.0,
            timestep_spacing: TimestepSpacing::Trailing,
        }
    }
}

impl SchedulerConfig {
    /// β multiplied by 1000 / T, so that a linear schedule of any length ends as noisy as one of a
    /// thousand steps (improved-diffusion's `get_named_beta_schedule`); capped as the cosine's are,
    /// for fewer than 21.
    pub fn scaled_to_steps(mut self) -> Self {
        let scale = 1000.0 / self.num_train_timesteps as f64;
        self.beta_start = (self.beta_start * scale).min(MAX_BETA);
        self.beta_end = (self.beta_end * scale).min(MAX_BETA);
        self
    }

    /// The process, for which diffusers' configurations have no field of their own: it knows
    /// rectified flows by what their networks predict.
    pub fn process(&self) -> Process {
        match self.prediction_type {
            PredictionType::Velocity => Process::RectifiedFlow,
            PredictionType::Epsilon | PredictionType::Sample | PredictionType::VPrediction => {
                Process::VariancePreserving
            }
        }
    }

    /// How samplers clip pred_x0 unless an option says otherwise.
    pub fn clipping(&self) -> X0Clipping {
        if self.thresholding {
            X0Clipping::Dynamic {
                ratio: self.dynamic_thresholding_ratio,
                max: self.sample_max_value,
            }
        } else if self.clip_sample && self.process() == Process::VariancePreserving {
            X0Clipping::Clip
        } else {
            X0Clipping::None
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Config`] for fewer than 2 or more than 10,000 timesteps, for β outside (0, 1) or
    /// falling, for numbers of thresholding or of the flow out of range, for a variance that is only a
    /// choice of sampling, and for a network that is to find the noise in pure noise.
    pub fn validate(&self) -> Result<()> {
        let refuse = |reason: String| Err(Error::Config(reason));
        if !(2..=10_000).contains(&self.num_train_timesteps) {
            return refuse(format!(
                "num_train_timesteps is {}, but must be between 2 and 10000.",
                self.num_train_timesteps
            ));
        }
        let ordered =
            0.0 < self.beta_start && self.beta_start <= self.beta_end && self.beta_end < 1.0;
        if !ordered {
            return refuse(format!(
                "beta_start = {} and beta_end = {} must satisfy 0 < beta_start <= beta_end < 1.",
                self.beta_start, self.beta_end
            ));
        }
        let ratio = self.dynamic_thresholding_ratio;
        if !(ratio > 0.0 && ratio <= 1.0)
            || self.sample_max_value.is_nan()
            || self.sample_max_value < 1.0
        {
            return refuse(
                "dynamic_thresholding_ratio must be above 0 and at most 1, and sample_max_value \
                 at least 1."
                    .into(),
            );
        }
        if !(0.01..=100.0).contains(&self.shift) {
            return refuse("shift must be 0.01 to 100.".into());
        }
        if self.variance_type == VarianceType::FixedForward {
            return refuse(
                "the variance_type fixed_forward is a choice of sampling; a model has fixed_small, \
                 fixed_large or learned_range."
                    .into(),
            );
        }
        if self.rescale_betas_zero_snr && self.prediction_type == PredictionType::Epsilon {
            return refuse(
                "with rescale_betas_zero_snr the last x_t is nothing but noise, and knowing it \
                 says nothing of x_0; choose the prediction_type v_prediction or sample."
                    .into(),
            );
        }
        Ok(())
    }
}
