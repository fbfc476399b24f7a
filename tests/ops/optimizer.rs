//! Adam, Muon and the moving average, of gradients and of partial sums of them.

use burn::tensor::{Shape, Tensor, TensorData, TensorMetadata, ops::FloatTensor};
use unnoise::backend::Flex;
use unnoise::ops::{
    self, AdamStep, ConvGeometry, GroupNormInputs, GroupNormOptions, GroupNormState, Kernels,
    MixedPrecision, MuonStep, OptimizerStep, OtherUses, ParameterState, UpdateRule, from_primitive,
    into_primitive, optimizer,
};

use unnoise::random::{Normals, Stream};

use crate::check::{assert_close, numbers, tensor, values};

const MUON: MuonStep = MuonStep {
    learning_rate: 1e-2,
    momentum: 0.9,
};

const STEP: OptimizerStep = OptimizerStep {
    adam: AdamStep {
        learning_rate: 1e-2,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-3,
        bias_correction1: 0.19,
        bias_correction2: 0.02,
    },
    muon: MUON,
    ema_decay: 0.9,
};

const CONV_3X3: ConvGeometry = ConvGeometry {
    kernel: 3,
    stride: 1,
    padding: 1,
    upsample: false,
};

/// The optimizer step of one parameter.
fn optimizer_step<B: Kernels>(
    state: ParameterState<B>,
    grad: FloatTensor<B>,
    step: OptimizerStep,
    device: &B::Device,
) -> ParameterState<B> {
    let uploaded = B::float_from_data(step.numbers(), device);
    B::optimizer_step(vec![state], vec![grad], &[UpdateRule::Adam], step, uploaded).remove(0)
}

pub fn adam_agrees<B: Kernels>(device: &B::Device) {
    fn run<K: Kernels>(
        device: &K::Device,
        step: impl Fn(ParameterState<K>, Tensor<K, 2>) -> ParameterState<K>,
    ) -> Vec<Vec<f32>> {
        let shape = [37, 11];
        let of = |seed| into_primitive(tensor::<K, 2>(shape, seed, device));
        let mut state = ParameterState {
            value: of(1),
            exp_avg: into_primitive(Tensor::<K, 2>::zeros(shape, device)),
            exp_avg_sq: into_primitive(Tensor::<K, 2>::zeros(shape, device)),
            ema: of(1),
        };
        for seed in 5..8 {
            state = step(state, tensor::<K, 2>(shape, seed, device));
        }
        [state.value, state.exp_avg, state.exp_avg_sq, state.ema]
            .into_iter()
            .map(|primitive| values(from_primitive::<K, 2>(primitive)))
            .collect()
    }
    let step = OptimizerStep {
        adam: AdamStep {
            learning_rate: 1e-2,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            bias_correction1: 0.19,
            bias_correction2: 0.02,
        },
        muon: MUON,
        ema_decay: 0.9,
    };
    let actual = run::<B>(device, |state, grad| {
        optimizer_step::<B>(state, into_primitive(grad), step, device)
    });
    let expected = run::<Flex>(&Default::default(), |state, grad| {
        optimizer::step::<Flex>(state, into_primitive(grad), &UpdateRule::Adam, step)
    });
    for (name, (actual, expected)) in ["value", "exp_avg", "exp_avg_sq", "ema"]
        .iter()
        .zip(actual.iter().zip(&expected))
    {
        assert_close(actual, expected, name);
    }
}

/// Another holder of the same tensors, the weights before the step, must not see it happen.
pub fn adam_leaves_other_holders_alone<B: Kernels>(device: &B::Device) {
    let of = |seed| tensor::<B, 1>([100], seed, device);
    let value = of(1);
    let zeros = Tensor::<B, 1>::zeros([100], device);
    let state = ParameterState {
        value: into_primitive(value.clone()),
        exp_avg: into_primitive(zeros.clone()),
        exp_avg_sq: into_primitive(zeros.clone()),
        // As at the start of training, when the average is the weights themselves.
        ema: into_primitive(value.clone()),
    };
    let step = OptimizerStep {
        adam: AdamStep {
            learning_rate: 1.0,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            bias_correction1: 0.1,
            bias_correction2: 0.01,
        },
        muon: MUON,
        ema_decay: 0.5,
    };
    let stepped = optimizer_step::<B>(state, into_primitive(of(2)), step, device);
    assert_eq!(values(value), numbers(100, 1));
    assert_eq!(values(zeros), vec![0.0; 100]);
    let moved = values(from_primitive::<B, 1>(stepped.value));
    let average = values(from_primitive::<B, 1>(stepped.ema));
    for ((before, moved), average) in numbers(100, 1).iter().zip(moved).zip(average) {
        assert!((moved - before).abs() > 0.9);
        assert!((average - (moved + before) / 2.0).abs() < 1e-6);
    }
}

