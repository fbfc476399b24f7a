//! Files: checkpoints, diffusers folders, tensors, pictures, and what folders say about pictures.

pub mod checkpoint;
pub mod diffusers;
#[cfg(feature = "pictures")]
pub mod folders;
#[cfg(feature = "pictures")]
pub mod large_pictures;
mod metadata;
#[cfg(feature = "pictures")]
pub mod picture;
pub mod tensors;

pub use checkpoint::Checkpoint;
