//! Convolution and its gradients for adapters whose threads run on a CPU; why they differ is said
//! in `conv_direct.wgsl`.
//!
//! Channels that do not come in vec4s are padded, and gradients of a strided convolution are spread
//! over the pixels of its input, so that one kernel without exceptions serves all.
//!
//! Launches: 1 forward, 1 for the gradient of the input, 1 for those of weight and bias; 1 more for
//! each operand that is padded or spread.

use burn::tensor::TensorMetadata;

use crate::ops::ConvGeometry;

use super::{
    launch::{bind, launch},
    partial_sums,
    shader::Shader,
    spread::{corner, spread},
    tensor::{Primitive, allocate},
};

/// A subgroup is 4 threads there; more in a workgroup only make the last one emptier.
const THREADS: usize = 16;

/// Threads to aim for when a weight gradient is split: enough for the cores of a large machine.
const SPLIT_THREADS: usize = 256;

/// Neighbouring pixels of a thread: the more, the fewer loads a multiply-add needs, and the longer
/// a shader takes to compile.
fn pixels(width: usize) -> usize {
    largest_divisor(width, &[32, 16, 8, 4, 2])
}

/// Vec4s of channels of a thread.
fn quads(channels: usize) -> usize {
    largest_divisor(channels / 4, &[2])
}

fn largest_divisor(number: usize, candidates: &[usize]) -> usize {
    let divides = |candidate: &&usize| number.is_multiple_of(**candidate);
    candidates.iter().find(divides).copied().unwrap_or(1)
}

/// The shapes of a convolution: its input, its output and its geometry.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvShapes {
    /// `[batch, height, width, channels]` of the input.
    pub(super) input: [usize; 4],
    /// `[batch, height, width, channels]` of the output.
    pub(super) output: [usize; 4],
    pub(super) geometry: ConvGeometry,
}

impl ConvShapes {
    /// With channels in vec4s.
    fn padded(mut self) -> Self {
        for channels in [&mut self.input[3], &mut self.output[3]] {
            *channels = channels.next_multiple_of(4);
        }
        self
    }

    /// As if there were an output, of gradient zero, for every pixel of the input.
    fn unstrided(mut self) -> Self {
        self.geometry.stride = 1;
        let [_, height, width, _] = self.input;
        self.output[1] = self.geometry.output_size(height);
        self.output[2] = self.geometry.output_size(width);
        self
    }

    /// `[taps, 1, channels_in, channels_out]`.
    fn weight(&self) -> [usize; 4] {
        let kernel = self.geometry.kernel;
        [kernel * kernel, 1, self.input[3], self.output[3]]
    }

    /// `[1, 1, 1, channels_out]`.
    fn bias(&self) -> [usize; 4] {
        [1, 1, 1, self.output[3]]
    }

    /// A 1 × 1 convolution does not know lines from images, so all pixels make one long line,
    /// unless they are repeated.
    fn flattened(mut self, repeat: usize) -> Self {
        let ConvGeometry {
            kernel,
            stride,
            padding,
            ..
        } = self.geometry;
        if (kernel, stride, padding, repeat) == (1, 1, 0, 1) {
            for [batch, height, width, _] in [&mut self.input, &mut self.output] {
                *width *= *batch * *height;
                (*batch, *height) = (1, 1);
            }
        }
        self
    }

    /// Columns of the input under `pixels` neighbouring pixels of the output.
    fn columns(&self, pixels: usize) -> usize {
        (pixels - 1) * self.geometry.stride + self.geometry.kernel
    }
}

fn product_shader(
    [_, source_height, source_width, source_channels]: [usize; 4],
    [batch, height, width, channels]: [usize; 4],
    shapes: &ConvShapes,
) -> (Shader, usize) {
    let (pixels, quads) = (pixels(width), quads(channels));
    let threads = batch * height * (width / pixels) * (channels / 4 / quads);
    let shader = Shader::new("conv_direct", include_str!("conv_direct.wgsl"), THREADS)
        .constant("BATCH", batch)
        .constant("SOURCE_HEIGHT", source_height)
        .constant("SOURCE_WIDTH", source_width)
        .constant("SOURCE_CHANNELS", source_channels)
        .constant("TARGET_HEIGHT", height)
        .constant("TARGET_WIDTH", width)
        .constant("TARGET_CHANNELS", channels)
        .constant("KERNEL", shapes.geometry.kernel)
        .constant("STRIDE", shapes.geometry.stride)
        .constant("PIXELS", pixels)
        .constant("QUADS", quads)
        .constant("COLUMNS", shapes.columns(pixels));
    (shader, threads.div_ceil(THREADS))
}

/// The images as they lie in memory, where every pixel counts as `repeat` × `repeat`.
fn stored([batch, height, width, channels]: [usize; 4], repeat: usize) -> [usize; 4] {
    [batch, height / repeat, width / repeat, channels]
}

