//! Everything that the optimizer keeps, in one buffer.

use burn::tensor::{DType, Shape, Tensor, TensorMetadata};
use burn_wgpu::CubeTensor;

use crate::{
    backend::WebGpu,
    ops::{ParameterState, from_primitive, into_primitive},
};

use super::tensor::{ALIGNMENT, Primitive, allocate, contiguous, part, whole};

/// value, exp_avg, exp_avg_sq, ema.
pub(super) const FIELDS: usize = 4;

/// Where tensors lie in the buffer of their states, `[FIELDS, length]`.
pub(super) struct Layout {
    pub(super) shapes: Vec<Shape>,
    /// The first number of each tensor within a field.
    pub(super) offsets: Vec<usize>,
    /// Numbers of a field.
    pub(super) length: usize,
}

/// Numbers that a tensor of `count` numbers takes up.
pub(super) fn padded(count: usize) -> usize {
    count.next_multiple_of(ALIGNMENT)
}

impl Layout {
    pub(super) fn of(states: &[ParameterState<WebGpu>]) -> Self {
        let shapes: Vec<Shape> = states.iter().map(|state| state.value.shape()).collect();
        let mut length = 0;
        let offsets = shapes
            .iter()
            .map(|shape| {
                let offset = length;
                length += padded(shape.num_elements());
                offset
            })
            .collect();
        Self {
            shapes,
            offsets,
            length,
        }
    }

    /// The number that tensor `index` of field `field` begins with.
    pub(super) fn start(&self, field: usize, index: usize) -> usize {
        field * self.length + self.offsets[index]
    }

    pub(super) fn size(&self) -> usize {
        FIELDS * self.length
    }

    /// Tensor `index` of field `field` in `buffer`.
    fn view(&self, buffer: &Primitive, field: usize, index: usize) -> Primitive {
        part(buffer, self.start(field, index), self.shapes[index].clone())
    }

    pub(super) fn views(&self, buffer: &Primitive) -> Vec<ParameterState<WebGpu>> {
        (0..self.shapes.len())
            .map(|index| {
                let [value, exp_avg, exp_avg_sq, ema] =
                    std::array::from_fn(|field| self.view(buffer, field, index));
                ParameterState {
                    value,
                    exp_avg,
                    exp_avg_sq,
                    ema,
                }
            })
            .collect()
    }

    /// Whether `states` are what [`Layout::views`] gave: nothing else begins at these offsets of a
    /// buffer so large.
    fn is_in_place(&self, states: &[ParameterState<WebGpu>]) -> bool {
        let whole = states[0].value.handle.size();
        states.iter().enumerate().all(|(index, state)| {
            fields(state).iter().enumerate().all(|(field, tensor)| {
                let bytes = |numbers: usize| (numbers * size_of::<f32>()) as u64;
                let size = padded(self.shapes[index].num_elements());
                tensor.handle.size() == whole
                    && tensor.handle.offset_start == Some(bytes(self.start(field, index)))
                    && tensor.handle.size_in_used() == bytes(size)
                    && tensor.is_contiguous()
            })
        })
    }

    /// The states in one buffer that nobody else holds, so that it may be written in place.
    ///
    /// A sampler may keep the weights of an earlier step; it must not see them change.
    pub(super) fn gather(&self, states: Vec<ParameterState<WebGpu>>) -> Primitive {
        if !self.is_in_place(&states) {
            return self.collect(&states);
        }
        let buffer = whole(&states[0].value);
        drop(states);
        if buffer.can_mut() {
            buffer
        } else {
            buffer.copy()
        }
    }

    fn collect(&self, states: &[ParameterState<WebGpu>]) -> Primitive {
        let buffer = allocate(&states[0].value, [self.size()]);
        let mut buffer: Tensor<WebGpu, 1> = from_primitive(buffer);
        for (index, state) in states.iter().enumerate() {
            for (field, tensor) in fields(state).into_iter().enumerate() {
                let first = self.start(field, index);
                let count = self.shapes[index].num_elements();
                let flat = CubeTensor::new_contiguous(
                    tensor.client.clone(),
                    tensor.device.clone(),
                    Shape::from([count]),
                    contiguous(tensor.clone()).handle,
                    DType::F32,
                );
                buffer = buffer.slice_assign(first..first + count, from_primitive(flat));
            }
        }
        into_primitive(buffer)
    }
}

fn fields(state: &ParameterState<WebGpu>) -> [&Primitive; FIELDS] {
    [&state.value, &state.exp_avg, &state.exp_avg_sq, &state.ema]
}
