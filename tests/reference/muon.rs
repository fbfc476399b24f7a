//! Muon's steps against torch.optim.Muon's.

use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use unnoise::{
    backend::Flex,
    ops::{
        AdamStep, Kernels, MuonStep, OptimizerStep, ParameterState, UpdateRule, from_primitive,
        into_primitive,
    },
};

use crate::golden;

/// Of updates of 0.02 a step and more; torch takes the products in another order.
const TOLERANCE: f32 = 2e-6;

const STEP: OptimizerStep = OptimizerStep {
    adam: AdamStep {
        learning_rate: 1.0,
        beta1: 0.0,
        beta2: 0.0,
        epsilon: 1.0,
        bias_correction1: 1.0,
        bias_correction2: 1.0,
    },
    muon: MuonStep {
        learning_rate: 0.02,
        momentum: 0.95,
    },
    ema_decay: 0.0,
};

/// Row-major `[outputs, inputs]`, as torch has it, as our `[1, 1, inputs, outputs]`.
fn layer(values: &[f32], [outputs, inputs]: [usize; 2]) -> Tensor<Flex, 4> {
    let data = TensorData::new(values.to_vec(), [1, 1, outputs, inputs]);
    Tensor::from_data(data, &Default::default()).swap_dims(2, 3)
}

#[test]
fn muon_steps_agree_with_torch() {
    let bytes = golden::bytes("muon.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for name in ["wide", "tall", "square"] {
        let (shape, before) = golden::tensor(&file, &format!("{name}.before"));
        let shape = [shape[0], shape[1]];
        let (_, grads) = golden::tensor(&file, &format!("{name}.grads"));
        let (_, after) = golden::tensor(&file, &format!("{name}.after"));
        let value = layer(&before, shape);
        let zeros = || into_primitive(value.zeros_like());
        let mut states = vec![ParameterState::<Flex> {
            value: into_primitive(value.clone()),
            exp_avg: zeros(),
            exp_avg_sq: zeros(),
            ema: zeros(),
        }];
        let rules = [UpdateRule::Muon {
            columns: vec![shape[0]],
        }];
        for grad in grads.chunks_exact(before.len()) {
            let grads = vec![into_primitive(layer(grad, shape))];
            let numbers = Tensor::<Flex, 1>::from_data(STEP.numbers(), &Default::default());
            let numbers = into_primitive(numbers);
            states = Flex::optimizer_step(states, grads, &rules, STEP, numbers);
        }
        let moved = from_primitive::<Flex, 4>(states.remove(0).value).swap_dims(2, 3);
        let moved = moved.into_data().to_vec::<f32>().unwrap();
        let difference = golden::max_difference(&moved, &after);
        assert!(difference < TOLERANCE, "{name}: {difference}");
    }
}