/// See [`super::conv::forward`]; all operands are contiguous.
pub(super) fn forward(
    x: &Primitive,
    weight: &Primitive,
    bias: &Primitive,
    addend: Option<&Primitive>,
    repeat: usize,
    shapes: ConvShapes,
) -> Primitive {
    let padded = shapes.padded();
    let x = spread(
        x,
        stored(shapes.input, repeat),
        stored(padded.input, repeat),
        1,
    );
    let weight = spread(weight, shapes.weight(), padded.weight(), 1);
    let bias = spread(bias, shapes.bias(), padded.bias(), 1);
    let addend = addend.map(|addend| spread(addend, shapes.output, padded.output, 1));

    let output = allocate(&x, padded.output);
    let flat = padded.flattened(repeat);
    let (shader, workgroups) = product_shader(flat.input, flat.output, &flat);
    let shader = shader
        .flag("ADD", addend.is_some())
        .constant("REPEAT", repeat)
        .signed("SHIFT", flat.geometry.padding as i32);
    let mut bindings = vec![
        bind(&x, stored(padded.input, repeat)),
        bind(&weight, padded.weight()),
        bind(&output, padded.output),
        bind(&bias, padded.bias()),
    ];
    bindings.extend((addend.as_ref()).map(|addend| bind(addend, padded.output)));
    launch(shader, workgroups, &bindings);
    corner(output, shapes.output)
}

/// See [`crate::ops::Kernels::conv2d_grad_input`]; all operands are contiguous.
pub(super) fn grad_input(
    grad: &Primitive,
    weight: &Primitive,
    addend: Option<&Primitive>,
    shapes: ConvShapes,
) -> Primitive {
    let padded = shapes.padded().unstrided();
    let grad = spread(grad, shapes.output, padded.output, shapes.geometry.stride);
    let weight = spread(weight, shapes.weight(), padded.weight(), 1);
    let addend = addend.map(|addend| spread(addend, shapes.input, padded.input, 1));

    let grad_x = allocate(&grad, padded.input);
    let flat = padded.flattened(1);
    let (shader, workgroups) = product_shader(flat.output, flat.input, &flat);
    let ConvGeometry {
        kernel, padding, ..
    } = flat.geometry;
    let shader = shader
        .flag("GRAD_INPUT", true)
        .flag("ADD", addend.is_some())
        .constant("REPEAT", 1)
        .signed("SHIFT", kernel as i32 - 1 - padding as i32);
    let mut bindings = vec![
        bind(&grad, padded.output),
        bind(&weight, padded.weight()),
        bind(&grad_x, padded.input),
    ];
    bindings.extend((addend.as_ref()).map(|addend| bind(addend, padded.input)));
    launch(shader, workgroups, &bindings);
    corner(grad_x, shapes.input)
}

/// See [`crate::ops::Kernels::conv2d_grad_weight`]; all operands are contiguous.
pub(super) fn grad_weight(
    x: &Primitive,
    grad: &Primitive,
    repeat: usize,
    shapes: ConvShapes,
) -> (Primitive, Primitive) {
    let padded = shapes.padded();
    let x = spread(
        x,
        stored(shapes.input, repeat),
        stored(padded.input, repeat),
        1,
    );
    let grad = spread(grad, shapes.output, padded.output, 1);
    let [weight, bias] = grad_weight_padded(&x, &grad, repeat, padded);
    let splits = weight.shape()[0];
    let [_, _, _, channels_in] = shapes.input;
    let [_, _, _, channels] = shapes.output;
    let kernel = shapes.geometry.kernel;
    (
        corner(weight, [splits, kernel, kernel, channels_in, channels]),
        corner(bias, [splits, channels]),
    )
}

/// [`grad_weight`] where channels come in vec4s.
fn grad_weight_padded(
    x: &Primitive,
    grad: &Primitive,
    repeat: usize,
    shapes: ConvShapes,
) -> [Primitive; 2] {
    let shapes = shapes.flattened(repeat);
    let [_, height_in, width_in, channels_in] = shapes.input;
    let [batch, height, width, channels] = shapes.output;
    let kernel = shapes.geometry.kernel;
    let quads = quads(channels);

    let threads = kernel * (channels_in / 4) * (channels / 4 / quads);
    let lines = batch * height;
    let lines_per_split = lines.div_ceil(SPLIT_THREADS.div_ceil(threads).min(lines));
    let splits = lines.div_ceil(lines_per_split);

    let weight_shape = [splits, kernel, kernel, channels_in, channels];
    let weight_parts = partial_sums::allocate(x, weight_shape);
    let bias_parts = partial_sums::allocate(x, [splits, channels]);
    let text = include_str!("conv_direct_weight.wgsl");
    let shader = Shader::new("conv_direct_weight", text, THREADS)
        .constant("BATCH", batch)
        .constant("HEIGHT_IN", height_in)
        .constant("WIDTH_IN", width_in)
        .constant("REPEAT", repeat)
        .constant("CHANNELS_IN", channels_in)
        .constant("HEIGHT_OUT", height)
        .constant("WIDTH_OUT", width)
        .constant("CHANNELS_OUT", channels)
        .constant("KERNEL", kernel)
        .constant("STRIDE", shapes.geometry.stride)
        .signed("PADDING", shapes.geometry.padding as i32)
        .constant("QUADS", quads)
        .constant("COLUMNS", shapes.columns(8))
        .constant("LINES_PER_SPLIT", lines_per_split)
        .constant("SPLITS", splits);
    launch(
        shader,
        (threads * splits).div_ceil(THREADS),
        &[
            bind(x, stored(shapes.input, repeat)),
            bind(grad, shapes.output),
            bind(&weight_parts, weight_shape),
            bind(&bias_parts, [splits, channels]),
        ],
    );
    [weight_parts, bias_parts]
}
