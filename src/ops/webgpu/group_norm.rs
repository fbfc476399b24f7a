//! Group normalisation with SiLU.
//!
//! Launches: 1 forward, 1 backward.

use burn::tensor::{DType, Shape};

use crate::{
    backend::WebGpu,
    ops::{
        GroupNormGrads, GroupNormInputs, GroupNormOptions, GroupNormOutput, GroupNormState,
        OtherUses, Shift, portable,
    },
};

use super::{
    device, half,
    launch::{Binding, bind, bind_map, launch},
    partial_sums,
    shader::Shader,
    tensor::{
        ALIGNMENT, Primitive, allocate, allocate_as, allocate_map, contiguous, dimensions, part,
        part_as,
    },
};

/// Threads of a workgroup that shares one group of one image.
const THREADS: usize = 256;

/// Threads of a workgroup where a thread has a group to itself.
const DIRECT_THREADS: usize = 4;

/// Name and text of a shader, as for [`Shader::new`].
type Text = (&'static str, &'static str);

/// The file of this name after what all files of group normalisation share, and those of its pass.
macro_rules! text {
    ($pass:literal, $name:literal) => {
        (
            $name,
            concat!(
                include_str!("group_norm_common.wgsl"),
                include_str!(concat!($pass, ".wgsl")),
                include_str!(concat!($name, ".wgsl"))
            ),
        )
    };
}

/// What the kernels of both passes want to know.
struct Norm {
    /// Of what is normalised.
    shape: [usize; 4],
    /// Channels of the first of its two parts, if it has two.
    split: Option<usize>,
    options: GroupNormOptions,
    on_cpu: bool,
}

impl Norm {
    /// Runs the variant for the device that the buffers are on: `shared` has a workgroup, `direct` a
    /// thread per group and image; `with` adds what is particular to them.
    fn launch(
        &self,
        shared: Text,
        direct: Text,
        with: impl FnOnce(Shader) -> Shader,
        bindings: &[Binding],
    ) {
        let groups = self.shape[0] * self.options.groups;
        let direct_fits = self.iterations() <= device::MAX_ITERATIONS;
        let ((name, text), threads, workgroups) = if self.on_cpu && direct_fits {
            (direct, DIRECT_THREADS, groups.div_ceil(DIRECT_THREADS))
        } else {
            (shared, THREADS, groups)
        };
        let shader = self.specialise(Shader::new(name, text, threads));
        launch(with(shader), workgroups, bindings);
    }

    /// Iterations of a thread that has a group of an image to itself.
    fn iterations(&self) -> usize {
        let [_, height, width, _] = self.shape;
        let (elements, _) = self.elements();
        3 * elements * (height * width + 1) + height * width
    }

    /// Elements of a pixel of a group, and whether they are vec4s.
    fn elements(&self) -> (usize, bool) {
        let channels = self.shape[3] / self.options.groups;
        let vectors = channels.is_multiple_of(4) && self.split.unwrap_or(0).is_multiple_of(4);
        (if vectors { channels / 4 } else { channels }, vectors)
    }

    /// `shader` with the constants that all of them share.
    fn specialise(&self, shader: Shader) -> Shader {
        let [n, h, w, _] = self.shape;
        let options = self.options;
        let (elements, vectors) = self.elements();
        let lanes = elements.min(THREADS);
        let shader = shader
            .flag("VEC4", vectors)
            .flag("SILU", options.silu)
            .float("EPSILON", options.epsilon)
            .constant("IMAGES", n)
            .constant("PIXELS", h * w)
            .constant("GROUPS", options.groups)
            .constant("GROUP_ELEMENTS", elements)
            .constant("LANES", lanes)
            .constant("ROWS", THREADS / lanes);
        match self.split {
            None => shader,
            Some(channels) => shader.flag("SKIP", true).constant("X_CHANNELS", channels),
        }
    }
}

/// `shader` with where the shift lies, if there is one.
fn with_shift(shader: Shader, shift: Option<&Shift<Primitive>>) -> Shader {
    match shift {
        None => shader,
        Some(Shift { all, start }) => {
            let [_, _, _, total] = dimensions(all);
            shader
                .flag("SHIFT", true)
                .constant("SHIFT_TOTAL", total)
                .constant("SHIFT_START", *start)
        }
    }
}

