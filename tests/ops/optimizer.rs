//! Adam and the moving average, of gradients and of partial sums of them.

use burn::tensor::{Tensor, TensorMetadata, ops::FloatTensor};
use unnoise::backend::Flex;
use unnoise::ops::{
    self, AdamStep, ConvGeometry, GroupNormInputs, GroupNormOptions, GroupNormState, Kernels,
    MixedPrecision, OtherUses, ParameterState, from_primitive, into_primitive, portable,
};

use crate::check::{assert_close, numbers, tensor, values};

/// The optimizer step of one parameter.
fn adam_step<B: Kernels>(
    state: ParameterState<B>,
    grad: FloatTensor<B>,
    step: AdamStep,
    device: &B::Device,
) -> ParameterState<B> {
    let uploaded = B::float_from_data(step.numbers(), device);
    B::adam_step(vec![state], vec![grad], step, uploaded).remove(0)
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
    let step = AdamStep {
        learning_rate: 1e-2,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        bias_correction1: 0.19,
        bias_correction2: 0.02,
        ema_decay: 0.9,
    };
    let actual = run::<B>(device, |state, grad| {
        adam_step::<B>(state, into_primitive(grad), step, device)
    });
    let expected = run::<Flex>(&Default::default(), |state, grad| {
        portable::adam_step::<Flex>(state, into_primitive(grad), step)
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
    let step = AdamStep {
        learning_rate: 1.0,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        bias_correction1: 0.1,
        bias_correction2: 0.01,
        ema_decay: 0.5,
    };
    let stepped = adam_step::<B>(state, into_primitive(of(2)), step, device);
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
    let geometry = ConvGeometry {
        kernel: 3,
        stride: 1,
        padding: 1,
        upsample: false,
    };
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
            geometry,
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

/// Optimizer steps of many parameters with such gradients, those of a second network taken in
/// between, are those of the sums of their partial sums.
pub fn partial_sums_add_up<B: Kernels>(device: &B::Device) {
    let ranks = [4, 1, 1, 1].into_iter().cycle();
    let shapes: Vec<_> = gradients::<Flex>(1, &Default::default())
        .iter()
        .map(TensorMetadata::shape)
        .collect();
    let fresh = || -> Vec<ParameterState<B>> {
        let state = |shape| {
            let zeros = Tensor::<B, 1>::zeros([1], device);
            let zeros = || B::float_expand(into_primitive(zeros.clone()), Clone::clone(shape));
            ParameterState {
                value: zeros(),
                exp_avg: zeros(),
                exp_avg_sq: zeros(),
                ema: zeros(),
            }
        };
        shapes.iter().map(state).collect()
    };
    let step = AdamStep {
        learning_rate: 1e-2,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-3,
        bias_correction1: 0.19,
        bias_correction2: 0.02,
        ema_decay: 0.9,
    };
    let advance = |states, grads| {
        let uploaded = B::float_from_data(step.numbers(), device);
        B::adam_step(states, grads, step, uploaded)
    };
    let mut networks = [fresh(), fresh()];
    let mut expected = [fresh(), fresh()];
    for turn in 0..4 {
        // Both have their gradients before either takes its step.
        let grads = [0, 1].map(|network| gradients::<B>(10 * turn + network, device));
        for ((states, expected), grads) in networks.iter_mut().zip(&mut expected).zip(grads) {
            let sums = (grads.iter().zip(ranks.clone()))
                .map(|(grad, rank)| ops::sum_parts::<B>(grad.clone(), rank));
            let reference = std::mem::take(expected).into_iter().zip(sums);
            *expected = reference
                .map(|(state, grad)| portable::adam_step::<B>(state, grad, step))
                .collect();
            *states = advance(std::mem::take(states), grads);
        }
    }
    let numbers = |tensor: &FloatTensor<B>| {
        let count = tensor.shape().num_elements();
        values(from_primitive::<B, 1>(B::float_reshape(
            tensor.clone(),
            [count].into(),
        )))
    };
    for (actual, expected) in networks.iter().flatten().zip(expected.iter().flatten()) {
        assert_close(&numbers(&actual.value), &numbers(&expected.value), "value");
        assert_close(
            &numbers(&actual.exp_avg),
            &numbers(&expected.exp_avg),
            "exp_avg",
        );
        assert_close(
            &numbers(&actual.exp_avg_sq),
            &numbers(&expected.exp_avg_sq),
            "exp_avg_sq",
        );
        assert_close(&numbers(&actual.ema), &numbers(&expected.ema), "ema");
    }
}
