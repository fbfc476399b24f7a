//! Fused operations, one implementation per backend: the hot parts of the network and of its
//! training.
//!
//! Nothing here knows about diffusion. The operations are the methods of [`Kernels`]:
//! - `kernels.rs` says what each computes; `portable.rs` defines it in burn's own operations, which
//!   is also what tests compare against,
//! - `webgpu/` implements them in WGSL, `cpu/` in packed matrix products and fused loops on slices,
//!   for every backend whose memory is the CPU's (`candle.rs`, `flex.rs`),
//! - `autodiff.rs` gives them their gradients,
//! - `typed.rs` is how the network writes them,
//! - `self_test/` finds out whether a device computes them as it should.
//!
//! Activations are channels-last, `[batch, height, width, channels]`: a 1×1 convolution is then a
//! plain matrix product, a 3×3 one reads contiguous runs of channels, and no backend needs a
//! re-layout copy between operations. Convolution weights are `[kernel, kernel, in_channels,
//! out_channels]` for the same reason.

mod arguments;
mod autodiff;
#[cfg(feature = "candle")]
mod candle;
mod capacity;
#[cfg(any(feature = "candle", feature = "flex"))]
pub mod cpu;
#[cfg(feature = "flex")]
mod flex;
mod kernels;
pub mod noised_batch;
pub mod optimizer;
pub mod portable;
mod primitive;
mod projection;
pub mod self_test;
mod typed;
#[cfg(feature = "webgpu")]
pub mod webgpu;

pub use arguments::{
    ConvGeometry, GroupNormGrads, GroupNormInputs, GroupNormOptions, GroupNormOutput,
    GroupNormState, MixedPrecision, OtherUses, Projection, Shift, SiluLinearGrads,
};
pub use capacity::Capacity;
pub use kernels::{Kernels, sum_parts};
pub use optimizer::{AdamStep, MuonStep, OptimizerStep, ParameterState, UpdateRule};
pub use primitive::{from_primitive, into_primitive};
pub use typed::{
    conv2d, conv2d_add, conv2d_project, embedding, group_norm, group_norm_concat, one_hot,
    projection, silu_linear, squared_error, weighted_sum, x0_and_eps,
};