/// The shape of what the forward pass leaves for the backward pass; see `group_norm_common.wgsl`.
fn statistics_shape(shape: [usize; 4], options: GroupNormOptions, shifted: bool) -> [usize; 2] {
    let [images, _, _, channels] = shape;
    let shifts = if shifted { channels } else { 0 };
    [images, 2 * options.groups + shifts]
}

/// See [`crate::ops::Kernels::group_norm_forward`].
pub(super) fn forward(
    inputs: GroupNormInputs<Primitive>,
    options: GroupNormOptions,
) -> GroupNormOutput<Primitive> {
    let (x, skip) = (contiguous(inputs.x), inputs.skip.map(contiguous));
    let shift = inputs.shift.map(|shift| shift.map(contiguous));
    let (gamma, beta) = (contiguous(inputs.gamma), contiguous(inputs.beta));
    let x_shape @ [images, height, width, split] = dimensions(&x);
    let more = skip.as_ref().map_or(0, |skip| dimensions::<4>(skip)[3]);
    let shape @ [_, _, _, channels] = [images, height, width, split + more];
    let output = allocate_map(&x, shape, options.mixed_precision);
    let both = (skip.as_ref()).map(|_| allocate_map(&x, shape, options.mixed_precision));
    let statistics_shape = statistics_shape(shape, options, shift.is_some());
    let statistics = allocate(&x, statistics_shape);
    let mut bindings = vec![
        bind_map(&x, x_shape),
        bind(&gamma, [channels]),
        bind(&beta, [channels]),
        bind_map(&output, shape),
        bind(&statistics, statistics_shape),
    ];
    let skip_shape = [images, height, width, more];
    bindings.extend(skip.as_ref().map(|skip| bind_map(skip, skip_shape)));
    bindings.extend(both.as_ref().map(|both| bind_map(both, shape)));
    bindings.extend((shift.as_ref()).map(|shift| bind_shift(&shift.all, shift.start, shape)));
    let norm = Norm {
        shape,
        split: skip.as_ref().map(|_| split),
        options,
        on_cpu: device::runs_on_cpu(&x.device),
    };
    norm.launch(
        text!("group_norm_forward", "group_norm"),
        text!("group_norm_forward", "group_norm_direct"),
        |shader| {
            let shader = shader
                .stored("X", &x)
                .stored("Skip", skip.as_ref())
                .stored("Both", both.as_ref())
                .stored("Output", &output);
            with_shift(shader, shift.as_ref())
        },
        &bindings,
    );
    GroupNormOutput {
        y: output,
        concatenated: both,
        statistics,
    }
}

/// `all`, the numbers of a shift or their gradient, for a kernel that takes those from `start` on
/// for images of `shape`.
///
/// # Panics
/// If they do not fit together.
fn bind_shift(all: &Primitive, start: usize, shape: [usize; 4]) -> Binding<'_> {
    let [images, _, _, total] = dimensions(all);
    assert!(
        images == shape[0] && start + shape[3] <= total,
        "channels from {start} on of {:?} do not fit {shape:?}",
        all.meta.shape()
    );
    bind(all, [images, total])
}

/// The gradient of the numbers of `shift`, to be added to in place: what `others` have given them.
/// Uninitialised where there are none.
fn shift_grad(shift: &Shift<Primitive>, others: Option<Primitive>) -> Primitive {
    match others.map(contiguous) {
        Some(others) if others.can_mut() => others,
        Some(others) => others.copy(),
        None => allocate(&shift.all, dimensions::<4>(&shift.all)),
    }
}

/// Memory for the gradient of x, or of the two parts that x is made of: both tensors lie in one
/// buffer, since no other is left for the second, which begins at the number that is returned.
fn gradient_maps(x: &Primitive, split: Option<usize>, options: GroupNormOptions) -> GradientMaps {
    let shape @ [images, height, width, channels] = dimensions(x);
    let Some(split) = split else {
        return GradientMaps {
            whole: allocate_map(x, shape, options.mixed_precision),
            parts: None,
        };
    };
    let shapes = [split, channels - split].map(|channels| [images, height, width, channels]);
    let [first, second] = shapes.map(|shape| shape.iter().product::<usize>());
    // A multiple of 256 bytes for f16 too.
    let start = first.next_multiple_of(2 * ALIGNMENT);
    let numbers = (start + second).next_multiple_of(2 * ALIGNMENT);
    let halves = shapes.map(|shape| half::storage(shape, options.mixed_precision));
    let dtype = if halves == [DType::F16; 2] {
        DType::F16
    } else {
        DType::F32
    };
    let whole = allocate_as(dtype, x, [numbers]);
    let [first, second] = [(0, shapes[0]), (start, shapes[1])]
        .map(|(start, shape)| part_as(dtype, &whole, start, Shape::from(shape)));
    GradientMaps {
        whole,
        parts: Some((first, second, start)),
    }
}

