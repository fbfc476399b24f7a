//! Feature maps in half precision: half the memory traffic, sums still in f32.
//!
//! Only while [`storing_halves`] runs, and only maps of whole vec4s of channels: what goes in and
//! comes out of the network, statistics, weights and everything that is one vector an image stay
//! f32.

use std::cell::Cell;

use burn::tensor::{DType, backend::Backend};
use burn_wgpu::WgpuDevice;

use crate::{backend::WebGpu, ops::LOSS_SCALE};

use super::device;

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
}

/// See [`crate::ops::Kernels::can_store_halves`]. The kernels for emulators know f32 alone.
pub(super) fn can_store_halves(device: &WgpuDevice) -> bool {
    !device::runs_on_cpu(device) && <WebGpu>::supports_dtype(device, DType::F16)
}

/// See [`crate::ops::Kernels::storing_halves`].
pub(super) fn storing_halves<R>(run: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ON.set(self.0);
        }
    }
    let _before = Restore(ON.replace(true));
    run()
}

/// What a map `[n, h, w, c]` is stored as. By its shape alone, so that a map and its gradient are
/// alike.
pub(super) fn storage([_, height, width, channels]: [usize; 4]) -> DType {
    let is_map = height * width > 1 && channels.is_multiple_of(4);
    if ON.get() && is_map {
        DType::F16
    } else {
        DType::F32
    }
}

/// What gradients of parameters are to be multiplied by.
pub(super) fn unscale() -> f32 {
    if ON.get() { 1.0 / LOSS_SCALE } else { 1.0 }
}
