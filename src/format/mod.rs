//! Files: checkpoints, diffusers folders, tensors, pictures, and what folders say about pictures.

pub mod checkpoint;
pub mod diffusers;
#[cfg(feature = "pictures")]
pub mod folders;
mod metadata;
#[cfg(feature = "pictures")]
pub mod picture;
pub mod tensors;

pub use checkpoint::Checkpoint;
