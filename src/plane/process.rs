//! Forward processes in the plane over a time from 0 to 1.

use serde::{Deserialize, Serialize};

use crate::{
    diffusion::{NoiseLevel, Schedule, SchedulerConfig, TimestepSpacing},
    error::{Error, Result},
    sampler::karras_sigmas,
};

/// Steps that a run may have at most.
pub const MAX_STEPS: usize = 1000;

/// σ of the variance-exploding process at time 1, σ_q of Nakkiran et al. 2024 ("Step-by-Step
/// Diffusion: An Elementary Tutorial", arXiv 2406.08929), equation 10: about three times the standard
/// deviation of what is drawn in [-1, 1]².
pub const TERMINAL_SIGMA: f64 = 2.0;

/// The least σ of levels spaced as Karras et al. 2022 do (their σ_min, for images, is 0.002).
const LEAST_SIGMA: f64 = 0.01;

/// The name of a forward process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessKind {
    /// signal² + noise² = 1, with the default schedule of images (Ho et al. 2020, section 4).
    VariancePreserving,
    /// x_t = x_0 + σ_q · √t · ε: noise of the same variance in each step (Nakkiran et al. 2024,
    /// equation 12).
    VarianceExploding,
    /// x_t = (1 - t) · x_0 + t · x_1 (Liu et al. 2023, equation 1; Nakkiran et al. 2024, section
    /// 4.4).
    RectifiedFlow,
}

/// How the noise levels of a run are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly in time.
    Time,
    /// Evenly in σ^(1/7) (Karras et al. 2022, equation 5).
    Karras,
}

/// A forward process: its noise level at each time from 0, where there is none, to 1.
#[derive(Debug, Clone)]
pub struct Process {
    kind: ProcessKind,
    /// Of the variance-preserving process.
    schedule: Schedule,
}

impl Process {
    /// The process of that name.
    ///
    /// # Errors
    /// None that the default schedule has.
    pub fn new(kind: ProcessKind) -> Result<Self> {
        let schedule = Schedule::new(&SchedulerConfig::default())?;
        Ok(Self { kind, schedule })
    }

    /// Its name.
    pub fn kind(&self) -> ProcessKind {
        self.kind
    }

    /// The noise level at `time`, which is clamped to [0, 1].
    pub fn level(&self, time: f64) -> NoiseLevel {
        let time = time.clamp(0.0, 1.0);
        match self.kind {
            ProcessKind::VariancePreserving => {
                let t = time * self.schedule.num_train_timesteps() as f64 - 1.0;
                let whole = t.round();
                // To look between timesteps takes a search through all of them.
                if whole >= 0.0 && (t - whole).abs() < 1e-9 {
                    return self.schedule.level(Some(whole as usize));
                }
                if t >= 0.0 {
                    return self.schedule.level_between(t);
                }
                // Before the first step of the chain the noise grows from nothing.
                let variance = (t + 1.0) * self.schedule.betas[0];
                NoiseLevel::variance_preserving(t, 1.0 - variance)
            }
            ProcessKind::VarianceExploding => {
                NoiseLevel::variance_exploding(time, TERMINAL_SIGMA * time.sqrt())
            }
            ProcessKind::RectifiedFlow => NoiseLevel::rectified_flow(time, 1),
        }
    }

    /// The level that is learnt from at `time`, above 0: the timestep at or after it, as of images,
    /// where the process has timesteps.
    pub fn training_level(&self, time: f64) -> NoiseLevel {
        let count = self.schedule.num_train_timesteps();
        match self.kind {
            ProcessKind::VariancePreserving => {
                let steps = (time * count as f64).ceil() as usize;
                self.schedule.level(Some(steps.clamp(1, count) - 1))
            }
            ProcessKind::VarianceExploding | ProcessKind::RectifiedFlow => self.level(time),
        }
    }

    /// The time of one of its levels.
    pub fn time(&self, level: NoiseLevel) -> f64 {
        match self.kind {
            ProcessKind::VariancePreserving => {
                (level.t + 1.0) / self.schedule.num_train_timesteps() as f64
            }
            ProcessKind::VarianceExploding | ProcessKind::RectifiedFlow => level.t,
        }
    }

    /// The level at which noise / signal is `sigma`.
    fn level_at_sigma(&self, sigma: f64) -> NoiseLevel {
        match self.kind {
            ProcessKind::VariancePreserving => self.schedule.level_at_sigma(sigma),
            ProcessKind::VarianceExploding => {
                NoiseLevel::variance_exploding((sigma / TERMINAL_SIGMA).powi(2), sigma)
            }
            ProcessKind::RectifiedFlow => NoiseLevel::rectified_flow(sigma / (1.0 + sigma), 1),
        }
    }

    /// The levels that a run of `steps` steps visits, noisiest first, time 1, in time: 1, 1 - Δt …
    /// Δt with Δt = 1 / steps, of the variance-preserving process as timesteps spaced trailing.
    ///
    /// # Errors
    /// [`Error::Config`] unless 1 ≤ `steps` ≤ [`MAX_STEPS`].
    pub fn levels(&self, steps: usize, spacing: Spacing) -> Result<Vec<NoiseLevel>> {
        if !(1..=MAX_STEPS).contains(&steps) {
            return Err(Error::Config(format!(
                "{steps} sampling steps were asked for, but 1 to {MAX_STEPS} are possible."
            )));
        }
        if spacing == Spacing::Karras && steps > 1 {
            let ends = (self.level(1.0).sigma(), LEAST_SIGMA);
            let sigmas = karras_sigmas(ends, steps);
            return Ok(sigmas.map(|sigma| self.level_at_sigma(sigma)).collect());
        }
        if self.kind == ProcessKind::VariancePreserving {
            let timesteps = self.schedule.timesteps(steps, TimestepSpacing::Trailing)?;
            let level = |t| self.schedule.level(Some(t));
            return Ok(timesteps.into_iter().map(level).collect());
        }
        let time = |left: usize| left as f64 / steps as f64;
        Ok((1..=steps)
            .rev()
            .map(|left| self.level(time(left)))
            .collect())
    }

    /// `levels` with some signal in the first, for samplers that divide by it.
    pub fn with_signal(&self, levels: Vec<NoiseLevel>) -> Vec<NoiseLevel> {
        let with_signal = |level: NoiseLevel| {
            if level.signal > 0.0 {
                level
            } else {
                self.level_at_sigma(level.sigma())
            }
        };
        levels.into_iter().map(with_signal).collect()
    }
}
