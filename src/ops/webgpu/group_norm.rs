//! Group normalisation with SiLU.
//!
//! Launches: 1 forward, 1 backward.

use burn::tensor::{Shape, Tensor};

use crate::{
    backend::WebGpu,
    ops::{
        GroupNormGrads, GroupNormInputs, GroupNormOptions, OtherUses, Shift, from_primitive,
        into_primitive, portable,
    },
};

use super::{
    device, half,
    launch::{Binding, bind, bind_map, launch},
    partial_sums,
    shader::Shader,
    tensor::{ALIGNMENT, Primitive, allocate, allocate_map, contiguous, dimensions, part},
};

/// Threads of a workgroup that shares one group of one image.
const THREADS: usize = 256;

/// Threads of a workgroup where a thread has a group to itself.
const DIRECT_THREADS: usize = 4;

/// Name and text of a shader, as for [`Shader::new`].
type Text = (&'static str, &'static str);

/// The file of this name after what all files of group normalisation share.
macro_rules! text {
    ($name:literal) => {
        (
            $name,
            concat!(
                include_str!("group_norm_common.wgsl"),
                include_str!(concat!($name, ".wgsl"))
            ),
        )
    };
}

/// Runs the variant for the device that the buffers are on: `shared` has a workgroup, `direct` a
/// thread per group and image; `with` adds what is particular to them.
fn launch_per_group(
    shared: Text,
    direct: Text,
    with: impl FnOnce(Shader) -> Shader,
    shape: [usize; 4],
    options: GroupNormOptions,
    on_cpu: bool,
    bindings: &[Binding],
) {
    let groups = shape[0] * options.groups;
    let ((name, text), threads, workgroups) = if on_cpu {
        (direct, DIRECT_THREADS, groups.div_ceil(DIRECT_THREADS))
    } else {
        (shared, THREADS, groups)
    };
    let shader = specialised(Shader::new(name, text, threads), shape, options);
    launch(with(shader), workgroups, bindings);
}

/// `shader` with the constants that all of them share.
fn specialised(shader: Shader, [n, h, w, c]: [usize; 4], options: GroupNormOptions) -> Shader {
    let channels = c / options.groups;
    let vectors = channels.is_multiple_of(4);
    let elements = if vectors { channels / 4 } else { channels };
    let lanes = elements.min(THREADS);
    shader
        .flag("VEC4", vectors)
        .flag("SILU", options.silu)
        .float("EPSILON", options.epsilon)
        .constant("IMAGES", n)
        .constant("PIXELS", h * w)
        .constant("GROUPS", options.groups)
        .constant("GROUP_ELEMENTS", elements)
        .constant("LANES", lanes)
        .constant("ROWS", THREADS / lanes)
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

/// `inputs` with all tensors contiguous.
fn all_contiguous(inputs: GroupNormInputs<Primitive>) -> GroupNormInputs<Primitive> {
    GroupNormInputs {
        x: contiguous(inputs.x),
        shift: inputs.shift.map(|shift| shift.map(contiguous)),
        gamma: contiguous(inputs.gamma),
        beta: contiguous(inputs.beta),
    }
}

/// See [`crate::ops::Kernels::group_norm_forward`].
pub(super) fn forward(
    inputs: GroupNormInputs<Primitive>,
    options: GroupNormOptions,
) -> (Primitive, Primitive) {
    let GroupNormInputs {
        x,
        shift,
        gamma,
        beta,
    } = all_contiguous(inputs);
    let shape @ [_, _, _, channels] = dimensions(&x);
    let output = allocate_map(&x, shape, options.mixed_precision);
    let statistics_shape = statistics_shape(shape, options, shift.is_some());
    let statistics = allocate(&x, statistics_shape);
    let mut bindings = vec![
        bind_map(&x, shape),
        bind(&gamma, [channels]),
        bind(&beta, [channels]),
        bind_map(&output, shape),
        bind(&statistics, statistics_shape),
    ];
    bindings.extend((shift.as_ref()).map(|shift| bind_shift(&shift.all, shift.start, shape)));
    launch_per_group(
        text!("group_norm"),
        text!("group_norm_direct"),
        |shader| {
            let shader = shader.stored("X", &x).stored("Output", &output);
            with_shift(shader, shift.as_ref())
        },
        shape,
        options,
        device::runs_on_cpu(&x.device),
        &bindings,
    );
    (output, statistics)
}

/// `all`, the numbers of a shift or their gradient, for a kernel that takes those from `start` on for
/// images of `shape`.
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
fn shift_grad(shift: &Shift<Primitive>, others: Option<Primitive>) -> Primitive {
    match others.map(contiguous) {
        Some(others) if others.can_mut() => others,
        Some(others) => others.copy(),
        None => {
            let all: Tensor<WebGpu, 4> = from_primitive(shift.all.clone());
            into_primitive(all.zeros_like())
        }
    }
}

/// See [`crate::ops::Kernels::group_norm_backward`].
pub(super) fn backward(
    grad: Primitive,
    inputs: GroupNormInputs<Primitive>,
    statistics: Primitive,
    other_uses: OtherUses<Primitive>,
    options: GroupNormOptions,
) -> GroupNormGrads<Primitive> {
    let grad = contiguous(grad);
    let GroupNormInputs {
        x,
        shift,
        gamma,
        beta,
    } = all_contiguous(inputs);
    let statistics = contiguous(statistics);
    let shift_grad = (shift.as_ref()).map(|shift| shift_grad(shift, other_uses.shift));
    // There is no buffer left for the gradient of other uses beside that of a shift.
    let (addend, added_after) = if shift.is_some() {
        (None, other_uses.x)
    } else {
        (other_uses.x.map(contiguous), None)
    };
    let shape: [usize; 4] = dimensions(&x);
    let [images, _, _, channels] = shape;
    let grad_x = allocate_map(&x, shape, options.mixed_precision);
    // Of gamma, then of beta, each `[images, channels]`.
    let beta_start = (images * channels).next_multiple_of(ALIGNMENT);
    let parts_shape = [beta_start + images * channels];
    let parts = partial_sums::allocate(&x, parts_shape);
    let mut bindings = vec![
        bind_map(&grad, shape),
        bind_map(&x, shape),
        bind(&gamma, [channels]),
        bind(&beta, [channels]),
        bind(
            &statistics,
            statistics_shape(shape, options, shift.is_some()),
        ),
        bind_map(&grad_x, shape),
        bind(&parts, parts_shape),
    ];
    bindings.extend(addend.as_ref().map(|addend| bind_map(addend, shape)));
    let starts = shift.iter().map(|shift| shift.start);
    let shifts = shift_grad.iter().zip(starts);
    bindings.extend(shifts.map(|(grad, start)| bind_shift(grad, start, shape)));
    launch_per_group(
        text!("group_norm_backward"),
        text!("group_norm_backward_direct"),
        |shader| {
            let shader = shader
                .stored("X", &x)
                .stored("Grad", &grad)
                .stored("GradX", &grad_x)
                .stored("Addend", addend.as_ref())
                .flag("ADD", addend.is_some())
                .constant("BETA_START", beta_start)
                .float("UNSCALE", half::unscale(options.mixed_precision));
            with_shift(shader, shift.as_ref())
        },
        shape,
        options,
        device::runs_on_cpu(&x.device),
        &bindings,
    );
    let [gamma, beta] = [0, beta_start].map(|start| {
        let shape = Shape::from([images, channels]);
        part(&parts, start, shape)
    });
    GroupNormGrads {
        x: portable::add_optional::<WebGpu>(grad_x, added_after),
        shift: shift_grad,
        gamma,
        beta,
    }
}
