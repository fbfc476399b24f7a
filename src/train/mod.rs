//! Training: configuration, data, the optimizer's numbers, and the loop as a stepper.

pub mod batch;
pub(crate) mod capacity;
pub mod config;
mod crops;
pub mod dataset;
mod gradients;
mod optimizer;
mod read;
mod state;
mod trainer;
mod training_config;

pub use config::Config;
pub use crops::LargePicture;
pub use dataset::Dataset;
pub use gradients::Gradients;
pub use optimizer::Optimizer;
pub use read::{read, read_all};
pub use state::TrainingState;
pub use trainer::{Loss, Trainer, read_losses};
pub use training_config::TrainingConfig;

pub use crate::ops::MixedPrecision;
