//! The definition of every fused operation in burn's own operations.
//!
//! Slow on WebGPU (burn's convolution gradients are direct convolutions there) but independent of
//! our kernels, so it is the reference that tests and benchmarks compare with.

use burn::tensor::{
    Tensor,
    backend::Backend,
    ops::{ConvOptions, FloatTensor},
};

use super::{
    arguments::{
        ConvGeometry, GroupNormGrads, GroupNormInputs, GroupNormOptions, GroupNormOutput,
        GroupNormState, OtherUses, Shift,
    },
    primitive::{from_primitive, into_primitive},
};

fn options(geometry: ConvGeometry) -> ConvOptions<2> {
    ConvOptions::new([geometry.stride; 2], [geometry.padding; 2], [1, 1], 1)
}

/// `[n, h, w, c]` to burn's `[n, c, h, w]`.
fn channels_first<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    into_primitive(from_primitive::<B, 4>(x).permute([0, 3, 1, 2]))
}

fn channels_last<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    into_primitive(from_primitive::<B, 4>(x).permute([0, 2, 3, 1]))
}

/// `[k, k, c_in, c_out]` to burn's `[c_out, c_in, k, k]`.
fn output_channels_first<B: Backend>(weight: FloatTensor<B>) -> FloatTensor<B> {
    into_primitive(from_primitive::<B, 4>(weight).permute([3, 2, 0, 1]))
}

/// `x` plus `addend`, if there is one.
pub(super) fn add_optional<B: Backend>(
    x: FloatTensor<B>,
    addend: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    match addend {
        Some(addend) => B::float_add(x, addend),
        None => x,
    }
}

/// See [`super::Kernels::conv2d_forward`].
pub fn conv2d<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    addend: Option<FloatTensor<B>>,
    geometry: ConvGeometry,
) -> FloatTensor<B> {
    let y = channels_last::<B>(B::conv2d(
        channels_first::<B>(upsampled::<B>(x, geometry)),
        output_channels_first::<B>(weight),
        Some(bias),
        options(geometry),
    ));
    add_optional::<B>(y, addend)
}

/// See [`super::Kernels::conv2d_grad_input`].
pub fn conv2d_grad_input<B: Backend>(
    grad: FloatTensor<B>,
    weight: FloatTensor<B>,
    addend: Option<FloatTensor<B>>,
    input_size: [usize; 2],
    geometry: ConvGeometry,
) -> FloatTensor<B> {
    let grad = from_primitive::<B, 4>(grad);
    let channels = from_primitive::<B, 4>(weight.clone()).dims()[2];
    let [height, width] = input_size.map(|side| side * geometry.repeat());
    // burn only reads the shape of x.
    let x = Tensor::<B, 4>::empty([grad.dims()[0], channels, height, width], &grad.device());
    let grad_x = channels_last::<B>(B::conv2d_x_backward(
        into_primitive(x),
        output_channels_first::<B>(weight),
        channels_first::<B>(into_primitive(grad)),
        options(geometry),
    ));
    add_optional::<B>(upsampled_backward::<B>(grad_x, geometry), addend)
}

/// See [`super::Kernels::conv2d_grad_weight`].
pub fn conv2d_grad_weight<B: Backend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    geometry: ConvGeometry,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let inputs = from_primitive::<B, 4>(x.clone()).dims()[3];
    let grad_typed = from_primitive::<B, 4>(grad.clone());
    let outputs = grad_typed.dims()[3];
    // burn only reads the shape of the weight.
    let weight = Tensor::<B, 4>::empty(
        [outputs, inputs, geometry.kernel, geometry.kernel],
        &grad_typed.device(),
    );
    let grad_weight = B::conv2d_weight_backward(
        channels_first::<B>(upsampled::<B>(x, geometry)),
        into_primitive(weight),
        channels_first::<B>(grad),
        options(geometry),
    );
    let grad_weight = from_primitive::<B, 4>(grad_weight).permute([2, 3, 1, 0]);
    let grad_bias = grad_typed
        .sum_dim(0)
        .sum_dim(1)
        .sum_dim(2)
        .reshape([outputs]);
    (into_primitive(grad_weight), into_primitive(grad_bias))
}

/// `x` `[n, h, w, c]` as a convolution of this geometry sees it: where it upsamples, with every
/// pixel repeated 2 × 2 times, `[n, 2h, 2w, c]`.
pub(super) fn upsampled<B: Backend>(x: FloatTensor<B>, geometry: ConvGeometry) -> FloatTensor<B> {
    if !geometry.upsample {
        return x;
    }
    let x = from_primitive::<B, 4>(x);
    let [n, h, w, c] = x.dims();
    let repeated = x.reshape([n, h, 1, w, 1, c]).expand([n, h, 2, w, 2, c]);
    into_primitive(repeated.reshape([n, 2 * h, 2 * w, c]))
}

