//! The `flex` backend's tensors as slices.

use std::ops::{Deref, DerefMut};

use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};

use super::cpu::{backend::SliceBackend, memory};
use crate::backend::Flex;

/// A tensor whose storage is its numbers in row-major order, no more and no less. Its memory is
/// kept for others when nothing else holds it.
#[derive(Debug)]
pub struct Contiguous(
    /// `None` only once it has become a tensor.
    Option<FlexTensor>,
);

impl Deref for Contiguous {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.0.as_ref().map_or(&[], FlexTensor::storage)
    }
}

impl DerefMut for Contiguous {
    /// Copies first where someone else holds the same memory.
    fn deref_mut(&mut self) -> &mut [f32] {
        self.0.as_mut().map_or(&mut [], FlexTensor::storage_mut)
    }
}

impl From<Vec<f32>> for Contiguous {
    fn from(values: Vec<f32>) -> Self {
        let layout = Layout::contiguous(Shape::from([values.len()]));
        let bytes = Bytes::from_elems(values);
        Self(Some(FlexTensor::new(bytes, layout, DType::F32)))
    }
}

impl Drop for Contiguous {
    fn drop(&mut self) {
        if let Some(tensor) = self.0.take_if(|tensor| tensor.is_unique())
            && let Ok(values) = tensor.into_data().bytes.try_into_vec()
        {
            memory::give_back(values);
        }
    }
}

impl SliceBackend for Flex {
    type Values = Contiguous;

    fn values(tensor: FlexTensor) -> Contiguous {
        Contiguous(Some(tensor.to_contiguous()))
    }

    fn tensor(mut values: Contiguous, shape: Shape) -> FlexTensor {
        match values.0.take() {
            Some(tensor) => tensor.reshape(shape),
            None => unreachable!("values are dropped when they become a tensor"),
        }
    }
}
