//! Files: checkpoints, tensors, pictures.

pub mod checkpoint;
#[cfg(not(target_family = "wasm"))]
pub mod diffusers;
#[cfg(feature = "cli")]
pub mod picture;
pub mod tensors;

pub use checkpoint::Checkpoint;
