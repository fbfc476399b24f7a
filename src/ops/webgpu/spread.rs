//! Zero padding of channels and dilation of images, and back, so that a kernel need not know odd
//! numbers of channels or strides. Launches: 1 where anything changes.

use burn::tensor::TensorMetadata;

use super::{
    launch::{bind, launch},
    shader::Shader,
    tensor::{Primitive, allocate},
};

/// `source`, which is contiguous and of shape `from`, in zeros of shape `to`, both
/// `[images, height, width, channels]`: pixel (y, x) goes to (stride · y, stride · x). What has
/// that shape already stays as it is.
pub(super) fn spread(
    source: &Primitive,
    from: [usize; 4],
    to: [usize; 4],
    stride: usize,
) -> Primitive {
    if from == to {
        return source.clone();
    }
    const THREADS: usize = 64;
    let target = allocate(source, to);
    let [_, source_height, source_width, source_channels] = from;
    let [images, height, width, channels] = to;
    let count = images * height * width * channels;
    let shader = Shader::new("spread", include_str!("spread.wgsl"), THREADS)
        .constant("COUNT", count)
        .constant("SOURCE_HEIGHT", source_height)
        .constant("SOURCE_WIDTH", source_width)
        .constant("SOURCE_CHANNELS", source_channels)
        .constant("HEIGHT", height)
        .constant("WIDTH", width)
        .constant("CHANNELS", channels)
        .constant("STRIDE", stride);
    let bindings = [bind(source, from), bind(&target, to)];
    launch(shader, count.div_ceil(THREADS), &bindings);
    target
}

/// The part of a tensor that has the lowest indices, without a copy.
pub(super) fn corner<const D: usize>(mut tensor: Primitive, shape: [usize; D]) -> Primitive {
    debug_assert_eq!(tensor.shape().num_dims(), D);
    tensor.meta.shape = shape.into();
    tensor
}
