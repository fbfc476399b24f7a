//! im2col and col2im: the input of a convolution as a matrix, one row per output pixel, one column
//! per weight.

use std::cell::Cell;
use std::ops::Range;

use super::super::arguments::ConvGeometry;
use super::matrix::Matrix;

/// Sizes of a convolution of `[batch, height, width, inputs]` with `[k, k, inputs, outputs]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Rows of pixels of the input.
    pub height: usize,
    /// Pixels of a row of the input.
    pub width: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Kernel, stride and padding.
    pub geometry: ConvGeometry,
}

impl ConvShape {
    /// The same convolution of an input that is upsampled already.
    pub fn of_upsampled(self) -> Self {
        Self {
            height: self.height * self.geometry.repeat(),
            width: self.width * self.geometry.repeat(),
            geometry: self.geometry.without_upsampling(),
            ..self
        }
    }

    /// `[height, width]` of the output.
    pub fn output_size(&self) -> [usize; 2] {
        [self.height, self.width].map(|side| self.geometry.output_size(side))
    }

    /// Number of weights per output channel.
    pub fn patch_size(&self) -> usize {
        self.geometry.kernel * self.geometry.kernel * self.inputs
    }

    /// Whether every output pixel depends on the input pixel at its own place alone.
    pub fn is_pointwise(&self) -> bool {
        let ConvGeometry {
            kernel,
            stride,
            padding,
            ..
        } = self.geometry;
        kernel == 1 && stride == 1 && padding == 0
    }

    /// Output pixels of all images.
    pub fn output_pixels(&self) -> usize {
        let [height, width] = self.output_size();
        self.batch * height * width
    }

    /// Numbers of one input image.
    pub fn image_size(&self) -> usize {
        self.height * self.width * self.inputs
    }
}

thread_local! {
    /// Memory for patches, kept between calls: a training step would otherwise allocate, and have
    /// the system clear, hundreds of megabytes.
    static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Calls `run` with `length` numbers of unspecified value.
pub fn with_scratch<R>(length: usize, run: impl FnOnce(&mut [f32]) -> R) -> R {
    // Taken out of the cell meanwhile, so that a nested call gets memory of its own.
    let mut memory = SCRATCH.take();
    if memory.len() < length {
        memory.resize(length, 0.0);
    }
    let result = run(&mut memory[..length]);
    SCRATCH.set(memory);
    result
}

/// Calls `run` with the patches under the output pixels `pixels` (of all images, in order):
/// `[pixels, k · k · c_in]`.
pub fn with_patches<R>(
    x: &[f32],
    shape: &ConvShape,
    pixels: Range<usize>,
    run: impl FnOnce(Matrix) -> R,
) -> R {
    let columns = shape.patch_size();
    if shape.is_pointwise() {
        let values = &x[pixels.start * columns..pixels.end * columns];
        return run(Matrix::row_major(values, columns));
    }
    with_scratch(pixels.len() * columns, |memory| {
        gather(x, shape, pixels, memory);
        run(Matrix::row_major(memory, columns))
    })
}

/// im2col: copies the patches, zeros where they reach over the border.
fn gather(x: &[f32], shape: &ConvShape, pixels: Range<usize>, patches: &mut [f32]) {
    let kernel = shape.geometry.kernel;
    let run = kernel * shape.inputs;
    for_each_patch_row(shape, pixels, |patch_row, position| {
        let patch = &mut patches[patch_row * run..][..run];
        let Some((first, skipped, taken)) = position else {
            patch.fill(0.0);
            return;
        };
        // Pixels of a row are neighbours in memory: one copy for all columns of the kernel.
        let (before, after) = (skipped * shape.inputs, (skipped + taken) * shape.inputs);
        patch[..before].fill(0.0);
        patch[before..after].copy_from_slice(&x[first..first + after - before]);
        patch[after..].fill(0.0);
    });
}

/// col2im: adds `patches` `[pixels, k · k · c_in]` to the pixels of `x` they were gathered from;
/// what reached over the border is dropped.
pub fn scatter_add(x: &mut [f32], shape: &ConvShape, pixels: Range<usize>, patches: &[f32]) {
    let run = shape.geometry.kernel * shape.inputs;
    for_each_patch_row(shape, pixels, |patch_row, position| {
        let Some((first, skipped, taken)) = position else {
            return;
        };
        let patch = &patches[patch_row * run..][..run];
        let patch = &patch[skipped * shape.inputs..(skipped + taken) * shape.inputs];
        for (x, patch) in x[first..first + patch.len()].iter_mut().zip(patch) {
            *x += patch;
        }
    });
}

/// Calls `visit` for every row of the kernel over every output pixel of `pixels`, numbered from 0.
///
/// With it comes where that row lies: the index in `x` of the first number inside the image, how
/// many of the kernel's columns hang over the left border, and how many are inside; `None` if all
/// are outside.
#[inline(always)]
fn for_each_patch_row(
    shape: &ConvShape,
    pixels: Range<usize>,
    mut visit: impl FnMut(usize, Option<(usize, usize, usize)>),
) {
    let (kernel, stride) = (shape.geometry.kernel, shape.geometry.stride);
    let padding = shape.geometry.padding as isize;
    let [out_height, out_width] = shape.output_size();
    let mut patch_row = 0;
    for pixel in pixels {
        let (row, column) = (pixel / out_width, pixel % out_width);
        let (image, row) = (row / out_height, row % out_height);
        let left = (column * stride) as isize - padding;
        let top = (row * stride) as isize - padding;
        let start = left.clamp(0, shape.width as isize);
        let end = (left + kernel as isize).clamp(0, shape.width as isize);
        for kernel_row in 0..kernel {
            let y = top + kernel_row as isize;
            let inside = y >= 0 && y < shape.height as isize && end > start;
            visit(
                patch_row,
                inside.then(|| {
                    let in_pixel = (image * shape.height + y as usize) * shape.width;
                    (
                        (in_pixel + start as usize) * shape.inputs,
                        (start - left) as usize,
                        (end - start) as usize,
                    )
                }),
            );
            patch_row += 1;
        }
    }
}
