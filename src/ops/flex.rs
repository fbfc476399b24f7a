//! Kernels of the `flex` backend: its tensors give their memory as slices.

use burn::tensor::{Bytes, DType, Shape, ops::FloatTensor};
use burn_flex::{FlexTensor, Layout};

use crate::backend::Flex;

use super::cpu::adam::{self, Parameter};
use super::cpu::backend::{self, SliceBackend, slice_kernels};
use super::{AdamStep, ConvGeometry, GroupNormOptions, Kernels, ParameterState};

/// A tensor whose storage is its numbers in row-major order, no more and no less.
pub struct Contiguous(FlexTensor);

impl std::ops::Deref for Contiguous {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.0.storage()
    }
}

impl SliceBackend for Flex {
    type Values = Contiguous;

    fn values(tensor: FlexTensor) -> Contiguous {
        Contiguous(tensor.to_contiguous())
    }

    fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
        FlexTensor::new(
            Bytes::from_elems(values),
            Layout::contiguous(shape),
            DType::F32,
        )
    }
}

impl Kernels for Flex {
    slice_kernels!();

    fn adam_step(
        states: Vec<ParameterState<Self>>,
        grads: Vec<FloatTensor<Self>>,
        step: AdamStep,
        _uploaded: FloatTensor<Self>,
    ) -> Vec<ParameterState<Self>> {
        let mut states: Vec<ParameterState<Self>> = states
            .into_iter()
            .map(|state| ParameterState {
                value: state.value.to_contiguous(),
                exp_avg: state.exp_avg.to_contiguous(),
                exp_avg_sq: state.exp_avg_sq.to_contiguous(),
                ema: state.ema.to_contiguous(),
            })
            .collect();
        let grads: Vec<_> = grads.into_iter().map(Self::values).collect();
        let parameters = states
            .iter_mut()
            .zip(&grads)
            .map(|(state, grad)| Parameter {
                // Copies first where someone else holds the same memory.
                value: state.value.storage_mut(),
                exp_avg: state.exp_avg.storage_mut(),
                exp_avg_sq: state.exp_avg_sq.storage_mut(),
                ema: state.ema.storage_mut(),
                grad,
            })
            .collect();
        adam::step(parameters, step);
        states
    }
}
super::ops_from_kernels!(Flex);
