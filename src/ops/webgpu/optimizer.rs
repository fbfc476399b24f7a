//! Adam (Kingma & Ba 2015) and the moving average of the weights, in place.
//!
//! Launches: 1 per 6 parameter tensors. A shader may have 8 storage buffers everywhere; all that
//! the optimizer keeps for a group of tensors is in one of them, with where each tensor lies there,
//! and the numbers of the step are in another, which leaves 6 for gradients.

use burn::tensor::{DType, Shape, Tensor, TensorData, TensorMetadata};
use burn_wgpu::CubeTensor;

use crate::{
    backend::WebGpu,
    ops::{ParameterState, from_primitive, into_primitive},
};

use super::{
    launch::{Binding, DISPATCH_WIDTH, bind, dispatch},
    shader::Shader,
    tensor::{ALIGNMENT, Primitive, allocate, contiguous, part},
};

const THREADS: usize = 256;

/// Numbers of [`crate::ops::AdamStep::numbers`].
const NUMBERS: usize = 7;

/// Parameter tensors a launch.
const TENSORS: usize = 6;

/// Numbers at the start of a state's buffer: of each tensor its first workgroup, its offset in a
/// field, and its size; then the size of a field.
const HEADER: usize = ALIGNMENT;

/// Most numbers in one buffer: half of the 128 MiB that can be bound everywhere.
const MAX_NUMBERS: usize = 1 << 24;

/// value, exp_avg, exp_avg_sq, ema.
const FIELDS: usize = 4;

/// Where a group of tensors lies in the buffer of its state: a header, then `[FIELDS, length]`.
struct Layout {
    shapes: Vec<Shape>,
    /// The first number of each tensor within a field.
    offsets: Vec<usize>,
    length: usize,
}

/// Numbers that a tensor of `count` numbers takes up.
fn padded(count: usize) -> usize {
    count.next_multiple_of(ALIGNMENT)
}

impl Layout {
    fn of(states: &[ParameterState<WebGpu>]) -> Self {
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
    fn start(&self, field: usize, index: usize) -> usize {
        HEADER + field * self.length + self.offsets[index]
    }

    fn size(&self) -> usize {
        HEADER + FIELDS * self.length
    }

    /// Workgroups for a number per thread, each of one tensor.
    fn workgroups(&self) -> usize {
        let counts = self.shapes.iter().map(Shape::num_elements);
        counts.map(|count| count.div_ceil(THREADS)).sum()
    }

    /// What the shader reads at the start of the buffer. All are whole numbers that f32 holds.
    fn header(&self) -> Vec<f32> {
        let mut header = Vec::with_capacity(HEADER);
        let mut workgroups = 0;
        for (shape, offset) in self.shapes.iter().zip(&self.offsets) {
            let count = shape.num_elements();
            header.extend([workgroups, *offset, count].map(|number| number as f32));
            workgroups += count.div_ceil(THREADS);
        }
        // No workgroup comes as far as tensors that there are not.
        for _ in self.shapes.len()..TENSORS {
            header.extend([f32::MAX, 0.0, 0.0]);
        }
        header.push(self.length as f32);
        header.resize(HEADER, 0.0);
        header
    }

    /// Tensor `index` of field `field` in `buffer`.
    fn view(&self, buffer: &Primitive, field: usize, index: usize) -> Primitive {
        part(buffer, self.start(field, index), self.shapes[index].clone())
    }

    fn views(&self, buffer: &Primitive) -> Vec<ParameterState<WebGpu>> {
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
    fn gather(&self, states: Vec<ParameterState<WebGpu>>) -> Primitive {
        if !self.is_in_place(&states) {
            return self.collect(&states);
        }
        let first = &states[0].value;
        let mut handle = first.handle.clone();
        (handle.offset_start, handle.offset_end) = (None, None);
        let buffer = CubeTensor::new_contiguous(
            first.client.clone(),
            first.device.clone(),
            Shape::from([self.size()]),
            handle,
            DType::F32,
        );
        drop(states);
        if buffer.can_mut() {
            buffer
        } else {
            buffer.copy()
        }
    }

    fn collect(&self, states: &[ParameterState<WebGpu>]) -> Primitive {
        let buffer = allocate(&states[0].value, [self.size()]);
        let header = TensorData::from(self.header().as_slice());
        let header = Tensor::from_data(header, &buffer.device);
        let mut buffer: Tensor<WebGpu, 1> = from_primitive(buffer);
        buffer = buffer.slice_assign(0..HEADER, header);
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

/// See [`crate::ops::Kernels::adam_step`].
pub(super) fn adam_step(
    states: Vec<ParameterState<WebGpu>>,
    grads: Vec<Primitive>,
    numbers: Primitive,
) -> Vec<ParameterState<WebGpu>> {
    let numbers = contiguous(numbers);
    let mut stepped = Vec::with_capacity(states.len());
    let mut rest = states.into_iter().zip(grads).peekable();
    while rest.peek().is_some() {
        let (mut group, mut grads) = (Vec::new(), Vec::new());
        let mut size = HEADER;
        while let Some((state, grad)) = rest.next_if(|(state, _)| {
            size += FIELDS * padded(state.value.shape().num_elements());
            group.is_empty() || (group.len() < TENSORS && size <= MAX_NUMBERS)
        }) {
            group.push(state);
            grads.push(contiguous(grad));
        }
        stepped.extend(step_group(group, &grads, &numbers));
    }
    stepped
}

fn step_group(
    states: Vec<ParameterState<WebGpu>>,
    grads: &[Primitive],
    numbers: &Primitive,
) -> Vec<ParameterState<WebGpu>> {
    let layout = Layout::of(&states);
    let buffer = layout.gather(states);
    let numbers = bind(numbers, [NUMBERS]);
    let mut bindings: Vec<Binding> = vec![numbers, bind(&buffer, [layout.size()])];
    let shapes = layout.shapes.iter().map(Shape::num_elements);
    bindings.extend(
        grads
            .iter()
            .zip(shapes)
            .map(|(grad, count)| bind(grad, [count])),
    );
    // No workgroup reads the gradients of tensors that there are not.
    bindings.resize(2 + TENSORS, numbers);
    let shader = Shader::new("adam", include_str!("adam.wgsl"), THREADS)
        .constant("TENSORS", TENSORS)
        .constant("HEADER", HEADER)
        .constant("DISPATCH_WIDTH", DISPATCH_WIDTH);
    dispatch(shader, layout.workgroups(), &bindings);
    layout.views(&buffer)
}
