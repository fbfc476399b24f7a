//! A linear layer of SiLU of vectors. Launches: 1 forward, 1 for all gradients.

use crate::ops::{MixedPrecision, SiluLinearGrads};

use super::{
    half,
    launch::{bind, launch},
    partial_sums,
    shader::Shader,
    tensor::{Primitive, allocate, contiguous, dimensions},
};

const THREADS: usize = 64;

/// `[images, channels in, channels out]`
struct Shape([usize; 3]);

impl Shape {
    fn of(x: &Primitive, weight: &Primitive) -> Self {
        let [images, ..] = dimensions::<4>(x);
        let [_, _, channels_in, channels] = dimensions(weight);
        Self([images, channels_in, channels])
    }

    /// Elements of an output: vec4s of channels, or channels.
    fn elements(&self) -> usize {
        let Self([_, _, channels]) = self;
        if channels.is_multiple_of(4) {
            channels / 4
        } else {
            *channels
        }
    }

    /// The shader of a pass that reads `summed` numbers or vec4s of each weight's row or column.
    fn shader(&self, summed: usize) -> Shader {
        let Self([images, channels_in, channels]) = *self;
        let run = [16, 8, 4, 2]
            .into_iter()
            .find(|run| summed.is_multiple_of(*run));
        Shader::new("silu_linear", include_str!("silu_linear.wgsl"), THREADS)
            .flag("VEC4", channels.is_multiple_of(4))
            .constant("IMAGES", images)
            .constant("CHANNELS_IN", channels_in)
            .constant("CHANNELS_OUT", channels)
            .constant("RUN", run.unwrap_or(1))
    }
}

/// See [`crate::ops::Kernels::silu_linear_forward`].
pub(super) fn forward(x: Primitive, weight: Primitive, bias: Primitive) -> Primitive {
    let (x, weight, bias) = (contiguous(x), contiguous(weight), contiguous(bias));
    let shape = Shape::of(&x, &weight);
    let Shape([images, channels_in, channels]) = shape;
    let y = allocate(&x, [images, 1, 1, channels]);
    launch(
        shape.shader(channels_in),
        (images * shape.elements()).div_ceil(THREADS),
        &[
            bind(&x, [images, channels_in]),
            bind(&weight, [channels_in, channels]),
            bind(&bias, [channels]),
            bind(&y, [images, channels]),
        ],
    );
    y
}

/// See [`crate::ops::Kernels::silu_linear_backward`].
pub(super) fn backward(
    grad: Primitive,
    x: Primitive,
    weight: Primitive,
    mixed_precision: MixedPrecision,
) -> SiluLinearGrads<Primitive> {
    let (grad, x, weight) = (contiguous(grad), contiguous(x), contiguous(weight));
    let shape = Shape::of(&x, &weight);
    let Shape([images, channels_in, channels]) = shape;
    let grad_x = allocate(&x, [images, 1, 1, channels_in]);
    let grad_weight = partial_sums::allocate(&x, [1, 1, 1, channels_in, channels]);
    let grad_bias = partial_sums::allocate(&x, [1, channels]);
    let elements = shape.elements();
    let weight_workgroup = (images * channels_in).div_ceil(THREADS);
    let shader = shape
        .shader(elements)
        .flag("GRAD", true)
        .float("UNSCALE", half::unscale(mixed_precision))
        .constant("WEIGHT_WORKGROUP", weight_workgroup);
    launch(
        shader,
        weight_workgroup + (channels_in * elements).div_ceil(THREADS),
        &[
            bind(&x, [images, channels_in]),
            bind(&weight, [channels_in, channels]),
            bind(&grad, [images, channels]),
            bind(&grad_x, [images, channels_in]),
            bind(&grad_weight, [channels_in, channels]),
            bind(&grad_bias, [channels]),
        ],
    );
    SiluLinearGrads {
        x: grad_x,
        weight: grad_weight,
        bias: grad_bias,
    }
}