/// Gradients of convolutions and group norms as their kernels leave them, of more parameters than a
/// shader has buffers.
fn gradients<B: Kernels>(seed: u32, device: &B::Device) -> Vec<FloatTensor<B>> {
    let options = GroupNormOptions {
        groups: 2,
        epsilon: 1e-5,
        silu: true,
        mixed_precision: MixedPrecision::No,
    };
    // Channels that are no multiples of 4 among them, which emulators pad.
    let widths = [[3, 8], [8, 16], [16, 8], [8, 6]];
    let convolutions = widths.iter().flat_map(|&[c_in, c_out]| {
        let of =
            |channels, seed| into_primitive(tensor::<B, 4>([4, 16, 16, channels], seed, device));
        let (weight, bias) = B::conv2d_grad_weight(
            of(c_in, seed),
            of(c_out, seed + 1),
            CONV_3X3,
            MixedPrecision::No,
        );
        let inputs = GroupNormInputs {
            x: of(c_out, seed + 2),
            skip: None,
            shift: None,
            gamma: into_primitive(tensor::<B, 1>([c_out], seed + 3, device)),
            beta: into_primitive(tensor::<B, 1>([c_out], seed + 4, device)),
        };
        let output = B::group_norm_forward(inputs.clone(), options);
        let state = GroupNormState {
            x: inputs.x,
            split: None,
            shift: None,
            gamma: inputs.gamma,
            beta: inputs.beta,
            statistics: output.statistics,
        };
        let norm = B::group_norm_backward(of(c_out, seed + 5), state, OtherUses::NONE, options);
        [weight, bias, norm.gamma, norm.beta]
    });
    convolutions.collect()
}

/// States of parameters of these shapes, all numbers 0.
fn zero_states<B: Kernels>(shapes: &[Shape], device: &B::Device) -> Vec<ParameterState<B>> {
    let state = |shape: &Shape| {
        let zeros = Tensor::<B, 1>::zeros([1], device);
        let zeros = || B::float_expand(into_primitive(zeros.clone()), shape.clone());
        ParameterState {
            value: zeros(),
            exp_avg: zeros(),
            exp_avg_sq: zeros(),
            ema: zeros(),
        }
    };
    shapes.iter().map(state).collect()
}

/// Adam's step of all `states` at once.
fn adam_step<B: Kernels>(
    states: Vec<ParameterState<B>>,
    grads: Vec<FloatTensor<B>>,
    device: &B::Device,
) -> Vec<ParameterState<B>> {
    let uploaded = B::float_from_data(STEP.numbers(), device);
    let rules = vec![UpdateRule::Adam; grads.len()];
    B::optimizer_step(states, grads, &rules, STEP, uploaded)
}

/// The same by the portable definition, one after the other, of the sums of their partial sums.
fn adam_step_of_sums<B: Kernels>(
    states: Vec<ParameterState<B>>,
    grads: &[FloatTensor<B>],
) -> Vec<ParameterState<B>> {
    let step = |(state, grad): (ParameterState<B>, &FloatTensor<B>)| {
        let rank = state.value.shape().num_dims();
        let sum = ops::sum_parts::<B>(grad.clone(), rank);
        optimizer::step::<B>(state, sum, &UpdateRule::Adam, STEP)
    };
    states.into_iter().zip(grads).map(step).collect()
}

fn assert_states_close<B: Kernels>(actual: &[ParameterState<B>], expected: &[ParameterState<B>]) {
    let numbers = |tensor: &FloatTensor<B>| {
        let count = tensor.shape().num_elements();
        values(from_primitive::<B, 1>(B::float_reshape(
            tensor.clone(),
            [count].into(),
        )))
    };
    for (actual, expected) in actual.iter().zip(expected) {
        for (field, actual, expected) in [
            ("value", &actual.value, &expected.value),
            ("exp_avg", &actual.exp_avg, &expected.exp_avg),
            ("exp_avg_sq", &actual.exp_avg_sq, &expected.exp_avg_sq),
            ("ema", &actual.ema, &expected.ema),
        ] {
            assert_close(&numbers(actual), &numbers(expected), field);
        }
    }
}

