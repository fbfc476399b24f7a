//! Unnoise: small diffusion models trained where the images are, in a browser tab or on the
//! command line.

pub mod backend;
pub mod ops;
