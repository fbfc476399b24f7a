//! Sums over pixels. Launches: 1 where threads run on a CPU; elsewhere burn's reductions, one an
//! axis, which keep a GPU busier.

use super::{
    device,
    launch::{Primitive, allocate, contiguous, dimensions, launch},
    shader::Shader,
};
use crate::{backend::WebGpu, ops::portable};

/// See [`crate::ops::Kernels::sum_pixels`].
pub(super) fn sum_pixels(x: Primitive) -> Primitive {
    const THREADS: usize = 16;
    if !device::runs_on_cpu(&x.device) {
        return portable::sum_pixels::<WebGpu>(x);
    }
    let x = contiguous(x);
    let [images, height, width, channels] = dimensions(&x);
    let sums = allocate(&x, [images, channels]);
    let shader = Shader::new("pixel_sum", include_str!("pixel_sum.wgsl"), THREADS)
        .constant("IMAGES", images)
        .constant("PIXELS", height * width)
        .constant("CHANNELS", channels);
    launch(shader, (images * channels).div_ceil(THREADS), &[&x, &sums]);
    sums
}
