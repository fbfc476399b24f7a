//! Convolution and its gradients for adapters whose threads run on a CPU; why they differ is said
//! in `conv_direct.wgsl`.
//!
//! Launches: 1 forward, 1 for the gradient of the input, 1 for those of weight and bias; a
//! projection shortcut takes part in them.

use crate::ops::ConvGeometry;

use super::{
    conv_projection::{Added, Beside, WeightGrads},
    device::MAX_ITERATIONS,
    launch::{bind, launch},
    shader::Shader,
    tensor::{Primitive, allocate, dimensions},
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
    largest_divisor(channels.div_ceil(4), &[2])
}

fn largest_divisor(number: usize, candidates: &[usize]) -> usize {
    let divides = |candidate: &&usize| number.is_multiple_of(**candidate);
    candidates.iter().find(divides).copied().unwrap_or(1)
}

/// Iterations of a thread that sums a weight gradient over a line of `width` pixels: four at a time for a
/// shortcut, eight for all else.
fn line_iterations(width: usize) -> usize {
    width.div_ceil(4) + 1
}

/// The shapes of a convolution: its input, its output and its geometry.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvShapes {
    /// `[batch, height, width, channels]` of the input, every pixel counted as often as it is
    /// repeated.
    pub(super) input: [usize; 4],
    /// `[batch, height, width, channels]` of the output.
    pub(super) output: [usize; 4],
    pub(super) geometry: ConvGeometry,
    /// How often an input pixel is repeated along each axis.
    pub(super) repeat: usize,
}

impl ConvShapes {
    /// A 1 × 1 convolution does not know lines from images, so all pixels make one long line,
    /// unless they are repeated, or more than a thread may walk over.
    fn flattened(mut self) -> Self {
        let ConvGeometry {
            kernel,
            stride,
            padding,
            ..
        } = self.geometry;
        let [batch, height, width, _] = self.output;
        let fits = line_iterations(batch * height * width) <= MAX_ITERATIONS;
        if (kernel, stride, padding, self.repeat) == (1, 1, 0, 1) && fits {
            for [batch, height, width, _] in [&mut self.input, &mut self.output] {
                *width *= *batch * *height;
                (*batch, *height) = (1, 1);
            }
        }
        self
    }

    fn weights(&self) -> usize {
        self.geometry.kernel.pow(2) * self.input[3] * self.output[3]
    }

    /// The input as it lies in memory.
    pub(super) fn stored_input(&self) -> [usize; 4] {
        let [batch, height, width, channels] = self.input;
        [batch, height / self.repeat, width / self.repeat, channels]
    }
}

/// Columns of the source under `pixels` neighbouring pixels of a walk of so large steps.
fn columns(pixels: usize, stride: usize, kernel: usize) -> usize {
    (pixels - 1) * stride + kernel
}

/// What [`product_shader`] walks over; see `conv_direct.wgsl`.
struct Walk {
    /// As it lies in memory, `[batch, height, width, channels]`.
    stored: [usize; 4],
    /// Height and width of what the walk sees.
    source: [usize; 2],
    /// How often each pixel of the source counts along each axis.
    repeat: usize,
    /// How far apart pixels of the source lie.
    spread: usize,
    target: [usize; 4],
    kernel: usize,
    stride: usize,
    shift: i32,
    /// Channels that are computed beside those of the target.
    more: usize,
}

fn product_shader(walk: &Walk) -> (Shader, usize) {
    let [_, stored_height, stored_width, source_channels] = walk.stored;
    let [batch, height, width, channels] = walk.target;
    let (pixels, quads) = (pixels(width), quads(channels).min(quads(walk.more)));
    let tiles = (channels.div_ceil(4) + walk.more / 4) / quads;
    let threads = batch * height * (width / pixels) * tiles;
    let vec4s = |channels: usize| channels.is_multiple_of(4);
    let shader = Shader::new("conv_direct", include_str!("conv_direct.wgsl"), THREADS)
        .flag("SOURCE_VEC4", vec4s(source_channels))
        .flag("TARGET_VEC4", vec4s(channels))
        .flag("WEIGHT_VEC4", vec4s(source_channels) && vec4s(channels))
        .constant("BATCH", batch)
        .constant("STORED_HEIGHT", stored_height)
        .constant("STORED_WIDTH", stored_width)
        .constant("SOURCE_HEIGHT", walk.source[0])
        .constant("SOURCE_WIDTH", walk.source[1])
        .constant("SOURCE_CHANNELS", source_channels)
        .constant("TARGET_HEIGHT", height)
        .constant("TARGET_WIDTH", width)
        .constant("TARGET_CHANNELS", channels)
        .constant("KERNEL", walk.kernel)
        .constant("STRIDE", walk.stride)
        .constant("REPEAT", walk.repeat)
        .constant("SPREAD", walk.spread)
        .signed("SHIFT", walk.shift)
        .constant("PIXELS", pixels)
        .constant("QUADS", quads)
        .constant("MORE_QUADS", walk.more / 4)
        .constant("COLUMNS", columns(pixels, walk.stride, walk.kernel));
    (shader, threads.div_ceil(THREADS))
}

