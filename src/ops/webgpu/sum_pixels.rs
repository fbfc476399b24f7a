//! Sums over the pixels of an image. Launches: 1.

use super::{
    launch::{Primitive, allocate, contiguous, dimensions, launch},
    shader::Shader,
};

/// See [`crate::ops::Kernels::sum_pixels`].
pub(super) fn sum_pixels(x: Primitive) -> Primitive {
    const THREADS: usize = 256;
    const CHANNELS_PER_WORKGROUP: usize = 16;
    let x = contiguous(x);
    let [images, height, width, channels] = dimensions(&x);
    let sums = allocate(&x, [images, 1, 1, channels]);
    let tiles = channels.div_ceil(CHANNELS_PER_WORKGROUP);
    let shader = Shader::new("sum_pixels", include_str!("sum_pixels.wgsl"), THREADS)
        .constant("PIXELS", height * width)
        .constant("CHANNELS", channels)
        .constant("TILE", CHANNELS_PER_WORKGROUP)
        .constant("TILES", tiles)
        .constant("SLICES", THREADS / CHANNELS_PER_WORKGROUP);
    launch(shader, images * tiles, &[&x, &sums]);
    sums
}
