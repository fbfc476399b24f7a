//! Small diffusion models, trained where the images are: on the CPU, on a GPU by WebGPU, or in a
//! browser tab.
//!
//! Noise an image to timestep 500, q(x_t | x_0) of Ho et al. 2020:
//!
//! ```
//! use unnoise::{
//!     diffusion::{Schedule, SchedulerConfig, forward::q_sample},
//!     random::{Random, Stream},
//! };
//!
//! let schedule = Schedule::new(&SchedulerConfig::default())?;
//! let x_0 = vec![0.5; 3 * 8 * 8];
//! let eps = Random::new(0).normals(Stream::ForwardNoise, 0, 0, x_0.len());
//! let x_t: Vec<f32> = q_sample(&schedule, &x_0, &eps, 500).collect();
//!
//! let alpha_cumprod = schedule.alphas_cumprod[500];
//! let first = alpha_cumprod.sqrt() as f32 * 0.5 + (1.0 - alpha_cumprod).sqrt() as f32 * eps[0];
//! assert!((x_t[0] - first).abs() < 1e-6);
//! # Ok::<(), unnoise::error::Error>(())
//! ```
//!
//! Take a training step on two images, one black and one white, of 8 × 8 pixels:
//!
//! ```
//! use pollster::block_on;
//! use unnoise::{
//!     backend::Flex,
//!     train::{Config, Dataset, Trainer, read_losses},
//! };
//!
//! let pixels = [[0; 3 * 8 * 8], [255; 3 * 8 * 8]].concat();
//! let images = Dataset::from_rgb(&pixels, 2, 8)?;
//! let mut trainer = Trainer::<Flex>::new(Config::for_size(8), Default::default())?;
//! let loss = trainer.step(&images)?;
//! assert!(block_on(read_losses(vec![loss]))?[0] > 0.0);
//! assert_eq!(trainer.state().step, 1);
//! # Ok::<(), unnoise::error::Error>(())
//! ```
//!
//! Sample two images with the averaged weights by three steps of DDIM:
//!
//! ```
//! use pollster::block_on;
//! use unnoise::{
//!     backend::Flex,
//!     pipeline::DenoiserKind,
//!     sampler::SamplingOptions,
//!     session::Session,
//!     train::Config,
//! };
//!
//! let session = Session::<Flex>::new(Config::for_size(8), Default::default())?;
//! let options = SamplingOptions { steps: 3, count: 2, ..Default::default() };
//! let mut sampling = session.pipeline(DenoiserKind::Ema)?.sample(&options)?;
//! let mut rgb = Vec::new();
//! while let Some(picture) = block_on(sampling.next())? {
//!     rgb = picture.x_t;
//! }
//! assert_eq!(rgb.len(), 2 * 3 * 8 * 8);
//! # Ok::<(), unnoise::error::Error>(())
//! ```
//!
//! `examples/train.rs` does all of it with picture files. ARCHITECTURE.md says what is where.

pub use burn;

pub mod backend;
pub mod denoiser;
pub mod diagnostics;
pub mod diffusion;
pub mod error;
pub mod format;
pub mod model;
pub mod ops;
pub mod pipeline;
#[cfg(feature = "flex")]
pub mod plane;
pub mod random;
pub mod sampler;
pub mod session;
pub mod train;
pub mod vlb;
#[cfg(target_family = "wasm")]
pub mod web;
