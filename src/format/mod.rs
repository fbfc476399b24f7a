//! Files: checkpoints, tensors, pictures.

pub mod checkpoint;
#[cfg(feature = "cli")]
pub mod picture;
pub mod tensors;

pub use checkpoint::Checkpoint;