/// Optimizer steps of many parameters with such gradients, those of a second network taken in
/// between, are those of the sums of their partial sums.
pub fn partial_sums_add_up<B: Kernels>(device: &B::Device) {
    let shapes: Vec<_> = gradients::<Flex>(1, &Default::default())
        .iter()
        .map(TensorMetadata::shape)
        .collect();
    let fresh = || zero_states::<B>(&shapes, device);
    let mut networks = [fresh(), fresh()];
    let mut expected = [fresh(), fresh()];
    for turn in 0..4 {
        // Both have their gradients before either takes its step.
        let grads = [0, 1].map(|network| gradients::<B>(10 * turn + network, device));
        for ((states, expected), grads) in networks.iter_mut().zip(&mut expected).zip(grads) {
            *expected = adam_step_of_sums::<B>(std::mem::take(expected), &grads);
            *states = adam_step::<B>(std::mem::take(states), grads, device);
        }
    }
    for (actual, expected) in networks.iter().zip(&expected) {
        assert_states_close::<B>(actual, expected);
    }
}

/// The same of gradients that together fill more buffers than a shader has, in one step.
pub fn partial_sums_of_many_buffers_add_up<B: Kernels>(device: &B::Device) {
    // Images, their size, channels before and after. Six sums each on a GPU, and among them one that is
    // larger than a shared buffer.
    let mut layers = vec![[8, 16, 128, 128]; 30];
    layers[20] = [1, 8, 512, 1024];
    let gradient = |(seed, &[images, size, c_in, c_out]): (u32, &[usize; 4])| {
        let of = |channels, seed| {
            into_primitive(tensor::<B, 4>([images, size, size, channels], seed, device))
        };
        let (x, grad) = (of(c_in, seed), of(c_out, seed + 1));
        let (weight, bias) = B::conv2d_grad_weight(x, grad, CONV_3X3, MixedPrecision::No);
        [weight, bias]
    };
    let grads: Vec<_> = (0..).step_by(2).zip(&layers).flat_map(gradient).collect();
    let shapes: Vec<_> = layers
        .iter()
        .flat_map(|&[_, _, c_in, c_out]| [[3, 3, c_in, c_out].into(), [c_out].into()])
        .collect();
    let states = || zero_states::<B>(&shapes, device);
    let expected = adam_step_of_sums::<B>(states(), &grads);
    let actual = adam_step::<B>(states(), grads, device);
    assert_states_close::<B>(&actual, &expected);
}

/// Weights of layers as Muon has them: tall and wide, of widths that are no multiples of 4, one of
/// several matrices, and one that Adam moves.
fn layers() -> Vec<([usize; 4], UpdateRule)> {
    let muon = |columns: &[usize]| UpdateRule::Muon {
        columns: columns.to_vec(),
    };
    vec![
        ([3, 3, 16, 8], muon(&[8])),
        ([3, 3, 8, 3], UpdateRule::Adam),
        ([1, 1, 12, 40], muon(&[40])),
        ([3, 3, 6, 10], muon(&[10])),
        ([1, 1, 9, 31], muon(&[4, 16, 11])),
        ([1, 1, 5, 7], muon(&[7])),
        ([3, 3, 32, 64], muon(&[64])),
    ]
}

fn zeros<B: Kernels>(shape: [usize; 4], device: &B::Device) -> FloatTensor<B> {
    into_primitive(Tensor::<B, 4>::zeros(shape, device))
}

/// Weights of 0, so that what they are after some steps is what the steps were.
fn fresh<B: Kernels>(device: &B::Device) -> Vec<ParameterState<B>> {
    let state = |(shape, _)| ParameterState {
        value: zeros::<B>(shape, device),
        exp_avg: zeros::<B>(shape, device),
        exp_avg_sq: zeros::<B>(shape, device),
        ema: zeros::<B>(shape, device),
    };
    layers().into_iter().map(state).collect()
}

