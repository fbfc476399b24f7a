//! The seam to speed: the few hot operations of the network and of its training.
//!
//! Nothing here knows about diffusion. Each operation has
//! - a portable definition in burn's own operations ([`portable`]), which is also what tests
//!   compare against,
//! - an implementation per backend: WGSL kernels (`webgpu`), packed matrix products and fused
//!   loops on slices (`cpu`, used by `candle` and `flex`),
//! - a gradient, registered with burn's autodiff in [`autodiff`].
//!
//! Activations are channels-last, `[batch, height, width, channels]`: a 1×1 convolution is then a
//! plain matrix product, a 3×3 one reads contiguous runs of channels, and no backend needs a
//! re-layout copy between operations. Convolution weights are `[kernel, kernel, in_channels,
//! out_channels]` for the same reason.

pub mod autodiff;
#[cfg(feature = "candle")]
mod candle;
#[cfg(any(feature = "candle", feature = "flex"))]
pub mod cpu;
#[cfg(feature = "flex")]
mod flex;
pub mod noised_batch;
pub mod portable;
mod typed;
#[cfg(feature = "webgpu")]
pub mod webgpu;

use crate::{error::Result, random::Normals};
use burn::tensor::{TensorData, TensorMetadata, backend::Backend, ops::FloatTensor};

use noised_batch::{NoisedBatch, StepInputs};
pub use typed::{
    concat_channels, conv2d, conv2d_add, conv2d_upsampled, embedding, from_primitive, group_norm,
    into_primitive, one_hot, silu, squared_error, weighted_sum,
};

/// Geometry of a square, symmetrically padded 2-D convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// Side of the kernel: 1 or 3 in the U-Net.
    pub kernel: usize,
    /// Step between output pixels: 1, or 2 to halve the resolution.
    pub stride: usize,
    /// Zero pixels added on every side.
    pub padding: usize,
}

impl ConvGeometry {
    /// Of a linear layer, `[n, h, w, in]` times `[1, 1, in, out]`: a 1×1 convolution, so that its
    /// gradients use the same kernels.
    pub const LINEAR: Self = Self {
        kernel: 1,
        stride: 1,
        padding: 0,
    };

    /// Output side for an input side.
    pub fn output_size(&self, input: usize) -> usize {
        (input + 2 * self.padding - self.kernel) / self.stride + 1
    }
}

/// How [`Kernels::group_norm_forward`] normalises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNormOptions {
    /// Number of groups the channels are split into.
    pub groups: usize,
    /// Added to the variance before the square root.
    pub epsilon: f32,
    /// Whether SiLU, `y · sigmoid(y)`, follows the affine map.
    pub silu: bool,
}

/// Everything the optimizer keeps for one parameter tensor; all four have the parameter's shape.
#[derive(Debug, Clone)]
pub struct ParameterState<B: Backend> {
    /// The weights that training moves.
    pub value: FloatTensor<B>,
    /// Adam's running mean of the gradient.
    pub exp_avg: FloatTensor<B>,
    /// Adam's running mean of the squared gradient.
    pub exp_avg_sq: FloatTensor<B>,
    /// Exponential moving average of `value`.
    pub ema: FloatTensor<B>,
}

/// Numbers of one optimizer step (Kingma & Ba 2015, algorithm 1), bias corrections included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    pub learning_rate: f32,
    pub beta1: f32,
    pub beta2: f32,
    pub epsilon: f32,
    /// `1 - beta1^step`, step counted from 1.
    pub bias_correction1: f32,
    /// `1 - beta2^step`.
    pub bias_correction2: f32,
    /// `ema ← ema_decay · ema + (1 - ema_decay) · value`, after the update of `value`.
    pub ema_decay: f32,
}

impl AdamStep {
    /// All of them, `[7]`.
    pub fn numbers(&self) -> TensorData {
        let numbers = [
            self.learning_rate,
            self.beta1,
            self.beta2,
            self.epsilon,
            self.bias_correction1,
            self.bias_correction2,
            self.ema_decay,
        ];
        TensorData::from(numbers)
    }
}