/// Gradient of [`upsampled`]: where it upsamples, `grad` `[n, 2h, 2w, c]` summed over 2 × 2 pixels,
/// `[n, h, w, c]`.
pub(super) fn upsampled_backward<B: Backend>(
    grad: FloatTensor<B>,
    geometry: ConvGeometry,
) -> FloatTensor<B> {
    if !geometry.upsample {
        return grad;
    }
    let grad = from_primitive::<B, 4>(grad);
    let [n, h, w, c] = grad.dims();
    let blocks = grad.reshape([n, h / 2, 2, w / 2, 2, c]);
    into_primitive(blocks.sum_dim(2).sum_dim(4).reshape([n, h / 2, w / 2, c]))
}

/// `x` as `[n, pixels, groups, channels per group]`.
fn grouped<B: Backend>(x: Tensor<B, 4>, groups: usize) -> Tensor<B, 4> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h * w, groups, c / groups])
}

fn mean_of_group<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    x.mean_dim(3).mean_dim(1)
}

fn sigmoid<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    (x.neg().exp() + 1.0).recip()
}

/// SiLU, `x · sigmoid(x)`, of any shape.
pub fn silu<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let exponential = B::float_exp(B::float_neg(x.clone()));
    B::float_div(x, B::float_add_scalar(exponential, 1f32.into()))
}

/// Gradient of [`silu`].
pub fn silu_backward<B: Backend>(grad: FloatTensor<B>, x: FloatTensor<B>) -> FloatTensor<B> {
    let exponential = B::float_exp(B::float_neg(x.clone()));
    let s = B::float_recip(B::float_add_scalar(exponential, 1f32.into()));
    // d/dx (x·σ(x)) = σ(x) · (1 + x · (1 - σ(x)))
    let rest = B::float_add_scalar(B::float_neg(s.clone()), 1f32.into());
    let slope = B::float_add_scalar(B::float_mul(x, rest), 1f32.into());
    B::float_mul(grad, B::float_mul(s, slope))
}

/// `x` with the channels of `skip` after its own, and the same again if there was a `skip`.
pub fn concat<B: Backend>(
    x: FloatTensor<B>,
    skip: Option<FloatTensor<B>>,
) -> (FloatTensor<B>, Option<FloatTensor<B>>) {
    match skip {
        None => (x, None),
        Some(skip) => {
            let both = B::float_cat(vec![x, skip], 3);
            (both.clone(), Some(both))
        }
    }
}

/// The first `split` channels of `x` `[n, h, w, c]`, and the others: the gradients of [`concat`].
pub fn split_off<B: Backend>(
    x: FloatTensor<B>,
    split: Option<usize>,
) -> (FloatTensor<B>, Option<FloatTensor<B>>) {
    let Some(channels) = split else {
        return (x, None);
    };
    let x = from_primitive::<B, 4>(x);
    let rest = x.dims()[3] - channels;
    let first = x.clone().narrow(3, 0, channels);
    let second = x.narrow(3, channels, rest);
    (into_primitive(first), Some(into_primitive(second)))
}

/// `loss_weights` `[n]`, or ones, over the number of values of `x` `[n, c, h, w]`: `[n, 1, 1, 1]`.
fn weights_of_mean<B: Backend>(
    loss_weights: Option<FloatTensor<B>>,
    x: &Tensor<B, 4>,
) -> Tensor<B, 4> {
    let [n, c, h, w] = x.dims();
    let loss_weights = match loss_weights {
        Some(loss_weights) => from_primitive::<B, 1>(loss_weights),
        None => Tensor::ones([n], &x.device()),
    };
    (loss_weights / (n * c * h * w) as f64).reshape([n, 1, 1, 1])
}

/// See [`super::Kernels::squared_error`].
pub fn squared_error<B: Backend>(
    prediction: FloatTensor<B>,
    target: FloatTensor<B>,
    loss_weights: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    let error = from_primitive::<B, 4>(prediction) - from_primitive::<B, 4>(target);
    let loss_weights = weights_of_mean(loss_weights, &error);
    // Lines first: candle adds one number after the other, and loses three digits in a million of them.
    let lines = (error.clone() * error * loss_weights).sum_dim(3);
    into_primitive(lines.sum_dim(2).sum())
}

/// See [`super::Kernels::squared_error_backward`].
pub fn squared_error_backward<B: Backend>(
    grad: FloatTensor<B>,
    prediction: FloatTensor<B>,
    target: FloatTensor<B>,
    loss_weights: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    let error = from_primitive::<B, 4>(prediction) - from_primitive::<B, 4>(target);
    let grad = from_primitive::<B, 1>(grad).reshape([1, 1, 1, 1]);
    let slope = weights_of_mean(loss_weights, &error) * grad * 2.0;
    into_primitive(error * slope)
}