/// See [`gradient_maps`].
struct GradientMaps {
    whole: Primitive,
    /// The two parts, and the number that the second begins at.
    parts: Option<(Primitive, Primitive, usize)>,
}

/// See [`crate::ops::Kernels::group_norm_backward`].
pub(super) fn backward(
    grad: Primitive,
    state: GroupNormState<Primitive>,
    other_uses: OtherUses<Primitive>,
    options: GroupNormOptions,
) -> GroupNormGrads<Primitive> {
    let (grad, x) = (contiguous(grad), contiguous(state.x));
    let (gamma, beta) = (contiguous(state.gamma), contiguous(state.beta));
    let (shift, statistics) = (state.shift, contiguous(state.statistics));
    let fresh = shift.is_some() && other_uses.shift.is_none();
    let shift_grad = (shift.as_ref()).map(|shift| shift_grad(shift, other_uses.shift));
    // There is no buffer left for the gradient of other uses beside that of a shift.
    let (addend, other_uses) = match other_uses.x {
        Some(addend) if shift.is_none() => (Some(contiguous(addend)), None),
        addend => (None, addend),
    };
    let shape @ [images, _, _, channels] = dimensions(&x);
    let maps = gradient_maps(&x, state.split, options);
    // Of gamma, then of beta, each `[images, channels]`.
    let beta_start = (images * channels).next_multiple_of(ALIGNMENT);
    let sums_shape = [beta_start + images * channels];
    let sums = partial_sums::allocate(&x, sums_shape);
    let statistics_shape = statistics_shape(shape, options, shift.is_some());
    let mut bindings = vec![
        bind_map(&grad, shape),
        bind_map(&x, shape),
        bind(&gamma, [channels]),
        bind(&beta, [channels]),
        bind(&statistics, statistics_shape),
        bind_map(&maps.whole, [maps.whole.meta.num_elements()]),
        bind(&sums, sums_shape),
    ];
    bindings.extend(addend.as_ref().map(|addend| bind_map(addend, shape)));
    let starts = shift.iter().map(|shift| shift.start);
    let shifts = shift_grad.iter().zip(starts);
    bindings.extend(shifts.map(|(grad, start)| bind_shift(grad, start, shape)));
    let norm = Norm {
        shape,
        split: state.split,
        options,
        on_cpu: device::runs_on_cpu(&x.device),
    };
    norm.launch(
        text!("group_norm_gradient", "group_norm_backward"),
        text!("group_norm_gradient", "group_norm_backward_direct"),
        |shader| {
            let skip_start = maps.parts.as_ref().map_or(0, |(.., start)| *start);
            let shader = shader
                .stored("X", &x)
                .stored("Grad", &grad)
                .stored("GradX", &maps.whole)
                .stored("Addend", addend.as_ref())
                .flag("ADD", addend.is_some())
                .flag("FRESH", fresh)
                .constant("BETA_START", beta_start)
                .constant("SKIP_START", skip_start)
                .float("UNSCALE", half::unscale(options.mixed_precision));
            with_shift(shader, shift.as_ref())
        },
        &bindings,
    );
    let [gamma, beta] = [0, beta_start].map(|start| {
        let shape = Shape::from([images, channels]);
        part(&sums, start, shape)
    });
    let (x, skip) = match maps.parts {
        Some((first, second, _)) => (first, Some(second)),
        None => (maps.whole, None),
    };
    // Other uses of a concatenation beside a shift: none in a U-Net.
    let (others, other_skip) = match other_uses {
        Some(others) => {
            let (others, skip) = portable::split_off::<WebGpu>(others, state.split);
            (Some(others), skip)
        }
        None => (None, None),
    };
    GroupNormGrads {
        x: portable::add_optional::<WebGpu>(x, others),
        skip: skip.map(|skip| portable::add_optional::<WebGpu>(skip, other_skip)),
        shift: shift_grad,
        gamma,
        beta,
    }
}