/// See [`super::conv::forward`]; all operands are contiguous.
pub(super) fn forward(
    x: &Primitive,
    weight: &Primitive,
    bias: &Primitive,
    added: &Added,
    shapes: ConvShapes,
) -> Primitive {
    let [_, _, _, channels] = shapes.output;
    let output = allocate(x, shapes.output);
    let flat = shapes.flattened();
    let [_, source_height, source_width, _] = flat.input;
    let (shader, workgroups) = product_shader(&Walk {
        stored: flat.stored_input(),
        source: [source_height, source_width],
        repeat: flat.repeat,
        spread: 1,
        target: flat.output,
        kernel: flat.geometry.kernel,
        stride: flat.geometry.stride,
        shift: flat.geometry.padding as i32,
        more: 0,
    });
    let mut bindings = vec![
        bind(x, shapes.stored_input()),
        bind(weight, [shapes.weights()]),
        bind(&output, shapes.output),
        bind(bias, [channels]),
    ];
    bindings.extend(added.bindings(shapes.output));
    launch(added.specialise(shader), workgroups, &bindings);
    output
}

/// See [`super::conv::grad_input`]; all operands are contiguous.
pub(super) fn grad_input(
    grad: &Primitive,
    weight: &Primitive,
    beside: &Beside,
    shapes: ConvShapes,
) -> Primitive {
    let grad_x = allocate(grad, shapes.input);
    let flat = shapes.flattened();
    let ConvGeometry {
        kernel,
        stride,
        padding,
        ..
    } = flat.geometry;
    let [_, height, width, _] = flat.output;
    let (shader, workgroups) = product_shader(&Walk {
        stored: flat.output,
        source: [height, width].map(|side| (side - 1) * stride + 1),
        repeat: 1,
        spread: stride,
        target: flat.input,
        kernel,
        stride: 1,
        shift: kernel as i32 - 1 - padding as i32,
        more: beside.shortcut_channels(),
    });
    let mut bindings = vec![
        bind(grad, shapes.output),
        bind(weight, [shapes.weights()]),
        bind(&grad_x, shapes.input),
    ];
    bindings.extend(beside.bindings(shapes));
    let shader = beside.specialise(shader.flag("GRAD_INPUT", true));
    launch(shader, workgroups, &bindings);
    grad_x
}

/// See [`super::conv::grad_weight`]; all operands are contiguous.
pub(super) fn grad_weight(
    x: &Primitive,
    grad: &Primitive,
    shortcut: Option<&Primitive>,
    shapes: ConvShapes,
) -> WeightGrads {
    let flat = shapes.flattened();
    let [_, height_in, width_in, channels_in] = flat.input;
    let [batch, height, width, channels] = flat.output;
    let kernel = flat.geometry.kernel;
    let quads = quads(channels);
    let quads_out = channels.div_ceil(4) / quads;

    let threads = kernel * channels_in.div_ceil(4) * quads_out;
    let lines = batch * height;
    let most_lines = (MAX_ITERATIONS / line_iterations(width)).max(1);
    let lines_per_split = lines
        .div_ceil(SPLIT_THREADS.div_ceil(threads).min(lines))
        .min(most_lines);
    let splits = lines.div_ceil(lines_per_split);

    let grads = WeightGrads::allocate(x, shortcut, splits, shapes);
    let more = shortcut.map_or(0, |shortcut| dimensions::<4>(shortcut)[3]);
    let threads = (threads + more / 4 * quads_out) * splits;
    let text = include_str!("conv_direct_weight.wgsl");
    let shader = Shader::new("conv_direct_weight", text, THREADS)
        .flag("X_VEC4", channels_in.is_multiple_of(4))
        .flag("GRAD_VEC4", channels.is_multiple_of(4))
        .constant("BATCH", batch)
        .constant("HEIGHT_IN", height_in)
        .constant("WIDTH_IN", width_in)
        .constant("REPEAT", flat.repeat)
        .constant("CHANNELS_IN", channels_in)
        .constant("HEIGHT_OUT", height)
        .constant("WIDTH_OUT", width)
        .constant("CHANNELS_OUT", channels)
        .constant("KERNEL", kernel)
        .constant("STRIDE", flat.geometry.stride)
        .signed("PADDING", flat.geometry.padding as i32)
        .constant("QUADS", quads)
        .constant("COLUMNS", columns(8, flat.geometry.stride, kernel))
        .constant("LINES_PER_SPLIT", lines_per_split)
        .constant("SPLITS", splits);
    let mut bindings = vec![bind(x, shapes.stored_input()), bind(grad, shapes.output)];
    bindings.extend(grads.bindings(shortcut, shapes));
    let shader = grads.specialise(shader, shortcut);
    launch(shader, threads.div_ceil(THREADS), &bindings);
    grads
}
