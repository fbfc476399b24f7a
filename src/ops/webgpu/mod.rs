//! Kernels of the `webgpu` backend: hand-written WGSL, one Rust file and its `.wgsl` files per
//! family of operations.
//!
//! They keep to what every browser offers: at most 8 storage buffers, 256 invocations and 16 KiB of
//! workgroup memory, no subgroups and no float atomics. Every kernel computes in f32; what feature
//! maps are stored as is the business of `half.rs`.

#![cfg_attr(
    portable_kernels,
    allow(dead_code, unused_imports, reason = "kernels that stand by")
)]

mod conv;
mod conv_direct;
mod conv_projection;
mod conv_tile;
pub mod device;
mod group_norm;
mod half;
mod launch;
mod muon;
mod noise;
mod optimizer;
mod partial_sums;
#[cfg(not(target_family = "wasm"))]
pub mod peak;
#[cfg(not(target_family = "wasm"))]
pub mod record;
#[cfg(not(target_family = "wasm"))]
mod recording;
#[cfg(target_family = "wasm")]
mod reuse;
mod shader;
mod silu_linear;
mod squared_error;
mod state_layout;
mod table;
mod tensor;
mod upsample;
mod weighted_sum;

use burn::tensor::ops::FloatTensor;
use burn_wgpu::WgpuDevice;

use crate::{backend::WebGpu, random::Normals};

use super::{
    arguments::{
        ConvGeometry, GroupNormGrads, GroupNormInputs, GroupNormOptions, GroupNormOutput,
        GroupNormState, MixedPrecision, OtherUses, Projection, SiluLinearGrads,
    },
    capacity::Capacity,
    kernels::Kernels,
    noised_batch::{NoisedBatch, StepInputs},
    optimizer::{OptimizerStep, ParameterState, UpdateRule},
    portable, projection,
};
use conv::Options;
use conv_projection::Added;
use tensor::dimensions;

/// burn's plain operations, for `scripts/bench` to compare with: `--cfg portable_kernels` builds
/// this crate so.
#[cfg(portable_kernels)]
impl Kernels for WebGpu {}

