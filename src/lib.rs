//! Unnoise: small diffusion models trained where the images are, in a browser tab or on the
//! command line.

pub mod backend;
pub mod denoiser;
pub mod diffusion;
pub mod error;
pub mod format;
pub mod insight;
pub mod memorisation;
pub mod model;
pub mod ops;
pub mod random;
pub mod sampler;
pub mod session;
pub mod train;
pub mod vlb;
#[cfg(target_family = "wasm")]
pub mod web;
