//! The mathematics of diffusion: processes and their schedules, the forward process, the reverse
//! process's coefficients, prediction types and objectives. No network, no GPU code.
//!
//! Notation follows Ho et al. 2020 (DDPM, arXiv 2006.11239) with diffusers' names: `betas` is β,
//! `alphas_cumprod` is ᾱ, timesteps run over 0..num_train_timesteps (the paper's t - 1).

mod clipping;
pub mod config;
pub mod forward;
mod level;
pub mod losses;
pub mod objective;
pub mod posterior;
mod prediction;
mod process;
pub mod schedule;

pub use clipping::X0Clipping;
pub use config::{BetaSchedule, SchedulerConfig, TERMINAL_SIGMA, TimestepSpacing, VarianceType};
pub use level::NoiseLevel;
pub use objective::{LossWeighting, Objective};
pub use posterior::Posterior;
pub use prediction::{ModelOutput, Prediction, PredictionType};
pub use process::Process;
pub use schedule::Schedule;