#[cfg(not(portable_kernels))]
impl Kernels for WebGpu {
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: Option<FloatTensor<Self>>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let added = addend.map_or(Added::Nothing, Added::Map);
        let options = Options::new(geometry, mixed_precision);
        conv::forward(x, weight, bias, added, options)
    }

    fn conv2d_grad_input(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        addend: Option<FloatTensor<Self>>,
        input_size: [usize; 2],
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let options = Options::new(geometry, mixed_precision);
        if !geometry.upsample {
            return conv::grad_input(grad, weight, addend, input_size, options);
        }
        let size = input_size.map(|side| side * geometry.repeat());
        let grad_x = conv::grad_input(grad, weight, None, size, options);
        portable::add_optional::<Self>(upsample::grad(grad_x, mixed_precision), addend)
    }

    fn conv2d_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let grads = conv::grad_weight(x, grad, None, Options::new(geometry, mixed_precision));
        (grads.weight, grads.bias)
    }

    fn conv2d_project_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shortcut: Projection<FloatTensor<Self>>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let options = Options::new(geometry, mixed_precision);
        let [_, _, shortcut_channels, channels] = dimensions(&shortcut.weight);
        if conv::can_project(&x, shortcut_channels, channels, options) {
            let added = Added::Projection(shortcut);
            return conv::forward(x, weight, bias, added, options);
        }
        projection::forward::<Self>(x, weight, bias, shortcut, geometry, mixed_precision)
    }

    fn conv2d_project_grad_inputs(
        grad: FloatTensor<Self>,
        weights: [FloatTensor<Self>; 2],
        addends: [Option<FloatTensor<Self>>; 2],
        input_size: [usize; 2],
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> [FloatTensor<Self>; 2] {
        let options = Options::new(geometry, mixed_precision);
        let [_, _, channels_in, _] = dimensions(&weights[0]);
        let [_, _, shortcut_channels, _] = dimensions(&weights[1]);
        match addends {
            // The gradient of the input is to that of the output what a convolution back is.
            [None, addend] if conv::can_project(&grad, shortcut_channels, channels_in, options) => {
                conv::grad_inputs(grad, weights, addend, options)
            }
            addends => projection::grad_inputs::<Self>(
                grad,
                weights,
                addends,
                input_size,
                geometry,
                mixed_precision,
            ),
        }
    }

    fn conv2d_project_grad_weights(
        inputs: [FloatTensor<Self>; 2],
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> ([FloatTensor<Self>; 2], FloatTensor<Self>) {
        let options = Options::new(geometry, mixed_precision);
        let [_, _, _, shortcut_channels] = dimensions(&inputs[1]);
        let [_, _, _, channels] = dimensions(&grad);
        if conv::can_project(&inputs[0], shortcut_channels, channels, options) {
            let [x, shortcut] = inputs.clone();
            let grads = conv::grad_weight(x, grad.clone(), Some(shortcut), options);
            if let Some(projection) = grads.shortcut {
                return ([grads.weight, projection], grads.bias);
            }
        }
        projection::grad_weights::<Self>(inputs, grad, geometry, mixed_precision)
    }

    fn group_norm_forward(
        inputs: GroupNormInputs<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormOutput<FloatTensor<Self>> {
        group_norm::forward(inputs, options)
    }

    fn group_norm_backward(
        grad: FloatTensor<Self>,
        state: GroupNormState<FloatTensor<Self>>,
        other_uses: OtherUses<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormGrads<FloatTensor<Self>> {
        group_norm::backward(grad, state, other_uses, options)
    }

    fn silu_linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        _mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        silu_linear::forward(x, weight, bias)
    }

    fn silu_linear_backward(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        mixed_precision: MixedPrecision,
    ) -> SiluLinearGrads<FloatTensor<Self>> {
        silu_linear::backward(grad, x, weight, mixed_precision)
    }

    fn squared_error(
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        loss_weights: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        squared_error::forward(prediction, target, loss_weights)
    }

    fn squared_error_backward(
        grad: FloatTensor<Self>,
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        loss_weights: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        squared_error::backward(grad, prediction, target, loss_weights)
    }

    fn weighted_sum(
        x: FloatTensor<Self>,
        x_coef: f32,
        y: FloatTensor<Self>,
        y_coef: f32,
    ) -> FloatTensor<Self> {
        weighted_sum::run(x, x_coef, y, y_coef)
    }

    fn x0_and_eps(
        x_t: FloatTensor<Self>,
        y: FloatTensor<Self>,
        coefs: [[f32; 2]; 2],
        clip: bool,
    ) -> [FloatTensor<Self>; 2] {
        weighted_sum::x0_and_eps(x_t, y, coefs, clip)
    }

    fn normals(numbers: Normals, shape: [usize; 4], device: &WgpuDevice) -> FloatTensor<Self> {
        noise::normals(numbers, shape, device)
    }

    fn noise_batch(inputs: StepInputs, device: &WgpuDevice) -> NoisedBatch<Self> {
        noise::noise_batch(inputs, device)
    }

    fn supports_fp16(device: &WgpuDevice) -> bool {
        half::is_supported(device)
    }

    fn capacity(device: &WgpuDevice) -> Capacity {
        tensor::capacity(device)
    }

    fn optimizer_step(
        states: Vec<ParameterState<Self>>,
        grads: Vec<FloatTensor<Self>>,
        rules: &[UpdateRule],
        _step: OptimizerStep,
        uploaded: FloatTensor<Self>,
    ) -> Vec<ParameterState<Self>> {
        optimizer::step(states, grads, rules, uploaded)
    }

    fn check_device() -> crate::error::Result<()> {
        device::check()
    }
}