/// See [`super::Kernels::group_norm_forward`].
pub fn group_norm<B: Backend>(
    inputs: GroupNormInputs<FloatTensor<B>>,
    options: GroupNormOptions,
) -> GroupNormOutput<FloatTensor<B>> {
    let GroupNormInputs {
        x,
        skip,
        shift,
        gamma,
        beta,
    } = inputs;
    let (x, concatenated) = concat::<B>(x, skip);
    let x = from_primitive::<B, 4>(shifted::<B>(x, shift));
    let [n, h, w, c] = x.dims();
    let x = grouped(x, options.groups);
    let mean = mean_of_group(x.clone());
    let centred = x - mean.clone();
    let variance = mean_of_group(centred.clone() * centred.clone());
    let reciprocal_std = (variance + options.epsilon).sqrt().recip();
    let normalised = (centred * reciprocal_std.clone()).reshape([n, h, w, c]);
    let y = normalised * from_primitive::<B, 1>(gamma).reshape([1, 1, 1, c])
        + from_primitive::<B, 1>(beta).reshape([1, 1, 1, c]);
    let y = if options.silu {
        y.clone() * sigmoid(y)
    } else {
        y
    };
    let statistics = Tensor::cat(vec![mean, reciprocal_std], 3).reshape([n, options.groups, 2]);
    GroupNormOutput {
        y: into_primitive(y),
        concatenated,
        statistics: into_primitive(statistics),
    }
}

/// See [`super::Kernels::group_norm_backward`].
pub fn group_norm_backward<B: Backend>(
    grad: FloatTensor<B>,
    state: GroupNormState<FloatTensor<B>>,
    other_uses: OtherUses<FloatTensor<B>>,
    options: GroupNormOptions,
) -> GroupNormGrads<FloatTensor<B>> {
    let GroupNormState {
        x,
        split,
        shift,
        gamma,
        beta,
        statistics,
    } = state;
    let x = from_primitive::<B, 4>(shifted::<B>(x, shift.clone()));
    let [n, h, w, c] = x.dims();
    let groups = options.groups;
    let statistics = from_primitive::<B, 3>(statistics).reshape([n, 1, groups, 2]);
    let mean = statistics.clone().narrow(3, 0, 1);
    let reciprocal_std = statistics.narrow(3, 1, 1);
    let gamma = from_primitive::<B, 1>(gamma).reshape([1, 1, 1, c]);
    let beta = from_primitive::<B, 1>(beta).reshape([1, 1, 1, c]);

    let normalised = ((grouped(x, groups) - mean) * reciprocal_std.clone()).reshape([n, h, w, c]);
    let mut grad = from_primitive::<B, 4>(grad);
    if options.silu {
        // d/dy (y·σ(y)) = σ(y) · (1 + y · (1 - σ(y)))
        let y = normalised.clone() * gamma.clone() + beta;
        let s = sigmoid(y.clone());
        grad = grad * s.clone() * (y * (s.neg() + 1.0) + 1.0);
    }
    let sum_to_channels =
        |t: Tensor<B, 4>| into_primitive(t.sum_dim(0).sum_dim(1).sum_dim(2).reshape([c]));
    let grad_gamma = sum_to_channels(grad.clone() * normalised.clone());
    let grad_beta = sum_to_channels(grad.clone());

    // dx = r · (ĝ - mean(ĝ) - x̂ · mean(ĝ · x̂)), ĝ the gradient of the normalised value x̂.
    let grad = grouped(grad * gamma, groups);
    let normalised = grouped(normalised, groups);
    let mean_grad = mean_of_group(grad.clone());
    let mean_product = mean_of_group(grad.clone() * normalised.clone());
    let grad_x = (grad - mean_grad - normalised * mean_product) * reciprocal_std;
    let grad_x = into_primitive(grad_x.reshape([n, h, w, c]));
    let grad_shift = shift.map(|shift| shift_grad::<B>(grad_x.clone(), &shift, other_uses.shift));
    let (grad_x, grad_skip) = split_off::<B>(add_optional::<B>(grad_x, other_uses.x), split);
    GroupNormGrads {
        x: grad_x,
        skip: grad_skip,
        shift: grad_shift,
        gamma: grad_gamma,
        beta: grad_beta,
    }
}

/// `x` `[n, h, w, c]` plus `shift`, if there is one.
pub fn shifted<B: Backend>(
    x: FloatTensor<B>,
    shift: Option<Shift<FloatTensor<B>>>,
) -> FloatTensor<B> {
    let Some(Shift { all, start }) = shift else {
        return x;
    };
    let x = from_primitive::<B, 4>(x);
    let [_, _, _, channels] = x.dims();
    into_primitive(x + from_primitive::<B, 4>(all).narrow(3, start, channels))
}

/// The gradient of all numbers of `shift` when that of a tensor plus `shift` is `grad` `[n, h, w,
/// c]`, and that of other uses `others`.
pub fn shift_grad<B: Backend>(
    grad: FloatTensor<B>,
    shift: &Shift<FloatTensor<B>>,
    others: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    let sums = from_primitive::<B, 4>(grad).sum_dim(1).sum_dim(2);
    let [n, _, _, channels] = sums.dims();
    let all = match others {
        Some(others) => from_primitive::<B, 4>(others),
        None => from_primitive::<B, 4>(shift.all.clone()).zeros_like(),
    };
    let own = all.clone().narrow(3, shift.start, channels) + sums;
    let channels = shift.start..shift.start + channels;
    into_primitive(all.slice_assign([0..n, 0..1, 0..1, channels], own))
}
