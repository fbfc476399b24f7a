//! The kernels of every backend whose memory is the CPU's.

use std::ops::DerefMut;

use burn::tensor::{Shape, TensorMetadata, backend::Backend, ops::FloatTensor};

use super::{
    conv,
    group_norm::{self, Norm, NormShape},
    maps,
    optimizer::{self, Parameter},
    patches::ConvShape,
};
use crate::ops::{
    arguments::{
        ConvGeometry, GroupNormGrads, GroupNormInputs, GroupNormOptions, GroupNormOutput,
        GroupNormState, MixedPrecision, OtherUses, Shift,
    },
    kernels::Kernels,
    optimizer::{OptimizerStep, ParameterState, UpdateRule},
    portable,
};

/// How slices get out of and into a backend's tensors.
pub trait SliceBackend: Backend {
    /// A tensor's numbers in row-major order. What is written to them no other tensor sees.
    type Values: DerefMut<Target = [f32]> + From<Vec<f32>>;

    /// The numbers of `tensor`, whatever its layout.
    fn values(tensor: FloatTensor<Self>) -> Self::Values;

    /// A tensor of `values`, as many as `shape` says.
    fn tensor(values: Self::Values, shape: Shape) -> FloatTensor<Self>;
}

impl<B: SliceBackend> Kernels for B {
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: Option<FloatTensor<Self>>,
        geometry: ConvGeometry,
        _mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let shape = conv_shape(&x.shape(), dims::<4>(&weight.shape())[3], geometry);
        let (x, shape) = upsampled::<B>(x, shape);
        let [height, width] = shape.output_size();
        let output = [shape.batch, height, width, shape.outputs];
        let addend = addend.map(B::values);
        let y = conv::forward(
            &B::values(x),
            &B::values(weight),
            &B::values(bias),
            addend.as_deref(),
            &shape,
        );
        tensor::<B, 4>(y, output)
    }

    fn conv2d_grad_input(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        addend: Option<FloatTensor<Self>>,
        input_size: [usize; 2],
        geometry: ConvGeometry,
        _mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let [batch, _, _, outputs] = dims(&grad.shape());
        let [_, _, inputs, _] = dims(&weight.shape());
        let [height, width] = input_size;
        let input = [batch, height, width, inputs];
        let shape = conv_shape(&Shape::from(input), outputs, geometry);
        let (grad, weight) = (B::values(grad), B::values(weight));
        if geometry.upsample && !conv::upsamples(&shape) {
            let shape = shape.of_upsampled();
            let grad_x = conv::grad_input(&grad, &weight, None, &shape);
            let upsampled = [batch, shape.height, shape.width, inputs];
            let grad_x = tensor::<B, 4>(grad_x, upsampled);
            let grad_x = portable::upsampled_backward::<B>(grad_x, geometry);
            return portable::add_optional::<B>(grad_x, addend);
        }
        let addend = addend.map(B::values);
        let grad_x = conv::grad_input(&grad, &weight, addend.as_deref(), &shape);
        tensor::<B, 4>(grad_x, input)
    }

    fn conv2d_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        _mixed_precision: MixedPrecision,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let shape = conv_shape(&x.shape(), dims::<4>(&grad.shape())[3], geometry);
        let (x, shape) = upsampled::<B>(x, shape);
        let (weight, bias) = conv::grad_weight(&B::values(x), &B::values(grad), &shape);
        let (kernel, inputs, outputs) = (geometry.kernel, shape.inputs, shape.outputs);
        let weight = tensor::<B, 4>(weight, [kernel, kernel, inputs, outputs]);
        (weight, tensor::<B, 1>(bias, [outputs]))
    }

    fn group_norm_forward(
        inputs: GroupNormInputs<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormOutput<FloatTensor<Self>> {
        let (x, concatenated) = match inputs.skip {
            None => (inputs.x, None),
            Some(skip) => {
                let both = concat::<B>(inputs.x, skip);
                (both.clone(), Some(both))
            }
        };
        let shape @ [batch, _, _, channels] = dims(&x.shape());
        let shift = inputs.shift.map(|shift| own_channels::<B>(shift, channels));
        let norm = Norm {
            x: &B::values(x),
            shift: shift.as_deref(),
            gamma: &B::values(inputs.gamma),
            beta: &B::values(inputs.beta),
        };
        let (y, statistics) = group_norm::forward(norm, norm_shape(shape), options);
        GroupNormOutput {
            y: tensor::<B, 4>(y, shape),
            concatenated,
            statistics: tensor::<B, 3>(statistics, [batch, options.groups, 2]),
        }
    }

    fn group_norm_backward(
        grad: FloatTensor<Self>,
        state: GroupNormState<FloatTensor<Self>>,
        other_uses: OtherUses<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormGrads<FloatTensor<Self>> {
        let shape @ [_, height, width, channels] = dims(&state.x.shape());
        let shift = state.shift;
        let own = shift
            .clone()
            .map(|shift| own_channels::<B>(shift, channels));
        let norm = Norm {
            x: &B::values(state.x),
            shift: own.as_deref(),
            gamma: &B::values(state.gamma),
            beta: &B::values(state.beta),
        };
        // The gradient of a shift is a sum without that of other uses.
        let (addend, others) = match other_uses.x {
            Some(addend) if shift.is_none() => (Some(B::values(addend)), None),
            others => (None, others),
        };
        let [grad_x, grad_gamma, grad_beta] = group_norm::backward(
            &B::values(grad),
            norm,
            &B::values(state.statistics),
            addend.as_deref(),
            norm_shape(shape),
            options,
        );
        let grad_shift = shift.map(|shift| {
            let sums = maps::sum_pixels(&grad_x, height * width, channels);
            shift_grad::<B>(&sums, channels, shift, other_uses.shift)
        });
        let grad_x = portable::add_optional::<B>(tensor::<B, 4>(grad_x, shape), others);
        let (grad_x, grad_skip) = match state.split {
            None => (grad_x, None),
            Some(first) => {
                let [grad_x, grad_skip] = split::<B>(grad_x, first);
                (grad_x, Some(grad_skip))
            }
        };
        GroupNormGrads {
            x: grad_x,
            skip: grad_skip,
            shift: grad_shift,
            gamma: tensor::<B, 1>(grad_gamma, [channels]),
            beta: tensor::<B, 1>(grad_beta, [channels]),
        }
    }

    fn optimizer_step(
        states: Vec<ParameterState<Self>>,
        grads: Vec<FloatTensor<Self>>,
        rules: &[UpdateRule],
        step: OptimizerStep,
        _uploaded: FloatTensor<Self>,
    ) -> Vec<ParameterState<Self>> {
        let shapes: Vec<Shape> = states.iter().map(|state| state.value.shape()).collect();
        let mut states: Vec<[B::Values; 4]> = states
            .into_iter()
            .map(|state| [state.value, state.exp_avg, state.exp_avg_sq, state.ema].map(B::values))
            .collect();
        let grads: Vec<B::Values> = grads.into_iter().map(B::values).collect();
        let parameters = states
            .iter_mut()
            .zip(&grads)
            .zip(rules)
            .map(
                |(([value, exp_avg, exp_avg_sq, ema], grad), rule)| Parameter {
                    value,
                    exp_avg,
                    exp_avg_sq,
                    ema,
                    grad,
                    rule,
                },
            )
            .collect();
        optimizer::step(parameters, step);
        let stepped = states.into_iter().zip(shapes).map(|(state, shape)| {
            let [value, exp_avg, exp_avg_sq, ema] =
                state.map(|values| B::tensor(values, shape.clone()));
            ParameterState {
                value,
                exp_avg,
                exp_avg_sq,
                ema,
            }
        });
        stepped.collect()
    }
}

fn dims<const D: usize>(shape: &Shape) -> [usize; D] {
    std::array::from_fn(|axis| shape[axis])
}

fn tensor<B: SliceBackend, const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FloatTensor<B> {
    B::tensor(values.into(), Shape::from(shape))
}

/// The channels of `first` followed by those of `second`, both `[n, h, w, c]`.
fn concat<B: SliceBackend>(first: FloatTensor<B>, second: FloatTensor<B>) -> FloatTensor<B> {
    let [batch, height, width, channels] = dims(&first.shape());
    let others = dims::<4>(&second.shape())[3];
    let both = maps::concat(&B::values(first), &B::values(second), [channels, others]);
    tensor::<B, 4>(both, [batch, height, width, channels + others])
}

/// The first `channels` channels of `x` `[n, h, w, c]`, and the others.
fn split<B: SliceBackend>(x: FloatTensor<B>, channels: usize) -> [FloatTensor<B>; 2] {
    let [batch, height, width, all] = dims(&x.shape());
    let widths = [channels, all - channels];
    let [first, second] = maps::split(&B::values(x), widths);
    [(first, widths[0]), (second, widths[1])]
        .map(|(values, channels)| tensor::<B, 4>(values, [batch, height, width, channels]))
}

/// The numbers of a shift of `channels` channels: `[n, channels]`.
fn own_channels<B: SliceBackend>(shift: Shift<FloatTensor<B>>, channels: usize) -> Vec<f32> {
    let [_, _, _, total] = dims(&shift.all.shape());
    let all = B::values(shift.all);
    let images = all.chunks_exact(total);
    images
        .flat_map(|all| &all[shift.start..][..channels])
        .copied()
        .collect()
}

/// The gradient of all numbers of `shift` when that of its own ones is `sums` `[n, channels]`, and
/// that of other uses `others`.
fn shift_grad<B: SliceBackend>(
    sums: &[f32],
    channels: usize,
    shift: Shift<FloatTensor<B>>,
    others: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    let shape @ [batch, _, _, total] = dims::<4>(&shift.all.shape());
    let mut all = match others {
        Some(others) => B::values(others),
        None => vec![0.0; batch * total].into(),
    };
    for (all, sums) in all.chunks_exact_mut(total).zip(sums.chunks_exact(channels)) {
        for (all, sum) in all[shift.start..].iter_mut().zip(sums) {
            *all += sum;
        }
    }
    B::tensor(all, Shape::from(shape))
}

/// `x` as [`conv`] takes it, and the sizes that go with it.
fn upsampled<B: SliceBackend>(x: FloatTensor<B>, shape: ConvShape) -> (FloatTensor<B>, ConvShape) {
    if conv::upsamples(&shape) {
        return (x, shape);
    }
    let x = portable::upsampled::<B>(x, shape.geometry);
    (x, shape.of_upsampled())
}

/// Sizes of a convolution of `input` `[n, h, w, c_in]` to `outputs` channels.
fn conv_shape(input: &Shape, outputs: usize, geometry: ConvGeometry) -> ConvShape {
    let [batch, height, width, inputs] = dims(input);
    ConvShape {
        batch,
        height,
        width,
        inputs,
        outputs,
        geometry,
    }
}

fn norm_shape([batch, height, width, channels]: [usize; 4]) -> NormShape {
    NormShape {
        batch,
        pixels: height * width,
        channels,
    }
}
