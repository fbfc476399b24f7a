//! Kernels of the `webgpu` backend: hand-written WGSL, one Rust file and its `.wgsl` files per
//! family of operations.
//!
//! They keep to what every browser offers: at most 8 storage buffers, 256 invocations and 16 KiB
//! of workgroup memory, no subgroups and no float atomics. Every kernel computes in f32.

mod conv;
#[cfg(target_family = "wasm")]
pub mod device;
mod launch;
mod shader;

use burn::tensor::ops::FloatTensor;

use crate::backend::WebGpu;

use super::{ConvGeometry, Kernels};

impl Kernels for WebGpu {
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        conv::forward(x, weight, bias, geometry)
    }

    fn conv2d_grad_input(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        input_size: [usize; 2],
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        conv::grad_input(grad, weight, input_size, geometry)
    }

    fn conv2d_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        conv::grad_weight(x, grad, geometry)
    }

    #[cfg(target_family = "wasm")]
    fn check_device() -> crate::error::Result<()> {
        device::check()
    }
}
super::ops_from_kernels!(WebGpu);
