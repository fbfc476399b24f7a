//! Channels of two tensors in one, and back. Launches: 1 each.

use crate::ops::MixedPrecision;

use super::{
    launch::{bind_map, launch},
    shader::Shader,
    tensor::{Primitive, allocate_map, contiguous, dimensions},
};

/// See [`crate::ops::Kernels::concat_channels`].
pub(super) fn concat(
    first: Primitive,
    second: Primitive,
    mixed_precision: MixedPrecision,
) -> Primitive {
    let (first, second) = (contiguous(first), contiguous(second));
    let [images, height, width, channels] = dimensions(&first);
    let [_, _, _, more] = dimensions(&second);
    let shape = [images, height, width, channels + more];
    let both = allocate_map(&first, shape, mixed_precision);
    run(
        [&first, &second, &both],
        images * height * width,
        [channels, more],
        false,
    );
    both
}

/// See [`crate::ops::Kernels::split_channels`].
pub(super) fn split(
    both: Primitive,
    channels: usize,
    mixed_precision: MixedPrecision,
) -> [Primitive; 2] {
    let both = contiguous(both);
    let [images, height, width, all] = dimensions(&both);
    let channels = [channels, all - channels];
    let parts = channels.map(|channels| {
        let shape = [images, height, width, channels];
        allocate_map(&both, shape, mixed_precision)
    });
    run(
        [&parts[0], &parts[1], &both],
        images * height * width,
        channels,
        true,
    );
    parts
}

fn run(buffers: [&Primitive; 3], pixels: usize, channels: [usize; 2], split: bool) {
    const THREADS: usize = 64;
    let quads = channels.iter().all(|channels| channels.is_multiple_of(4));
    let [first, second] = channels.map(|channels| if quads { channels / 4 } else { channels });
    let count = pixels * (first + second);
    let shader = Shader::new("concat", include_str!("concat.wgsl"), THREADS)
        .stored("First", buffers[0])
        .stored("Second", buffers[1])
        .stored("Both", buffers[2])
        .flag("SPLIT", split)
        .flag("VEC4", quads)
        .constant("COUNT", count)
        .constant("FIRST", first)
        .constant("SECOND", second);
    let all = channels[0] + channels[1];
    let bindings = [
        bind_map(buffers[0], [pixels, channels[0]]),
        bind_map(buffers[1], [pixels, channels[1]]),
        bind_map(buffers[2], [pixels, all]),
    ];
    launch(shader, count.div_ceil(THREADS), &bindings);
}
