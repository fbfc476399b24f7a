//! Models as Hugging Face diffusers saves them: the folder of a pipeline, here as its files.
//!
//! `DDPMPipeline.from_pretrained` loads what [`write`] makes, those of rectified flows included: it
//! asks nothing of its scheduler but `timesteps` and `step`.

use std::collections::BTreeMap;

mod read;
pub(super) mod scheduler;
mod write;

pub use read::read;
pub use write::{write, write_with_training_state};

/// Contents of files by their paths in the folder, with `/` between names.
pub type Files = BTreeMap<String, Vec<u8>>;

const INDEX: &str = "model_index.json";
const UNET: &str = "unet";
const UNET_CONFIG: &str = "config.json";
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";
const SCHEDULER: &str = "scheduler";
const SCHEDULER_CONFIG: &str = "scheduler_config.json";
/// The whole run as a checkpoint file, where a folder is to hold that too; diffusers does not look.
pub const TRAINING_STATE: &str = "unnoise.safetensors";
/// Optimizer steps taken, in the metadata of the weights, where diffusers does not look; how the
/// network is trained and names of classes are there too.
const STEP: &str = "step";
