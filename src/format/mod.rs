//! Files: checkpoints, tensors, pictures, and what folders say about them.

pub mod checkpoint;
#[cfg(not(target_family = "wasm"))]
pub mod diffusers;
#[cfg(feature = "cli")]
pub mod folders;
#[cfg(feature = "cli")]
pub mod picture;
pub mod tensors;

pub use checkpoint::Checkpoint;
