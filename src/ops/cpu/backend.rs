//! The kernels of every backend whose memory is the CPU's.

use std::ops::DerefMut;

use burn::tensor::{Shape, TensorMetadata, backend::Backend, ops::FloatTensor};

use super::{
    adam::{self, Parameter},
    conv,
    group_norm::{self, NormShape},
    patches::ConvShape,
};
use crate::ops::{
    arguments::{
        AdamStep, ConvGeometry, GroupNormGrads, GroupNormInputs, GroupNormOptions, GroupNormOutput,
        GroupNormState, MixedPrecision, OtherUses, ParameterState,
    },
    kernels::Kernels,
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
        let x = portable::upsampled::<B>(x, geometry);
        let shape = conv_shape(&x.shape(), dims::<4>(&weight.shape())[3], geometry);
        let [height, width] = shape.output_size();
        let y = conv::forward(&B::values(x), &B::values(weight), &B::values(bias), &shape);
        let y = tensor::<B, 4>(y, [shape.batch, height, width, shape.outputs]);
        portable::add_optional::<B>(y, addend)
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
        let [height, width] = input_size.map(|side| side * geometry.repeat());
        let input = [batch, height, width, inputs];
        let shape = conv_shape(&Shape::from(input), outputs, geometry);
        let grad_x = conv::grad_input(&B::values(grad), &B::values(weight), &shape);
        let grad_x = portable::upsampled_backward::<B>(tensor::<B, 4>(grad_x, input), geometry);
        portable::add_optional::<B>(grad_x, addend)
    }

    fn conv2d_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        _mixed_precision: MixedPrecision,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let x = portable::upsampled::<B>(x, geometry);
        let shape = conv_shape(&x.shape(), dims::<4>(&grad.shape())[3], geometry);
        let (weight, bias) = conv::grad_weight(&B::values(x), &B::values(grad), &shape);
        let (kernel, inputs, outputs) = (geometry.kernel, shape.inputs, shape.outputs);
        let weight = tensor::<B, 4>(weight, [kernel, kernel, inputs, outputs]);
        (weight, tensor::<B, 1>(bias, [outputs]))
    }

    fn group_norm_forward(
        inputs: GroupNormInputs<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormOutput<FloatTensor<Self>> {
        let (x, concatenated) = portable::concat::<B>(inputs.x, inputs.skip);
        let x = portable::shifted::<B>(x, inputs.shift);
        let shape = dims(&x.shape());
        let (y, statistics) = group_norm::forward(
            &B::values(x),
            &B::values(inputs.gamma),
            &B::values(inputs.beta),
            norm_shape(shape),
            options,
        );
        GroupNormOutput {
            y: tensor::<B, 4>(y, shape),
            concatenated,
            statistics: tensor::<B, 3>(statistics, [shape[0], options.groups, 2]),
        }
    }

    fn group_norm_backward(
        grad: FloatTensor<Self>,
        state: GroupNormState<FloatTensor<Self>>,
        other_uses: OtherUses<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormGrads<FloatTensor<Self>> {
        let shift = state.shift;
        let x = portable::shifted::<B>(state.x, shift.clone());
        let shape = dims(&x.shape());
        let [grad_x, grad_gamma, grad_beta] = group_norm::backward(
            &B::values(grad),
            &B::values(x),
            &B::values(state.gamma),
            &B::values(state.beta),
            &B::values(state.statistics),
            norm_shape(shape),
            options,
        );
        let grad_x = tensor::<B, 4>(grad_x, shape);
        let grad_shift =
            shift.map(|shift| portable::shift_grad::<B>(grad_x.clone(), &shift, other_uses.shift));
        let grad_x = portable::add_optional::<B>(grad_x, other_uses.x);
        let (grad_x, grad_skip) = portable::split_off::<B>(grad_x, state.split);
        GroupNormGrads {
            x: grad_x,
            skip: grad_skip,
            shift: grad_shift,
            gamma: tensor::<B, 1>(grad_gamma, [shape[3]]),
            beta: tensor::<B, 1>(grad_beta, [shape[3]]),
        }
    }

    fn adam_step(
        states: Vec<ParameterState<Self>>,
        grads: Vec<FloatTensor<Self>>,
        step: AdamStep,
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
            .map(|([value, exp_avg, exp_avg_sq, ema], grad)| Parameter {
                value,
                exp_avg,
                exp_avg_sq,
                ema,
                grad,
            })
            .collect();
        adam::step(parameters, step);
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

/// Sizes of a convolution of `input` `[n, h, w, c_in]`, upsampled already, to `outputs` channels.
fn conv_shape(input: &Shape, outputs: usize, geometry: ConvGeometry) -> ConvShape {
    let [batch, height, width, inputs] = dims(input);
    ConvShape {
        batch,
        height,
        width,
        inputs,
        outputs,
        geometry: geometry.without_upsampling(),
    }
}

fn norm_shape([batch, height, width, channels]: [usize; 4]) -> NormShape {
    NormShape {
        batch,
        pixels: height * width,
        channels,
    }
}
