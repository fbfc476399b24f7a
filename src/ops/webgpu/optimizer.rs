//! The optimizer step.
//!
//! Launches: 1 per parameter tensor, since a second tensor's buffers would go beyond the 8 that a
//! shader may have everywhere.

use burn::tensor::TensorMetadata;

use crate::{
    backend::WebGpu,
    ops::{AdamStep, ParameterState},
};

use super::{
    launch::{Primitive, contiguous, launch, upload},
    shader::Shader,
};

const THREADS: usize = 256;

/// `tensor` as a row-major tensor that nobody else holds, so that it may be written in place.
///
/// A sampler may keep the weights of an earlier step; it must not see them change.
fn owned(tensor: Primitive) -> Primitive {
    let tensor = contiguous(tensor);
    if tensor.can_mut() {
        tensor
    } else {
        tensor.copy()
    }
}

/// See [`crate::ops::Kernels::adam_step`].
pub(super) fn adam_step(
    states: Vec<ParameterState<WebGpu>>,
    grads: Vec<Primitive>,
    step: AdamStep,
) -> Vec<ParameterState<WebGpu>> {
    let Some(first) = grads.first() else {
        return states;
    };
    let numbers = upload(
        first,
        &[
            step.learning_rate,
            step.beta1,
            step.beta2,
            step.epsilon,
            step.bias_correction1,
            step.bias_correction2,
            step.ema_decay,
        ],
    );
    states
        .into_iter()
        .zip(grads)
        .map(|(state, grad)| -> ParameterState<WebGpu> {
            let grad = contiguous(grad);
            let state = ParameterState::<WebGpu> {
                value: owned(state.value),
                exp_avg: owned(state.exp_avg),
                exp_avg_sq: owned(state.exp_avg_sq),
                ema: owned(state.ema),
            };
            let count = state.value.shape().num_elements();
            let shader =
                Shader::new("adam", include_str!("adam.wgsl"), THREADS).constant("COUNT", count);
            launch(
                shader,
                count.div_ceil(THREADS),
                &[
                    &numbers,
                    &grad,
                    &state.value,
                    &state.exp_avg,
                    &state.exp_avg_sq,
                    &state.ema,
                ],
            );
            state
        })
        .collect()
}
