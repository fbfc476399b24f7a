//! The fused operations as a trait of backends.

use burn::tensor::{TensorData, TensorMetadata, backend::Backend, ops::FloatTensor};

use crate::{error::Result, random::Normals};

use super::{
    arguments::{
        ConvGeometry, GroupNormGrads, GroupNormInputs, GroupNormOptions, GroupNormOutput,
        GroupNormState, MixedPrecision, OtherUses, Projection, SiluLinearGrads,
    },
    capacity::Capacity,
    noised_batch::{NoisedBatch, StepInputs},
    optimizer::{self, OptimizerStep, ParameterState, UpdateRule},
    portable, projection,
};

/// The fused operations of a backend.
///
/// The default methods are the portable definitions; a backend overrides what it does better.
/// [`Autodiff`] overrides those that the network is made of, to record their gradients.
///
/// Gradients of parameters may have one axis more than the parameter, in front: partial sums, which
/// [`Kernels::optimizer_step`] and [`sum_parts`] add up over that axis. A kernel can then leave the sum
/// over workgroups to whoever reads it anyway. A parameter is used once in a network, since burn
/// could not add partial sums of several uses.
///
/// `mixed_precision` is what the feature maps that an operation makes are stored as. An operation
/// and its gradients must be given the same.
///
/// [`Autodiff`]: burn::backend::Autodiff
pub trait Kernels: Backend {
    /// Cross-correlation of `x` `[n, h, w, c_in]` with `weight` `[k, k, c_in, c_out]` plus `bias`
    /// `[c_out]`, giving `[n, h', w', c_out]`, plus `addend`, if there is one, of that shape.
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: Option<FloatTensor<Self>>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let _ = mixed_precision;
        portable::conv2d::<Self>(x, weight, bias, addend, geometry)
    }

    /// Gradient with respect to the input of [`Kernels::conv2d_forward`], whose shape is
    /// `[n, height, width, c_in]` for `input_size` `[height, width]`. `addend`, of that shape, is
    /// added: the gradient that other uses of the input have given it.
    fn conv2d_grad_input(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        addend: Option<FloatTensor<Self>>,
        input_size: [usize; 2],
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let _ = mixed_precision;
        portable::conv2d_grad_input::<Self>(grad, weight, addend, input_size, geometry)
    }

    /// Gradients with respect to weight `[k, k, c_in, c_out]` and bias `[c_out]` of
    /// [`Kernels::conv2d_forward`], or partial sums of them.
    fn conv2d_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let _ = mixed_precision;
        portable::conv2d_grad_weight::<Self>(x, grad, geometry)
    }

    /// [`Kernels::conv2d_forward`] plus a projection shortcut.
    fn conv2d_project_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shortcut: Projection<FloatTensor<Self>>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        projection::forward::<Self>(x, weight, bias, shortcut, geometry, mixed_precision)
    }

    /// Gradients with respect to the inputs of the convolution and of the shortcut of
    /// [`Kernels::conv2d_project_forward`], whose weights are `weights`, to which `addends` are
    /// added. `input_size` is the convolution's.
    fn conv2d_project_grad_inputs(
        grad: FloatTensor<Self>,
        weights: [FloatTensor<Self>; 2],
        addends: [Option<FloatTensor<Self>>; 2],
        input_size: [usize; 2],
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> [FloatTensor<Self>; 2] {
        projection::grad_inputs::<Self>(
            grad,
            weights,
            addends,
            input_size,
            geometry,
            mixed_precision,
        )
    }

    /// Gradients with respect to the weights of the convolution and of the shortcut of
    /// [`Kernels::conv2d_project_forward`], whose inputs are `inputs`, and to either bias, or
    /// partial sums of them.
    fn conv2d_project_grad_weights(
        inputs: [FloatTensor<Self>; 2],
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> ([FloatTensor<Self>; 2], FloatTensor<Self>) {
        projection::grad_weights::<Self>(inputs, grad, geometry, mixed_precision)
    }

    /// Group normalisation (Wu & He 2018) of `x`, or of `x` and `skip` concatenated, `[n, h, w,
    /// c]`, plus the shift if there is one, over the pixels and channels of each group, with the
    /// affine map `gamma`, `beta` `[c]` and optionally SiLU.
    fn group_norm_forward(
        inputs: GroupNormInputs<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormOutput<FloatTensor<Self>> {
        portable::group_norm::<Self>(inputs, options)
    }

    /// Gradients of [`Kernels::group_norm_forward`], to which those of `other_uses` are added.
    fn group_norm_backward(
        grad: FloatTensor<Self>,
        state: GroupNormState<FloatTensor<Self>>,
        other_uses: OtherUses<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormGrads<FloatTensor<Self>> {
        portable::group_norm_backward::<Self>(grad, state, other_uses, options)
    }

    /// SiLU, `x · sigmoid(x)`, of `x` `[n, 1, 1, c_in]`, and of that the linear layer with `weight`
    /// `[1, 1, c_in, c_out]` and `bias` `[c_out]`: `[n, 1, 1, c_out]`.
    fn silu_linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let activated = portable::silu::<Self>(x);
        let linear = ConvGeometry::LINEAR;
        Self::conv2d_forward(activated, weight, bias, None, linear, mixed_precision)
    }

    /// Gradients of [`Kernels::silu_linear_forward`].
    fn silu_linear_backward(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        mixed_precision: MixedPrecision,
    ) -> SiluLinearGrads<FloatTensor<Self>> {
        let linear = ConvGeometry::LINEAR;
        let activated = portable::silu::<Self>(x.clone());
        let grad_activated =
            Self::conv2d_grad_input(grad.clone(), weight, None, [1, 1], linear, mixed_precision);
        let (weight, bias) = Self::conv2d_grad_weight(activated, grad, linear, mixed_precision);
        SiluLinearGrads {
            x: portable::silu_backward::<Self>(grad_activated, x),
            weight,
            bias,
        }
    }

    /// The mean over items of the mean squared difference of `prediction` and `target`
    /// `[n, c, h, w]`, each item's times its number in `loss_weights` `[n]` if there are any:
    /// `[1]`. Gradients are those of `prediction` alone.
    fn squared_error(
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        loss_weights: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        portable::squared_error::<Self>(prediction, target, loss_weights)
    }

    /// Gradient of [`Kernels::squared_error`] with respect to `prediction`; `grad` is `[1]`.
    fn squared_error_backward(
        grad: FloatTensor<Self>,
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        loss_weights: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        portable::squared_error_backward::<Self>(grad, prediction, target, loss_weights)
    }

    /// `x_coef · x + y_coef · y` for `x` and `y` `[n, c, h, w]`.
    fn weighted_sum(
        x: FloatTensor<Self>,
        x_coef: f32,
        y: FloatTensor<Self>,
        y_coef: f32,
    ) -> FloatTensor<Self> {
        Self::float_add(
            Self::float_mul_scalar(x, x_coef.into()),
            Self::float_mul_scalar(y, y_coef.into()),
        )
    }

    /// x_0 and ε of `x_t` `[n, c, h, w]`, for which a network said `y`: the sums of the two with
    /// the coefficients of a row of `coefs` each, x_0 clamped to [-1, 1] if `clip` is set.
    fn x0_and_eps(
        x_t: FloatTensor<Self>,
        y: FloatTensor<Self>,
        coefs: [[f32; 2]; 2],
        clip: bool,
    ) -> [FloatTensor<Self>; 2] {
        let [x_0, eps] = coefs.map(|coefs| match coefs {
            // What is predicted itself costs nothing.
            [0.0, 1.0] => y.clone(),
            [x_coef, y_coef] => Self::weighted_sum(x_t.clone(), x_coef, y.clone(), y_coef),
        });
        let clamp = |x_0| Self::float_clamp(x_0, (-1f32).into(), 1f32.into());
        [if clip { clamp(x_0) } else { x_0 }, eps]
    }

    /// `numbers`, as `[n, c, h, w]`.
    fn normals(numbers: Normals, shape: [usize; 4], device: &Self::Device) -> FloatTensor<Self> {
        let values = numbers.take(shape.iter().product());
        Self::float_from_data(TensorData::new(values, shape), device)
    }

    /// `inputs` on the device, with x_t and the target: one transfer, where transfers cost, and ε
    /// need not take part in it.
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
            optimizer: upload(inputs.optimizer),
        }
    }

    /// One step of the optimizer and of the moving average for all parameters; `grads[i]` and
    /// `rules[i]` belong to `states[i]`, and `grads[i]` may be partial sums. `uploaded` is
    /// [`OptimizerStep::numbers`] of `step`, for kernels that read them on the device.
    fn optimizer_step(
        states: Vec<ParameterState<Self>>,
        grads: Vec<FloatTensor<Self>>,
        rules: &[UpdateRule],
        step: OptimizerStep,
        uploaded: FloatTensor<Self>,
    ) -> Vec<ParameterState<Self>> {
        let _ = uploaded;
        states
            .into_iter()
            .zip(grads)
            .zip(rules)
            .map(|((state, grad), rule)| {
                let rank = state.value.shape().num_dims();
                let grad = sum_parts::<Self>(grad, rank);
                optimizer::step::<Self>(state, grad, rule, step)
            })
            .collect()
    }

    /// Whether `device` can store feature maps as [`MixedPrecision::Fp16`] says.
    fn supports_fp16(device: &Self::Device) -> bool {
        let _ = device;
        false
    }

    /// What `device` has room for.
    fn capacity(device: &Self::Device) -> Capacity {
        let _ = device;
        Capacity::HOST
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
}

/// The gradient of a parameter of rank `rank`, of which `grad` may be partial sums.
pub fn sum_parts<B: Backend>(grad: FloatTensor<B>, rank: usize) -> FloatTensor<B> {
    let shape = grad.shape();
    if shape.num_dims() == rank {
        return grad;
    }
    let sum = B::float_sum_dim(grad, 0);
    B::float_reshape(sum, shape[1..].into())
}
