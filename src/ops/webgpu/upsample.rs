//! Gradient of nearest-neighbour upsampling by 2. Launches: 1.

use super::{
    launch::{Primitive, allocate_map, contiguous, dimensions, launch},
    shader::Shader,
};

/// `grad` `[n, 2h, 2w, c]` summed over 2 × 2 pixels, `[n, h, w, c]`.
pub(super) fn grad(grad: Primitive) -> Primitive {
    const THREADS: usize = 256;
    let grad = contiguous(grad);
    let [images, height, width, channels] = dimensions(&grad);
    let grad_x = allocate_map(&grad, [images, height / 2, width / 2, channels]);
    let text = include_str!("upsample_backward.wgsl");
    let shader = Shader::new("upsample_backward", text, THREADS)
        .stored("Grad", &grad)
        .stored("GradX", &grad_x)
        .constant("LINES", images * height / 2)
        .constant("WIDTH", width / 2)
        .constant("CHANNELS", channels);
    let values = images * (height / 2) * (width / 2) * channels;
    launch(shader, values.div_ceil(THREADS), &[&grad, &grad_x]);
    grad_x
}
