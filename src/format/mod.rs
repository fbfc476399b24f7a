//! Files: checkpoints, diffusers folders, tensors, pictures.

pub mod checkpoint;
pub mod diffusers;
#[cfg(feature = "cli")]
pub mod picture;
pub mod tensors;

pub use checkpoint::Checkpoint;
