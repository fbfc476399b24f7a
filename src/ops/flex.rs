//! The `flex` backend's tensors as slices.

use std::ops::{Deref, DerefMut};

use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};

use super::cpu::backend::SliceBackend;
use crate::backend::Flex;

/// A tensor whose storage is its numbers in row-major order, no more and no less.
#[derive(Debug)]
pub struct Contiguous(FlexTensor);

impl Deref for Contiguous {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.0.storage()
    }
}

impl DerefMut for Contiguous {
    /// Copies first where someone else holds the same memory.
    fn deref_mut(&mut self) -> &mut [f32] {
        self.0.storage_mut()
    }
}

impl From<Vec<f32>> for Contiguous {
    fn from(values: Vec<f32>) -> Self {
        let layout = Layout::contiguous(Shape::from([values.len()]));
        Self(FlexTensor::new(
            Bytes::from_elems(values),
            layout,
            DType::F32,
        ))
    }
}

impl SliceBackend for Flex {
    type Values = Contiguous;

    fn values(tensor: FlexTensor) -> Contiguous {
        Contiguous(tensor.to_contiguous())
    }

    fn tensor(values: Contiguous, shape: Shape) -> FlexTensor {
        values.0.reshape(shape)
    }
}
