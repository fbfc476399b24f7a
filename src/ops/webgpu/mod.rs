//! Kernels of the `webgpu` backend: hand-written WGSL, one Rust file and its `.wgsl` files per
//! family of operations.
//!
//! They keep to what every browser offers: at most 8 storage buffers, 256 invocations and 16 KiB
//! of workgroup memory, no subgroups and no float atomics. Every kernel computes in f32; what feature
//! maps are stored as is the business of `half.rs`.

#![cfg_attr(feature = "portable", allow(dead_code, unused_imports))]

mod concat;
mod conv;
mod conv_direct;
pub mod device;
mod group_norm;
mod half;
mod launch;
mod noise;
mod optimizer;
mod shader;
mod silu;
mod spread;
mod squared_error;
mod sum_pixels;
mod upsample;
mod weighted_sum;

use burn::tensor::{TensorMetadata, ops::FloatTensor};
use burn_wgpu::WgpuDevice;

use crate::{backend::WebGpu, random::Normals};

use super::{
    AdamStep, ConvGeometry, GroupNormOptions, Kernels, ParameterState,
    noised_batch::{NoisedBatch, StepInputs},
};

/// burn's plain operations, for `scripts/bench` to compare with.
#[cfg(feature = "portable")]
impl Kernels for WebGpu {}

#[cfg(not(feature = "portable"))]
impl Kernels for WebGpu {
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        conv::forward(x, weight, bias, None, 1, geometry)
    }

    fn conv2d_add_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        conv::forward(x, weight, bias, Some(addend), 1, geometry)
    }

    fn conv2d_upsampled_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        conv::forward(x, weight, bias, None, 2, geometry)
    }

    fn conv2d_grad_input(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        input_size: [usize; 2],
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        conv::grad_input(grad, weight, None, input_size, geometry)
    }

    fn conv2d_grad_input_add(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let shape = addend.shape();
        let input_size = [shape[1], shape[2]];
        conv::grad_input(grad, weight, Some(addend), input_size, geometry)
    }

    fn conv2d_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        conv::grad_weight(x, grad, 1, geometry)
    }

    fn conv2d_upsampled_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        conv::grad_weight(x, grad, 2, geometry)
    }

    fn group_norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        group_norm::forward(x, gamma, beta, options)
    }

    fn group_norm_backward(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> [FloatTensor<Self>; 3] {
        group_norm::backward(grad, x, gamma, beta, statistics, None, options)
    }

    fn group_norm_backward_add(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> [FloatTensor<Self>; 3] {
        group_norm::backward(grad, x, gamma, beta, statistics, Some(addend), options)
    }

    fn sum_pixels(x: FloatTensor<Self>) -> FloatTensor<Self> {
        sum_pixels::sum_pixels(x)
    }

    fn silu_forward(x: FloatTensor<Self>) -> FloatTensor<Self> {
        silu::forward(x)
    }

    fn silu_backward(grad: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        silu::backward(grad, x)
    }

    fn concat_channels(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        concat::concat(first, second)
    }

    fn split_channels(x: FloatTensor<Self>, channels: usize) -> [FloatTensor<Self>; 2] {
        concat::split(x, channels)
    }

    fn upsample_grad(grad: FloatTensor<Self>) -> FloatTensor<Self> {
        upsample::grad(grad)
    }

    fn squared_error(
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        factors: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        squared_error::forward(prediction, target, factors)
    }

    fn squared_error_backward(
        grad: FloatTensor<Self>,
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        factors: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        squared_error::backward(grad, prediction, target, factors)
    }

    fn weighted_sum(
        x: FloatTensor<Self>,
        of_x: f32,
        y: FloatTensor<Self>,
        of_y: f32,
    ) -> FloatTensor<Self> {
        weighted_sum::run(x, of_x, y, of_y)
    }

    fn normals(numbers: Normals, shape: [usize; 4], device: &WgpuDevice) -> FloatTensor<Self> {
        noise::normals(numbers, shape, device)
    }

    fn noise_batch(inputs: StepInputs, device: &WgpuDevice) -> NoisedBatch<Self> {
        noise::noise_batch(inputs, device)
    }

    fn can_store_halves(device: &WgpuDevice) -> bool {
        half::can_store_halves(device)
    }

    fn storing_halves<R>(run: impl FnOnce() -> R) -> R {
        half::storing_halves(run)
    }

    fn adam_step(
        states: Vec<ParameterState<Self>>,
        grads: Vec<FloatTensor<Self>>,
        _step: AdamStep,
        uploaded: FloatTensor<Self>,
    ) -> Vec<ParameterState<Self>> {
        optimizer::adam_step(states, grads, uploaded)
    }

    fn check_device() -> crate::error::Result<()> {
        device::check()
    }
}
super::ops_from_kernels!(WebGpu);
