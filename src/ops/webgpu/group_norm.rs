//! Group normalisation with SiLU.
//!
//! Launches: 1 forward, 2 backward.

use crate::ops::GroupNormOptions;

use super::{
    launch::{Primitive, allocate, contiguous, dimensions, launch},
    shader::Shader,
};

const THREADS: usize = 256;

/// `shader` with the constants that `group_norm.wgsl` and `group_norm_backward.wgsl` share.
fn specialised(shader: Shader, [_, h, w, c]: [usize; 4], options: GroupNormOptions) -> Shader {
    let channels = c / options.groups;
    let vectors = channels.is_multiple_of(4);
    let elements = if vectors { channels / 4 } else { channels };
    let lanes = elements.min(THREADS);
    shader
        .flag("VEC4", vectors)
        .flag("SILU", options.silu)
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
    let shape: [usize; 4] = dimensions(&x);
    let output = allocate(&x, shape);
    let statistics = allocate(&x, [shape[0], options.groups, 2]);
    let shader = Shader::new("group_norm", include_str!("group_norm.wgsl"), THREADS)
        .float("EPSILON", options.epsilon);
    launch(
        specialised(shader, shape, options),
        shape[0] * options.groups,
        &[&x, &gamma, &beta, &output, &statistics],
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
    options: GroupNormOptions,
) -> [Primitive; 3] {
    let (grad, x, gamma, beta) = (
        contiguous(grad),
        contiguous(x),
        contiguous(gamma),
        contiguous(beta),
    );
    let statistics = contiguous(statistics);
    let shape: [usize; 4] = dimensions(&x);
    let [images, _, _, channels] = shape;
    let grad_x = allocate(&x, shape);
    let parts = allocate(&x, [images, 2, channels]);
    let shader = Shader::new(
        "group_norm_backward",
        include_str!("group_norm_backward.wgsl"),
        THREADS,
    );
    launch(
        specialised(shader, shape, options),
        images * options.groups,
        &[&grad, &x, &gamma, &beta, &statistics, &grad_x, &parts],
    );

    const SUM_THREADS: usize = 64;
    let grad_gamma = allocate(&x, [channels]);
    let grad_beta = allocate(&x, [channels]);
    let shader = Shader::new(
        "group_norm_sum",
        include_str!("group_norm_sum.wgsl"),
        SUM_THREADS,
    )
    .constant("IMAGES", images)
    .constant("CHANNELS", channels);
    launch(
        shader,
        channels.div_ceil(SUM_THREADS),
        &[&parts, &grad_gamma, &grad_beta],
    );
    [grad_x, grad_gamma, grad_beta]
}
