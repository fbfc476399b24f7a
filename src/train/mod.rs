//! Training: configuration, data, the optimizer's numbers, and the loop as a stepper.

pub mod batch;
pub mod config;
pub mod dataset;
mod optimizer;
mod trainer;

pub use config::{Config, TrainingConfig};
pub use dataset::Dataset;
pub use trainer::{Loss, Trainer, TrainingState, read, read_losses};
