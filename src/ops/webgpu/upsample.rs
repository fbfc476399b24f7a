//! Gradient of nearest-neighbour upsampling by 2. Launches: 1.

use crate::ops::MixedPrecision;

use super::{
    launch::{bind_map, launch},
    shader::Shader,
    tensor::{Primitive, allocate_map, contiguous, dimensions},
};

/// `grad` `[n, 2h, 2w, c]` summed over 2 × 2 pixels, `[n, h, w, c]`.
pub(super) fn grad(grad: Primitive, mixed_precision: MixedPrecision) -> Primitive {
    const THREADS: usize = 256;
    let grad = contiguous(grad);
    let [images, height, width, channels] = dimensions(&grad);
    let shape = [images, height / 2, width / 2, channels];
    let grad_x = allocate_map(&grad, shape, mixed_precision);
    let text = include_str!("upsample_backward.wgsl");
    let shader = Shader::new("upsample_backward", text, THREADS)
        .stored("Grad", &grad)
        .stored("GradX", &grad_x)
        .constant("LINES", images * height / 2)
        .constant("WIDTH", width / 2)
        .constant("CHANNELS", channels);
    let values = shape.iter().product::<usize>();
    let bindings = [
        bind_map(&grad, [images, height, width, channels]),
        bind_map(&grad_x, shape),
    ];
    launch(shader, values.div_ceil(THREADS), &bindings);
    grad_x
}
