//! Convolution and its gradients for adapters whose threads run on a CPU; why they differ is said
//! in `conv_direct.wgsl`.
//!
//! Launches: 1 forward, 1 for the gradient of the input, 1 or 2 for those of weight and bias.

use crate::ops::ConvGeometry;

use super::{
    launch::{Primitive, allocate, launch},
    shader::Shader,
};

/// A subgroup is 4 threads there; more in a workgroup only make the last one emptier.
const THREADS: usize = 16;

/// Threads to aim for when a weight gradient is split: enough for the cores of a large machine.
const SPLIT_THREADS: usize = 256;

/// Neighbouring pixels of a thread: the more, the fewer loads a multiply-add needs.
fn pixels(width: usize) -> usize {
    largest_divisor(width, &[16, 8, 4, 2])
}

/// Vec4s of channels of a thread.
fn quads(channels: usize) -> usize {
    largest_divisor(channels / 4, &[2])
}

fn largest_divisor(number: usize, candidates: &[usize]) -> usize {
    let divides = |candidate: &&usize| number.is_multiple_of(**candidate);
    candidates.iter().find(divides).copied().unwrap_or(1)
}

/// The images of a convolution as these kernels walk over them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// `[batch, height, width, channels]` of the input.
    pub(super) input: [usize; 4],
    /// `[batch, height, width, channels]` of the output.
    pub(super) output: [usize; 4],
    pub(super) geometry: ConvGeometry,
}

impl Walk {
    /// Whether channels come in vec4s, which these kernels rely on.
    pub(super) fn has_vectors(&self) -> bool {
        self.input[3].is_multiple_of(4) && self.output[3].is_multiple_of(4)
    }

    /// A 1 × 1 convolution does not know lines from images, so all pixels make one long line.
    fn flattened(mut self) -> Self {
        let ConvGeometry {
            kernel,
            stride,
            padding,
        } = self.geometry;
        if (kernel, stride, padding) == (1, 1, 0) {
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
    walk: &Walk,
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
        .constant("KERNEL", walk.geometry.kernel)
        .constant("STRIDE", walk.geometry.stride)
        .constant("PIXELS", pixels)
        .constant("QUADS", quads)
        .constant("COLUMNS", walk.columns(pixels));
    (shader, threads.div_ceil(THREADS))
}

/// See [`crate::ops::Kernels::conv2d_forward`]; all operands are contiguous.
pub(super) fn forward(
    x: &Primitive,
    weight: &Primitive,
    bias: &Primitive,
    walk: Walk,
) -> Primitive {
    let output = allocate(x, walk.output);
    let walk = walk.flattened();
    let (shader, workgroups) = product_shader(walk.input, walk.output, &walk);
    let shader = shader.signed("SHIFT", walk.geometry.padding as i32);
    launch(shader, workgroups, &[x, weight, &output, bias]);
    output
}

/// See [`crate::ops::Kernels::conv2d_grad_input`]; all operands are contiguous, the stride is 1.
pub(super) fn grad_input(grad: &Primitive, weight: &Primitive, walk: Walk) -> Primitive {
    let grad_x = allocate(grad, walk.input);
    let walk = walk.flattened();
    let (shader, workgroups) = product_shader(walk.output, walk.input, &walk);
    let ConvGeometry {
        kernel, padding, ..
    } = walk.geometry;
    let shader = shader
        .flag("GRAD_INPUT", true)
        .signed("SHIFT", kernel as i32 - 1 - padding as i32);
    launch(shader, workgroups, &[grad, weight, &grad_x]);
    grad_x
}

/// Partial sums of the gradients of weight `[splits, rows, channels]` and bias
/// `[splits, channels]`; all operands are contiguous.
pub(super) fn grad_weight(x: &Primitive, grad: &Primitive, walk: Walk) -> ([Primitive; 2], usize) {
    let walk = walk.flattened();
    let [_, height_in, width_in, channels_in] = walk.input;
    let [batch, height, width, channels] = walk.output;
    let kernel = walk.geometry.kernel;
    let quads = quads(channels);

    let threads = kernel * (channels_in / 4) * (channels / 4 / quads);
    let lines = batch * height;
    let lines_per_split = lines.div_ceil(SPLIT_THREADS.div_ceil(threads).min(lines));
    let splits = lines.div_ceil(lines_per_split);

    let parts = [
        allocate(x, [splits, kernel * kernel * channels_in, channels]),
        allocate(x, [splits, channels]),
    ];
    let text = include_str!("conv_direct_weight.wgsl");
    let shader = Shader::new("conv_direct_weight", text, THREADS)
        .constant("BATCH", batch)
        .constant("HEIGHT_IN", height_in)
        .constant("WIDTH_IN", width_in)
        .constant("CHANNELS_IN", channels_in)
        .constant("HEIGHT_OUT", height)
        .constant("WIDTH_OUT", width)
        .constant("CHANNELS_OUT", channels)
        .constant("KERNEL", kernel)
        .constant("STRIDE", walk.geometry.stride)
        .signed("PADDING", walk.geometry.padding as i32)
        .constant("QUADS", quads)
        .constant("COLUMNS", walk.columns(8))
        .constant("LINES_PER_SPLIT", lines_per_split)
        .constant("SPLITS", splits);
    let [weight_parts, bias_parts] = &parts;
    launch(
        shader,
        (threads * splits).div_ceil(THREADS),
        &[x, grad, weight_parts, bias_parts],
    );
    (parts, splits)
}