fn gradients_of_layers<B: Kernels>(seed: u32, device: &B::Device) -> Vec<FloatTensor<B>> {
    let grad = |(index, (shape, _)): (usize, ([usize; 4], UpdateRule))| {
        // Independent, so that no singular value is near 0, where rounding is magnified.
        let normals = Normals {
            seed: index as u64,
            stream: Stream::TrainingNoise,
            step: seed,
            first: 0,
        };
        let data = TensorData::new(normals.take(shape.iter().product()), shape);
        into_primitive(Tensor::<B, 4>::from_data(data, device))
    };
    layers().into_iter().enumerate().map(grad).collect()
}

pub fn muon_agrees<B: Kernels>(device: &B::Device) {
    let rules: Vec<UpdateRule> = layers().into_iter().map(|(_, rule)| rule).collect();
    let mut states = fresh::<B>(device);
    let mut expected = fresh::<Flex>(&Default::default());
    for turn in 0..3 {
        let uploaded = B::float_from_data(STEP.numbers(), device);
        let grads = gradients_of_layers::<B>(turn, device);
        states = B::optimizer_step(states, grads, &rules, STEP, uploaded);
        let grads = gradients_of_layers::<Flex>(turn, &Default::default());
        expected = (expected.into_iter().zip(grads).zip(&rules))
            .map(|((state, grad), rule)| optimizer::step::<Flex>(state, grad, rule, STEP))
            .collect();
    }
    let shapes = layers().into_iter().map(|(shape, _)| shape);
    for ((actual, expected), shape) in states.into_iter().zip(expected).zip(shapes) {
        for (name, actual, expected) in [
            ("value", actual.value, expected.value),
            ("exp_avg", actual.exp_avg, expected.exp_avg),
            ("exp_avg_sq", actual.exp_avg_sq, expected.exp_avg_sq),
            ("ema", actual.ema, expected.ema),
        ] {
            let actual = values(from_primitive::<B, 4>(actual));
            let expected = values(from_primitive::<Flex, 4>(expected));
            assert_close(&actual, &expected, &format!("{name} of {shape:?}"));
        }
    }
}

/// Without momentum an update is near to the orthogonal matrix that is nearest to the gradient,
/// U Vᵀ of U Σ Vᵀ: its product with the gradient is near to the sum of singular values, and its own
/// square to their number. Here they are known: 3, 2 and 1/8 in rotated axes. A gradient of zeros
/// moves nothing.
pub fn muon_orthogonalises<B: Kernels>(device: &B::Device) {
    let axes = [[0.6f32, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]];
    let singular_values = [3.0f32, 2.0, 0.125];
    // U has unit vectors of 5 dimensions, V the axes.
    let mut grad = vec![0.0f32; 5 * 3];
    for (k, (axis, singular_value)) in axes.iter().zip(singular_values).enumerate() {
        for (column, along) in axis.iter().enumerate() {
            grad[k * 3 + column] += singular_value * along;
        }
    }
    let step = OptimizerStep {
        muon: MuonStep {
            learning_rate: 1.0,
            momentum: 0.0,
        },
        ..STEP
    };
    let rules = [UpdateRule::Muon { columns: vec![3] }];
    let update = |grad: &[f32]| -> Vec<f32> {
        let shape = [1, 1, 5, 3];
        let state = ParameterState {
            value: zeros::<B>(shape, device),
            exp_avg: zeros::<B>(shape, device),
            exp_avg_sq: zeros::<B>(shape, device),
            ema: zeros::<B>(shape, device),
        };
        let data = TensorData::new(grad.to_vec(), shape);
        let grad = into_primitive(Tensor::<B, 4>::from_data(data, device));
        let uploaded = B::float_from_data(step.numbers(), device);
        let stepped = B::optimizer_step(vec![state], vec![grad], &rules, step, uploaded).remove(0);
        let value = values(from_primitive::<B, 4>(stepped.value));
        value.iter().map(|value| -value).collect()
    };
    let orthogonal = update(&grad);
    for (k, axis) in axes.iter().enumerate() {
        let row = &orthogonal[k * 3..][..3];
        let along: f32 = row.iter().zip(axis).map(|(a, b)| a * b).sum();
        let length: f32 = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((0.6..1.3).contains(&along), "{along} along axis {k}");
        assert!((length - along).abs() < 1e-4, "axis {k} is turned");
    }
    assert_eq!(update(&[0.0; 15]), [0.0; 15]);
}
