//! Adam (Kingma & Ba 2015), the momentum of Muon, and the moving average of the weights, in place,
//! of gradients whose partial sums are added up in passing.
//!
//! Launches: 1 for a network of up to 4 million parameters whose gradients are in 5 buffers, which
//! `partial_sums.rs` sees to; else more, since a shader may have 8 storage buffers everywhere. All
//! that the optimizer keeps is in one of them, the numbers of the step in another, a table of the
//! tensors in a third. Muon's parameters take the launches of `muon.rs` besides.

use burn::tensor::{Shape, TensorMetadata};

use crate::{
    backend::WebGpu,
    ops::{OptimizerStep, ParameterState, UpdateRule},
};

use super::{
    launch::{Binding, DISPATCH_WIDTH, bind, dispatch},
    muon, partial_sums,
    shader::Shader,
    state_layout::{FIELDS, Layout, padded},
    table::table,
    tensor::{Primitive, contiguous, whole},
};

const THREADS: usize = 256;

/// Buffers of gradients a launch.
const BUFFERS: usize = 5;

/// Most numbers in one buffer of states: half of the 128 MiB that can be bound everywhere.
const MAX_NUMBERS: usize = 1 << 24;

/// Words of the table for a tensor.
const ENTRY: usize = 8;

/// Where the partial sums of a gradient lie.
struct Gradient {
    tensor: Primitive,
    /// How many there are.
    parts: usize,
    /// Numbers from one to the next.
    stride: usize,
    /// Which of the shared buffers they lie in.
    shared: Option<usize>,
}

impl Gradient {
    /// Of a parameter of shape `shape`; see [`crate::ops::Kernels::optimizer_step`].
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
            shared: partial_sums::shared_buffer(&tensor),
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

/// See [`crate::ops::Kernels::optimizer_step`].
pub(super) fn step(
    states: Vec<ParameterState<WebGpu>>,
    grads: Vec<Primitive>,
    rules: &[UpdateRule],
    numbers: Primitive,
) -> Vec<ParameterState<WebGpu>> {
    let numbers = contiguous(numbers);
    let mut stepped = Vec::with_capacity(states.len());
    let mut rest = states.into_iter().zip(grads).zip(rules).peekable();
    while rest.peek().is_some() {
        let mut group = Vec::new();
        let mut updates = Vec::new();
        let mut size = 0;
        while let Some(((state, grad), rule)) = rest.next_if(|((state, _), _)| {
            size += FIELDS * padded(state.value.shape().num_elements());
            group.is_empty() || size <= MAX_NUMBERS
        }) {
            updates.push((Gradient::of(grad, &state.value.shape()), rule));
            group.push(state);
        }
        stepped.extend(step_group(group, updates, &numbers));
    }
    partial_sums::end_step(&numbers.device);
    stepped
}

/// Steps all tensors whose state is in one buffer.
fn step_group(
    states: Vec<ParameterState<WebGpu>>,
    updates: Vec<(Gradient, &UpdateRule)>,
    numbers: &Primitive,
) -> Vec<ParameterState<WebGpu>> {
    let layout = Layout::of(&states);
    let state = layout.gather(states);
    let mut launch = Launch::default();
    let mut matrices = muon::Matrices::default();
    for (index, (gradient, rule)) in updates.into_iter().enumerate() {
        if !launch.has_room_for(&gradient) {
            std::mem::take(&mut launch).run(&layout, &state, numbers);
        }
        launch.add(&layout, index, gradient, rule);
        if let UpdateRule::Muon { columns } = rule {
            matrices.add(&layout, index, columns);
        }
    }
    launch.run(&layout, &state, numbers);
    matrices.update(&layout, &state, numbers);
    layout.views(&state)
}

/// The tensors of a launch.
#[derive(Default)]
struct Launch {
    workgroups: usize,
    /// What the shader reads of each tensor; see there.
    table: Vec<u32>,
    /// Buffers of gradients, and which of the shared ones each is.
    buffers: Vec<(Primitive, Option<usize>)>,
}

impl Launch {
    fn has_room_for(&self, gradient: &Gradient) -> bool {
        self.buffers.len() < BUFFERS || self.place_of(gradient).is_some()
    }

    /// The place of the buffer that `gradient` shares with one that is here.
    fn place_of(&self, gradient: &Gradient) -> Option<usize> {
        gradient.shared?;
        self.buffers
            .iter()
            .position(|(_, shared)| *shared == gradient.shared)
    }

    fn add(&mut self, layout: &Layout, index: usize, gradient: Gradient, rule: &UpdateRule) {
        let buffer = self.place_of(&gradient).unwrap_or_else(|| {
            self.buffers
                .push((whole(&gradient.tensor), gradient.shared));
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
            usize::from(*rule != UpdateRule::Adam),
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
            bind(numbers, [OptimizerStep::NUMBERS]),
            bind(state, [layout.size()]),
            bind(&table, [count]),
        ];
        let buffers = self.buffers.iter().map(|(buffer, _)| buffer);
        bindings.extend(buffers.map(|buffer| bind(buffer, [buffer.meta.num_elements()])));
        // Of buffers that there are not, no tensor is read.
        bindings.resize(3 + BUFFERS, bind(numbers, [OptimizerStep::NUMBERS]));
        let text = concat!(
            include_str!("optimizer_step.wgsl"),
            include_str!("optimizer.wgsl")
        );
        let shader =
            Shader::new("optimizer", text, THREADS).constant("DISPATCH_WIDTH", DISPATCH_WIDTH);
        dispatch(shader, self.workgroups, &bindings);
    }
}
