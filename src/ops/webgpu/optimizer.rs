//! Adam (Kingma & Ba 2015) and the moving average of the weights, in place, of gradients whose
//! partial sums are added up in passing.
//!
//! Launches: 1 for a network of up to 4 million parameters whose gradients are in one buffer, which
//! `partial_sums.rs` provides; else more, since a shader may have 8 storage buffers everywhere. All
//! that the optimizer keeps is in one of them, the numbers of the step in another, a table of the
//! tensors in a third, which leaves 5 for gradients.

use std::cell::RefCell;

use burn::tensor::{DType, Shape, Tensor, TensorMetadata};
use burn_wgpu::{CubeTensor, WgpuDevice};

use crate::{
    backend::WebGpu,
    ops::{ParameterState, from_primitive, into_primitive},
};

use super::{
    launch::{Binding, DISPATCH_WIDTH, bind, dispatch},
    partial_sums,
    shader::Shader,
    tensor::{ALIGNMENT, Primitive, allocate, contiguous, part, upload, whole},
};

const THREADS: usize = 256;

/// Numbers of [`crate::ops::AdamStep::numbers`].
const NUMBERS: usize = 7;

/// Buffers of gradients a launch.
const BUFFERS: usize = 5;

/// Most numbers in one buffer of states: half of the 128 MiB that can be bound everywhere.
const MAX_NUMBERS: usize = 1 << 24;

/// Words of the table for a tensor.
const ENTRY: usize = 8;

/// Tables that are kept.
const MAX_TABLES: usize = 64;

/// value, exp_avg, exp_avg_sq, ema.
const FIELDS: usize = 4;

/// Where tensors lie in the buffer of their states, `[FIELDS, length]`.
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
        field * self.length + self.offsets[index]
    }

    fn size(&self) -> usize {
        FIELDS * self.length
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

/// Where the partial sums of a gradient lie.
struct Gradient {
    tensor: Primitive,
    /// How many there are.
    parts: usize,
    /// Numbers from one to the next.
    stride: usize,
}

impl Gradient {
    /// Of a parameter of shape `shape`; see [`crate::ops::Kernels::adam_step`].
    fn of(grad: Primitive, shape: &Shape) -> Self {
        let summed = grad.meta.num_dims() > shape.num_dims();
        let mut one = grad.clone();
        if summed {
            one.meta.remove(0);
        }
        let tensor = if one.is_contiguous() {
            grad
        } else {
            contiguous(grad)
        };
        let (parts, stride) = if summed {
            (tensor.meta.shape()[0], tensor.meta.strides()[0])
        } else {
            (1, 0)
        };
        Self {
            tensor,
            parts,
            stride,
        }
    }

    /// The number of its buffer that it begins with.
    fn start(&self) -> usize {
        self.tensor.handle.offset_start.unwrap_or(0) as usize / size_of::<f32>()
    }
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
        let mut size = 0;
        while let Some((state, grad)) = rest.next_if(|(state, _)| {
            size += FIELDS * padded(state.value.shape().num_elements());
            group.is_empty() || size <= MAX_NUMBERS
        }) {
            grads.push(Gradient::of(grad, &state.value.shape()));
            group.push(state);
        }
        stepped.extend(step_group(group, grads, &numbers));
    }
    partial_sums::end_step(&numbers.device);
    stepped
}

/// Steps all tensors whose state is in one buffer.
fn step_group(
    states: Vec<ParameterState<WebGpu>>,
    grads: Vec<Gradient>,
    numbers: &Primitive,
) -> Vec<ParameterState<WebGpu>> {
    let layout = Layout::of(&states);
    let state = layout.gather(states);
    let mut launch = Launch::default();
    for (index, gradient) in grads.into_iter().enumerate() {
        if !launch.has_room_for(&gradient) {
            std::mem::take(&mut launch).run(&layout, &state, numbers);
        }
        launch.add(&layout, index, gradient);
    }
    launch.run(&layout, &state, numbers);
    layout.views(&state)
}

/// The tensors of a launch.
#[derive(Default)]
struct Launch {
    workgroups: usize,
    /// What the shader reads of each tensor; see there.
    table: Vec<u32>,
    /// Buffers of gradients, and whether each is the shared one.
    buffers: Vec<(Primitive, bool)>,
}

impl Launch {
    fn has_room_for(&self, gradient: &Gradient) -> bool {
        self.buffers.len() < BUFFERS
            || partial_sums::is_shared(&gradient.tensor) && self.shared().is_some()
    }

    /// The place of the shared buffer.
    fn shared(&self) -> Option<usize> {
        self.buffers.iter().position(|(_, shared)| *shared)
    }

    fn add(&mut self, layout: &Layout, index: usize, gradient: Gradient) {
        let is_shared = partial_sums::is_shared(&gradient.tensor);
        let known = if is_shared { self.shared() } else { None };
        let buffer = known.unwrap_or_else(|| {
            self.buffers.push((whole(&gradient.tensor), is_shared));
            self.buffers.len() - 1
        });
        let count = layout.shapes[index].num_elements();
        let entry = [
            self.workgroups,
            layout.offsets[index],
            count,
            buffer,
            gradient.start(),
            gradient.parts,
            gradient.stride,
            0,
        ];
        self.table.extend(entry.map(|number| number as u32));
        self.workgroups += count.div_ceil(THREADS);
    }

    fn run(self, layout: &Layout, state: &Primitive, numbers: &Primitive) {
        let tensors = self.table.len() / ENTRY;
        let mut words = vec![tensors as u32, layout.length as u32, 0, 0];
        words.extend(self.table);
        let count = words.len();
        let table = table(words, &state.device);
        let mut bindings: Vec<Binding> = vec![
            bind(numbers, [NUMBERS]),
            bind(state, [layout.size()]),
            bind(&table, [count]),
        ];
        let buffers = self.buffers.iter().map(|(buffer, _)| buffer);
        bindings.extend(buffers.map(|buffer| bind(buffer, [buffer.meta.num_elements()])));
        // Of buffers that there are not, no tensor is read.
        bindings.resize(3 + BUFFERS, bind(numbers, [NUMBERS]));
        let shader = Shader::new("adam", include_str!("adam.wgsl"), THREADS)
            .constant("DISPATCH_WIDTH", DISPATCH_WIDTH);
        dispatch(shader, self.workgroups, &bindings);
    }
}

thread_local! {
    /// Tables on the device. They are the same in every step of a run.
    static TABLES: RefCell<Vec<(Vec<u32>, Primitive)>> = const { RefCell::new(Vec::new()) };
}

/// `words` on `device`.
fn table(words: Vec<u32>, device: &WgpuDevice) -> Primitive {
    TABLES.with_borrow_mut(|tables| {
        let known = tables
            .iter()
            .find(|(known, table)| *known == words && table.device == *device);
        if let Some((_, table)) = known {
            return table.clone();
        }
        if tables.len() == MAX_TABLES {
            tables.remove(0);
        }
        let table = upload(&words, device);
        tables.push((words, table.clone()));
        table
    })
}
