//! Sums over the pixels of an image. Launches: 1.

use super::{
    device,
    launch::{bind, bind_map, launch},
    shader::Shader,
    tensor::{Primitive, allocate, contiguous, dimensions},
};

/// See [`crate::ops::Kernels::sum_pixels`].
pub(super) fn sum_pixels(x: Primitive) -> Primitive {
    const TILE: usize = 16;
    // Waiting for each other is what threads of a CPU are slowest at.
    let slices = if device::runs_on_cpu(&x.device) {
        1
    } else {
        16
    };
    let x = contiguous(x);
    let [images, height, width, channels] = dimensions(&x);
    let sums = allocate(&x, [images, 1, 1, channels]);
    let tiles = channels.div_ceil(TILE);
    let text = include_str!("sum_pixels.wgsl");
    let shader = Shader::new("sum_pixels", text, TILE * slices)
        .stored("X", &x)
        .constant("PIXELS", height * width)
        .constant("CHANNELS", channels)
        .constant("TILE", TILE)
        .constant("TILES", tiles)
        .constant("SLICES", slices);
    let bindings = [
        bind_map(&x, [images, height, width, channels]),
        bind(&sums, [images, channels]),
    ];
    launch(shader, images * tiles, &bindings);
    sums
}