/// What a loss is to be multiplied by where gradients pass through maps in half precision, whose least
/// normal number is 6 · 10⁻⁵ (Micikevicius et al. 2018, "Mixed precision training", section 3.2). A power
/// of two, so that it rounds nothing; gradients of parameters come out without it.
pub const LOSS_SCALE: f32 = 32_768.0;

/// The hot operations of a backend without gradients.
///
/// The default methods are the portable definitions; a backend overrides what it does better.
pub trait Kernels: Backend {
    /// Cross-correlation of `x` `[n, h, w, c_in]` with `weight` `[k, k, c_in, c_out]` plus `bias`
    /// `[c_out]`, giving `[n, h', w', c_out]`.
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        portable::conv2d::<Self>(x, weight, bias, geometry)
    }

    /// [`Kernels::conv2d_forward`] plus `addend`, either `[n, h', w', c_out]` or `[n, 1, 1, c_out]`,
    /// which every pixel of an image then gets alike.
    fn conv2d_add_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        Self::float_add(Self::conv2d_forward(x, weight, bias, geometry), addend)
    }

    /// [`Kernels::conv2d_forward`] of `x` `[n, h, w, c_in]` with every pixel repeated 2 × 2 times,
    /// which need not be written out for that.
    fn conv2d_upsampled_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        Self::conv2d_forward(portable::upsample::<Self>(x), weight, bias, geometry)
    }

    /// Gradient with respect to the input of [`Kernels::conv2d_forward`], whose shape is
    /// `[n, height, width, c_in]` for `input_size` `[height, width]`.
    fn conv2d_grad_input(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        input_size: [usize; 2],
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        portable::conv2d_grad_input::<Self>(grad, weight, input_size, geometry)
    }

    /// [`Kernels::conv2d_grad_input`] plus `addend`, `[n, height, width, c_in]`: the gradient that
    /// other uses of the input have given it.
    fn conv2d_grad_input_add(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let shape = addend.shape();
        let grad_x = Self::conv2d_grad_input(grad, weight, [shape[1], shape[2]], geometry);
        Self::float_add(grad_x, addend)
    }

    /// Gradients with respect to weight `[k, k, c_in, c_out]` and bias `[c_out]` of
    /// [`Kernels::conv2d_forward`].
    fn conv2d_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        portable::conv2d_grad_weight::<Self>(x, grad, geometry)
    }

    /// Gradients with respect to weight and bias of [`Kernels::conv2d_upsampled_forward`].
    fn conv2d_upsampled_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        Self::conv2d_grad_weight(portable::upsample::<Self>(x), grad, geometry)
    }

    /// Group normalisation (Wu & He 2018) of `x` `[n, h, w, c]` over the pixels and channels of
    /// each group, with the affine map `gamma`, `beta` `[c]` and optionally SiLU.
    ///
    /// The second value is `[n, groups, 2]`: mean and reciprocal standard deviation, for the
    /// backward pass.
    fn group_norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        portable::group_norm::<Self>(x, gamma, beta, options)
    }

    /// Gradients of [`Kernels::group_norm_forward`] with respect to `x`, `gamma` and `beta`.
    fn group_norm_backward(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> [FloatTensor<Self>; 3] {
        portable::group_norm_backward::<Self>(grad, x, gamma, beta, statistics, options)
    }

    /// [`Kernels::group_norm_backward`] with `addend`, of the shape of `x`, added to the gradient
    /// of `x`: what other uses of `x` have given it.
    fn group_norm_backward_add(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> [FloatTensor<Self>; 3] {
        let [grad_x, grad_gamma, grad_beta] =
            Self::group_norm_backward(grad, x, gamma, beta, statistics, options);
        [Self::float_add(grad_x, addend), grad_gamma, grad_beta]
    }

    /// `x` `[n, h, w, c]` summed over the pixels of each image, `[n, 1, 1, c]`: the gradient of an
    /// addend of that shape in [`Kernels::conv2d_add_forward`].
    fn sum_pixels(x: FloatTensor<Self>) -> FloatTensor<Self> {
        portable::sum_pixels::<Self>(x)
    }

    /// `grad` `[n, 2h, 2w, c]` summed over 2 × 2 pixels, `[n, h, w, c]`: the gradient of repeating
    /// pixels in [`Kernels::conv2d_upsampled_forward`].
    fn upsample_grad(grad: FloatTensor<Self>) -> FloatTensor<Self> {
        portable::upsample_grad::<Self>(grad)
    }

    /// `x · sigmoid(x)` of any shape.
    fn silu_forward(x: FloatTensor<Self>) -> FloatTensor<Self> {
        portable::silu::<Self>(x)
    }

    /// Gradient of [`Kernels::silu_forward`].
    fn silu_backward(grad: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        portable::silu_backward::<Self>(grad, x)
    }

    /// The channels of `first` `[n, h, w, a]` followed by those of `second` `[n, h, w, b]`.
    fn concat_channels(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_cat(vec![first, second], 3)
    }

    /// The first `channels` channels of `x` `[n, h, w, c]`, and the others: the gradients of
    /// [`Kernels::concat_channels`].
    fn split_channels(x: FloatTensor<Self>, channels: usize) -> [FloatTensor<Self>; 2] {
        portable::split_channels::<Self>(x, channels)
    }

    /// The mean over items of the mean squared difference of `prediction` and `target`
    /// `[n, c, h, w]`, each item's times its number in `factors` `[n]` if there are any: `[1]`.
    fn squared_error(
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        factors: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        portable::squared_error::<Self>(prediction, target, factors)
    }

    /// Gradient of [`Kernels::squared_error`] with respect to `prediction`; `grad` is `[1]`.
    fn squared_error_backward(
        grad: FloatTensor<Self>,
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        factors: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        portable::squared_error_backward::<Self>(grad, prediction, target, factors)
    }

    /// `of_x · x + of_y · y` for `x` and `y` `[n, c, h, w]`.
    fn weighted_sum(
        x: FloatTensor<Self>,
        of_x: f32,
        y: FloatTensor<Self>,
        of_y: f32,
    ) -> FloatTensor<Self> {
        Self::float_add(
            Self::float_mul_scalar(x, of_x.into()),
            Self::float_mul_scalar(y, of_y.into()),
        )
    }

    /// `numbers`, as `[n, c, h, w]`.
    fn normals(numbers: Normals, shape: [usize; 4], device: &Self::Device) -> FloatTensor<Self> {
        let values = numbers.take(shape.iter().product());
        Self::float_from_data(TensorData::new(values, shape), device)
    }

    /// `inputs` on the device, with x_t and the target: one transfer, where transfers cost, and ε need
    /// not take part in it.
    fn noise_batch(inputs: StepInputs, device: &Self::Device) -> NoisedBatch<Self> {
        let upload = |data| Self::float_from_data(data, device);
        let images = |values| upload(TensorData::new(values, inputs.shape));
        let [x_t, target] = inputs.noised_on_host().map(images);
        NoisedBatch {
            x_t,
            target,
            x_0: images(inputs.x_0),
            loss_weights: inputs.loss_weights.map(upload),
            time: upload(inputs.time),
            class: inputs.class.map(upload),
            adam: upload(inputs.adam),
        }
    }

    /// Whether [`Kernels::storing_halves`] does anything on `device`.
    fn can_store_halves(device: &Self::Device) -> bool {
        let _ = device;
        false
    }

    /// Calls `run`, in which operations store feature maps in half precision where they can. A loss must
    /// be multiplied by [`LOSS_SCALE`] in there before its gradients are computed.
    fn storing_halves<R>(run: impl FnOnce() -> R) -> R {
        run()
    }

    /// Fails if the device went wrong since the last call in a way that no operation could report,
    /// such as a shader that did not compile.
    ///
    /// # Errors
    /// [`Error::Device`] with what the device said.
    ///
    /// [`Error::Device`]: crate::error::Error::Device
    fn check_device() -> Result<()> {
        Ok(())
    }

    /// One Adam step and one EMA step for all parameters; `grads[i]` belongs to `states[i]`.
    /// `uploaded` is [`AdamStep::numbers`] of `step`, for kernels that read them on the device.
    fn adam_step(
        states: Vec<ParameterState<Self>>,
        grads: Vec<FloatTensor<Self>>,
        step: AdamStep,
        uploaded: FloatTensor<Self>,
    ) -> Vec<ParameterState<Self>> {
        let _ = uploaded;
        states
            .into_iter()
            .zip(grads)
            .map(|(state, grad)| portable::adam_step::<Self>(state, grad, step))
            .collect()
    }
}

/// The operations the network is written in. Plain backends run the kernels; `Autodiff` also
/// records the gradient.
pub trait Ops: Backend {
    /// See [`Kernels::conv2d_forward`].
    fn conv2d_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self>;

    /// See [`Kernels::conv2d_add_forward`].
    fn conv2d_add_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self>;

    /// See [`Kernels::group_norm_forward`]; without the statistics.
    fn group_norm_op(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> FloatTensor<Self>;

    /// See [`Kernels::silu_forward`].
    fn silu_op(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`Kernels::concat_channels`].
    fn concat_channels_op(first: FloatTensor<Self>, second: FloatTensor<Self>)
    -> FloatTensor<Self>;

    /// See [`Kernels::conv2d_upsampled_forward`].
    fn conv2d_upsampled_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self>;

    /// See [`Kernels::squared_error`]; `target` and `factors` are constants.
    fn squared_error_op(
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        factors: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self>;
}

/// Implements [`Ops`] for a backend without gradients through its [`Kernels`].
macro_rules! ops_from_kernels {
    ($backend:ty) => {
        impl $crate::ops::Ops for $backend {
            fn conv2d_op(
                x: burn::tensor::ops::FloatTensor<Self>,
                weight: burn::tensor::ops::FloatTensor<Self>,
                bias: burn::tensor::ops::FloatTensor<Self>,
                geometry: $crate::ops::ConvGeometry,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                <Self as $crate::ops::Kernels>::conv2d_forward(x, weight, bias, geometry)
            }

            fn conv2d_add_op(
                x: burn::tensor::ops::FloatTensor<Self>,
                weight: burn::tensor::ops::FloatTensor<Self>,
                bias: burn::tensor::ops::FloatTensor<Self>,
                addend: burn::tensor::ops::FloatTensor<Self>,
                geometry: $crate::ops::ConvGeometry,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                <Self as $crate::ops::Kernels>::conv2d_add_forward(
                    x, weight, bias, addend, geometry,
                )
            }

            fn group_norm_op(
                x: burn::tensor::ops::FloatTensor<Self>,
                gamma: burn::tensor::ops::FloatTensor<Self>,
                beta: burn::tensor::ops::FloatTensor<Self>,
                options: $crate::ops::GroupNormOptions,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                <Self as $crate::ops::Kernels>::group_norm_forward(x, gamma, beta, options).0
            }

            fn silu_op(
                x: burn::tensor::ops::FloatTensor<Self>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                <Self as $crate::ops::Kernels>::silu_forward(x)
            }

            fn concat_channels_op(
                first: burn::tensor::ops::FloatTensor<Self>,
                second: burn::tensor::ops::FloatTensor<Self>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                <Self as $crate::ops::Kernels>::concat_channels(first, second)
            }

            fn conv2d_upsampled_op(
                x: burn::tensor::ops::FloatTensor<Self>,
                weight: burn::tensor::ops::FloatTensor<Self>,
                bias: burn::tensor::ops::FloatTensor<Self>,
                geometry: $crate::ops::ConvGeometry,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                <Self as $crate::ops::Kernels>::conv2d_upsampled_forward(x, weight, bias, geometry)
            }

            fn squared_error_op(
                prediction: burn::tensor::ops::FloatTensor<Self>,
                target: burn::tensor::ops::FloatTensor<Self>,
                factors: Option<burn::tensor::ops::FloatTensor<Self>>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                <Self as $crate::ops::Kernels>::squared_error(prediction, target, factors)
            }
        }
    };
}
#[cfg(any(feature = "candle", feature = "flex", feature = "webgpu"))]
pub(crate) use ops_from_kernels;
