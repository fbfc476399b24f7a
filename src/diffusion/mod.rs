//! The mathematics of diffusion: schedules, the forward process, the reverse process's
//! coefficients, and conversions between parametrisations. No network, no GPU code.
//!
//! Notation follows Ho et al. 2020 (DDPM, arXiv 2006.11239) with diffusers' names: `betas` is β,
//! `alphas_cumprod` is ᾱ, timesteps run over 0..num_train_timesteps (the paper's t - 1).

pub mod config;
pub mod forward;
pub mod parametrisation;
pub mod posterior;
pub mod schedule;

pub use config::{BetaSchedule, SchedulerConfig, TimestepSpacing, VarianceType};
pub use posterior::Posterior;
pub use schedule::Schedule;
