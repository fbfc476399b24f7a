//! Group normalisation with SiLU.
//!
//! Launches: 1 forward, 1 backward.

use burn::tensor::Shape;

use crate::ops::GroupNormOptions;

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

/// See [`crate::ops::Kernels::group_norm_forward`].
pub(super) fn forward(
    x: Primitive,
    gamma: Primitive,
    beta: Primitive,
    options: GroupNormOptions,
) -> (Primitive, Primitive) {
    let (x, gamma, beta) = (contiguous(x), contiguous(gamma), contiguous(beta));
    let shape @ [images, _, _, channels] = dimensions(&x);
    let output = allocate_map(&x, shape, options.mixed_precision);
    let statistics_shape = [images, options.groups, 2];
    let statistics = allocate(&x, statistics_shape);
    launch_per_group(
        text!("group_norm"),
        text!("group_norm_direct"),
        |shader| shader.stored("X", &x).stored("Output", &output),
        shape,
        options,
        device::runs_on_cpu(&x.device),
        &[
            bind_map(&x, shape),
            bind(&gamma, [channels]),
            bind(&beta, [channels]),
            bind_map(&output, shape),
            bind(&statistics, statistics_shape),
        ],
    );
    (output, statistics)
}

/// See [`crate::ops::Kernels::group_norm_backward`].
pub(super) fn backward(
    grad: Primitive,
    x: Primitive,
    gamma: Primitive,
    beta: Primitive,
    statistics: Primitive,
    addend: Option<Primitive>,
    options: GroupNormOptions,
) -> [Primitive; 3] {
    let (grad, x, gamma, beta) = (
        contiguous(grad),
        contiguous(x),
        contiguous(gamma),
        contiguous(beta),
    );
    let statistics = contiguous(statistics);
    let addend = addend.map(contiguous);
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
        bind(&statistics, [images, options.groups, 2]),
        bind_map(&grad_x, shape),
        bind(&parts, parts_shape),
    ];
    bindings.extend(addend.as_ref().map(|addend| bind_map(addend, shape)));
    launch_per_group(
        text!("group_norm_backward"),
        text!("group_norm_backward_direct"),
        |shader| {
            shader
                .stored("X", &x)
                .stored("Grad", &grad)
                .stored("GradX", &grad_x)
                .stored("Addend", addend.as_ref())
                .flag("ADD", addend.is_some())
                .constant("BETA_START", beta_start)
                .float("UNSCALE", half::unscale(options.mixed_precision))
        },
        shape,
        options,
        device::runs_on_cpu(&x.device),
        &bindings,
    );
    let [grad_gamma, grad_beta] = [0, beta_start].map(|start| {
        let shape = Shape::from([images, channels]);
        part(&parts, start, shape)
    });
    [grad_x, grad_gamma, grad_beta]
}
