//! Mixed precision: feature maps in f16, half the memory traffic, sums still in f32.
//!
//! Only maps of whole vec4s of channels: what goes in and comes out of the network, statistics,
//! weights and everything that is one vector an image stay f32.

use burn::tensor::{DType, backend::Backend};
use burn_wgpu::WgpuDevice;

use crate::{backend::WebGpu, ops::MixedPrecision};

use super::device;

/// See [`crate::ops::Kernels::supports_fp16`]. The kernels for emulators know f32 alone.
pub(super) fn is_supported(device: &WgpuDevice) -> bool {
    !device::runs_on_cpu(device) && <WebGpu>::supports_dtype(device, DType::F16)
}

/// What a map `[n, h, w, c]` is stored as. Its shape decides, so that a map and its gradient are
/// alike.
pub(super) fn storage(
    [_, height, width, channels]: [usize; 4],
    mixed_precision: MixedPrecision,
) -> DType {
    let is_map = height * width > 1 && channels.is_multiple_of(4);
    match mixed_precision {
        MixedPrecision::Fp16 if is_map => DType::F16,
        _ => DType::F32,
    }
}

/// What gradients of parameters are to be multiplied by, since the loss was scaled.
pub(super) fn unscale(mixed_precision: MixedPrecision) -> f32 {
    mixed_precision.loss_scale().map_or(1.0, f32::recip)
}
