//! The noise-prediction network: `UNet2DModel` of Hugging Face diffusers, with its topology,
//! hyper-parameter names, parameter names and layouts.
//!
//! A [`UNet`] is the structure alone; its numbers are [`Weights`], one tensor per parameter. So
//! one structure serves training (weights that are autodiff leaves) and sampling (EMA weights),
//! and an optimizer sees a flat list.

mod attention;
pub mod config;
pub mod embedding;
mod layers;
pub mod parameters;
mod resnet;
mod unet;

pub use config::UNetConfig;
pub use parameters::{ParameterKind, ParameterSpec, StateDictTensor, Weights};
pub use unet::{Conditioning, Footprint, UNet};
