//! The optimizer step.
//!
//! Launches: 1 per 6 parameter tensors. A shader may have 8 storage buffers everywhere; all that the
//! optimizer keeps for a group of tensors is in one of them, which leaves 6 for gradients.

use burn::tensor::{DType, Shape, Tensor, TensorMetadata};
use burn_wgpu::CubeTensor;

use crate::{
    backend::WebGpu,
    ops::{AdamStep, ParameterState, unwrap, wrap},
};

use super::{
    launch::{DISPATCH_WIDTH, Primitive, allocate, contiguous, dispatch, upload_words},
    shader::Shader,
};

const THREADS: usize = 256;

/// Parameter tensors a launch.
const TENSORS: usize = 6;

/// Part of a buffer that is bound alone must begin at a multiple of 256 bytes.
const ALIGNMENT: usize = 64;

/// Most numbers in one buffer: half of the 128 MiB that can be bound everywhere.
const MOST: usize = 1 << 24;

/// value, exp_avg, exp_avg_sq, ema.
const FIELDS: usize = 4;

/// Where a group of tensors lies in the buffer of its state, `[FIELDS, length]`.
struct Layout {
    shapes: Vec<Shape>,
    /// The first number of each tensor within a field.
    places: Vec<usize>,
    length: usize,
}

/// Room for a tensor of `count` numbers.
fn room(count: usize) -> usize {
    count.next_multiple_of(ALIGNMENT)
}

impl Layout {
    fn of(states: &[ParameterState<WebGpu>]) -> Self {
        let shapes: Vec<Shape> = states.iter().map(|state| state.value.shape()).collect();
        let mut length = 0;
        let places = shapes
            .iter()
            .map(|shape| {
                let place = length;
                length += room(shape.num_elements());
                place
            })
            .collect();
        Self {
            shapes,
            places,
            length,
        }
    }

    /// The bytes of tensor `index` in field `field`: the first, and how many.
    fn bytes(&self, field: usize, index: usize) -> (u64, u64) {
        let first = field * self.length + self.places[index];
        let count = room(self.shapes[index].num_elements());
        let size = size_of::<f32>();
        ((first * size) as u64, (count * size) as u64)
    }

    /// Tensor `index` of field `field` in `buffer`.
    fn view(&self, buffer: &Primitive, field: usize, index: usize) -> Primitive {
        let (first, size) = self.bytes(field, index);
        let handle = buffer.handle.clone();
        let end = handle.size() - first - size;
        CubeTensor::new_contiguous(
            buffer.client.clone(),
            buffer.device.clone(),
            self.shapes[index].clone(),
            handle.offset_start(first).offset_end(end),
            DType::F32,
        )
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

    /// Whether `states` are what [`Layout::views`] gave: nothing else begins at these places of a
    /// buffer so large.
    fn is_in_place(&self, states: &[ParameterState<WebGpu>]) -> bool {
        let whole = states[0].value.handle.size();
        states.iter().enumerate().all(|(index, state)| {
            fields(state).iter().enumerate().all(|(field, tensor)| {
                let (first, size) = self.bytes(field, index);
                tensor.handle.size() == whole
                    && tensor.handle.offset_start == Some(first)
                    && tensor.handle.size_in_used() == size
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
            Shape::from([FIELDS * self.length]),
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
        let buffer = allocate(&states[0].value, [FIELDS * self.length]);
        let mut buffer: Tensor<WebGpu, 1> = wrap(buffer);
        for (index, state) in states.iter().enumerate() {
            for (field, tensor) in fields(state).into_iter().enumerate() {
                let first = field * self.length + self.places[index];
                let count = self.shapes[index].num_elements();
                let flat = CubeTensor::new_contiguous(
                    tensor.client.clone(),
                    tensor.device.clone(),
                    Shape::from([count]),
                    contiguous(tensor.clone()).handle,
                    DType::F32,
                );
                buffer = buffer.slice_assign(first..first + count, wrap(flat));
            }
        }
        unwrap(buffer)
    }
}

fn fields(state: &ParameterState<WebGpu>) -> [&Primitive; FIELDS] {
    [&state.value, &state.exp_avg, &state.exp_avg_sq, &state.ema]
}

/// See [`crate::ops::Kernels::adam_step`].
pub(super) fn adam_step(
    states: Vec<ParameterState<WebGpu>>,
    grads: Vec<Primitive>,
    step: AdamStep,
) -> Vec<ParameterState<WebGpu>> {
    let mut stepped = Vec::with_capacity(states.len());
    let mut rest = states.into_iter().zip(grads).peekable();
    while rest.peek().is_some() {
        let (mut group, mut grads) = (Vec::new(), Vec::new());
        let mut numbers = 0;
        while let Some((state, grad)) = rest.next_if(|(state, _)| {
            numbers += FIELDS * room(state.value.shape().num_elements());
            group.is_empty() || (group.len() < TENSORS && numbers <= MOST)
        }) {
            group.push(state);
            grads.push(contiguous(grad));
        }
        stepped.extend(step_group(group, &grads, step));
    }
    stepped
}

fn step_group(
    states: Vec<ParameterState<WebGpu>>,
    grads: &[Primitive],
    step: AdamStep,
) -> Vec<ParameterState<WebGpu>> {
    let layout = Layout::of(&states);
    let buffer = layout.gather(states);

    let mut plan: Vec<u32> = [
        step.learning_rate,
        step.beta1,
        step.beta2,
        step.epsilon,
        step.bias_correction1,
        step.bias_correction2,
        step.ema_decay,
    ]
    .map(f32::to_bits)
    .to_vec();
    plan.push(layout.length as u32);
    let mut workgroups = 0;
    for (shape, place) in layout.shapes.iter().zip(&layout.places) {
        let count = shape.num_elements();
        plan.extend([workgroups as u32, *place as u32, count as u32]);
        workgroups += count.div_ceil(THREADS);
    }
    // No workgroup comes as far as the places that are not taken.
    for _ in grads.len()..TENSORS {
        plan.extend([u32::MAX, 0, 0]);
    }

    let plan = upload_words(&buffer, &plan);
    let mut buffers = vec![&plan, &buffer];
    buffers.extend(grads);
    buffers.resize(2 + TENSORS, &plan);
    let shader = Shader::new("adam", include_str!("adam.wgsl"), THREADS)
        .constant("TENSORS", TENSORS)
        .constant("DISPATCH_WIDTH", DISPATCH_WIDTH);
    dispatch(shader, workgroups, &buffers);
    layout.views(&buffer)
}
