//! Convolution and its gradients as matrix products over tiles of output pixels.

use std::ops::Range;

use super::super::arguments::ConvGeometry;
use super::maps::add_rows;
use super::matrix::Matrix;
use super::memory::{give_back, take};
use super::parallel;
use super::patches::{ConvShape, scatter_add, with_patches, with_scratch};
use super::product::{Panels, multiply, multiply_add, with_packed, with_panels};
use super::winograd;

/// Bytes of patches gathered at a time: with the weights they should stay in a core's L2 cache
/// until the product has read them.
const TILE_BYTES: usize = 256 * 1024;

/// Fewest and most output pixels in a tile. A product needs some rows to be worth its packing, and
/// threads need tiles to share.
const TILE_PIXELS: Range<usize> = 16..512;

/// Most partial sums of a weight gradient; also the most threads it can use.
const WEIGHT_CHUNKS: usize = 8;

/// Fewest output pixels per partial sum: below this, adding the partial sums up costs more than
/// threads gain.
const WEIGHT_CHUNK_PIXELS: usize = 512;

/// Output pixels whose patches are gathered at a time.
fn tile_pixels(shape: &ConvShape) -> usize {
    (TILE_BYTES / size_of::<f32>() / shape.patch_size().max(1))
        .clamp(TILE_PIXELS.start, TILE_PIXELS.end)
}

/// Whether convolutions of this shape take their input as it is where it is to be upsampled; others
/// need it upsampled already.
pub fn upsamples(shape: &ConvShape) -> bool {
    winograd::suits(shape)
}

/// `x` `[n, h, w, c_in]` convolved with `weight` `[k, k, c_in, c_out]` plus `bias` `[c_out]` and
/// `addend`: `[n, h', w', c_out]`.
pub fn forward(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    addend: Option<&[f32]>,
    shape: &ConvShape,
) -> Vec<f32> {
    if winograd::suits(shape) {
        return winograd::forward(x, weight, bias, addend, shape);
    }
    let start = |pixel: usize, y: &mut [f32]| {
        y.copy_from_slice(bias);
        if let Some(addend) = addend {
            for (y, addend) in y.iter_mut().zip(&addend[pixel * bias.len()..]) {
                *y += addend;
            }
        }
    };
    with_panels(weight, shape.outputs, |weight| {
        by_patches(x, weight, start, shape)
    })
}

/// Patches of `x` times `weight` `[k · k · c_in, c_out]`, added to what `start` writes to a pixel
/// of a number.
fn by_patches(
    x: &[f32],
    weight: Panels,
    start: impl Fn(usize, &mut [f32]) + Sync,
    shape: &ConvShape,
) -> Vec<f32> {
    let mut y = take(shape.output_pixels() * shape.outputs);
    let tile = tile_pixels(shape);
    let tiles = y.chunks_mut(tile * shape.outputs.max(1)).enumerate();
    parallel::for_each(tiles.collect(), |(index, y)| {
        let pixels = index * tile..index * tile + y.len() / shape.outputs;
        for (pixel, y) in pixels.clone().zip(y.chunks_exact_mut(shape.outputs)) {
            start(pixel, y);
        }
        with_patches(x, shape, pixels, |patches| multiply_add(y, patches, weight));
    });
    y
}

/// Gradient of [`forward`] with respect to `x`, plus `addend`, `[n, h, w, c_in]`, from `grad`
/// `[n, h', w', c_out]`.
pub fn grad_input(
    grad: &[f32],
    weight: &[f32],
    addend: Option<&[f32]>,
    shape: &ConvShape,
) -> Vec<f32> {
    if winograd::suits(shape) {
        return winograd::grad_input(grad, weight, addend, shape);
    }
    let ConvGeometry {
        kernel,
        stride,
        padding,
        ..
    } = shape.geometry;
    if stride == 1 && padding < kernel {
        // The gradient of a convolution is then itself one, with the kernel turned around.
        let [height, width] = shape.output_size();
        let turned = ConvShape {
            batch: shape.batch,
            height,
            width,
            inputs: shape.outputs,
            outputs: shape.inputs,
            geometry: ConvGeometry {
                kernel,
                stride,
                padding: kernel - 1 - padding,
                ..shape.geometry
            },
        };
        let weight = turn_weight(weight, shape);
        return forward(grad, &weight, &vec![0.0; shape.inputs], addend, &turned);
    }
    grad_input_by_scattering(grad, weight, addend, shape)
}

/// `weight` `[k, k, c_in, c_out]` turned by half a turn, channels exchanged: `[k, k, c_out, c_in]`.
fn turn_weight(weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (inputs, outputs) = (shape.inputs, shape.outputs);
    let mut turned = vec![0.0; weight.len()];
    let taps = weight.chunks_exact((inputs * outputs).max(1)).rev();
    for (tap, turned) in taps.zip(turned.chunks_exact_mut((inputs * outputs).max(1))) {
        for (input, row) in tap.chunks_exact(outputs).enumerate() {
            for (output, value) in row.iter().enumerate() {
                turned[output * inputs + input] = *value;
            }
        }
    }
    turned
}

/// [`grad_input`] for any geometry: patches of gradients, added where the input patches lie.
/// Images are independent of each other; pixels of one are not.
fn grad_input_by_scattering(
    grad: &[f32],
    weight: &[f32],
    addend: Option<&[f32]>,
    shape: &ConvShape,
) -> Vec<f32> {
    let weight = Matrix::row_major(weight, shape.outputs).transposed();
    with_packed(weight, |weight| {
        scattered_patches(grad, weight, addend, shape)
    })
}

/// The products of `grad` with `weight` `[c_out, k · k · c_in]`, added where the patches of the
/// input lie, and `addend`.
fn scattered_patches(
    grad: &[f32],
    weight: Panels,
    addend: Option<&[f32]>,
    shape: &ConvShape,
) -> Vec<f32> {
    let mut grad_x = match addend {
        Some(addend) => addend.to_vec(),
        None => vec![0.0; shape.batch * shape.image_size()],
    };
    let [height, width] = shape.output_size();
    let (image_pixels, tile) = (height * width, tile_pixels(shape));
    let image_shape = ConvShape { batch: 1, ..*shape };
    let images = grad_x.chunks_mut(shape.image_size().max(1)).enumerate();
    parallel::for_each(images.collect(), |(image, grad_x)| {
        for pixels in tiles(0..image_pixels, tile) {
            with_scratch(pixels.len() * shape.patch_size(), |patches| {
                let first = image * image_pixels + pixels.start;
                let grad = &grad[first * shape.outputs..][..pixels.len() * shape.outputs];
                multiply(patches, Matrix::row_major(grad, shape.outputs), weight);
                scatter_add(grad_x, &image_shape, pixels, patches);
            });
        }
    });
    grad_x
}

/// Gradients of [`forward`] with respect to `weight` `[k, k, c_in, c_out]` and `bias` `[c_out]`.
pub fn grad_weight(x: &[f32], grad: &[f32], shape: &ConvShape) -> (Vec<f32>, Vec<f32>) {
    if winograd::suits(shape) {
        return winograd::grad_weight(x, grad, shape);
    }
    let outputs = shape.outputs;
    let (pixels, tile) = (shape.output_pixels(), tile_pixels(shape));
    let chunks = (pixels / WEIGHT_CHUNK_PIXELS).clamp(1, WEIGHT_CHUNKS);
    let chunk = pixels.div_ceil(chunks).next_multiple_of(tile).max(1);
    let chunks = tiles(0..pixels, chunk).collect();
    let weights = shape.patch_size() * outputs;
    let sums = parallel::sum(chunks, weights + outputs, |pixels, sums| {
        let (grad_weight, grad_bias) = sums.split_at_mut(weights);
        for pixels in tiles(pixels, tile) {
            let grad = &grad[pixels.start * outputs..pixels.end * outputs];
            with_patches(x, shape, pixels, |patches| {
                with_panels(grad, outputs, |grad| {
                    multiply_add(grad_weight, patches.transposed(), grad);
                });
            });
            add_rows(grad_bias, grad);
        }
    });
    let mut grad_weight = take(weights);
    grad_weight.copy_from_slice(&sums[..weights]);
    let grad_bias = sums[weights..].to_vec();
    give_back(sums);
    (grad_weight, grad_bias)
}

/// `range` in pieces of `size`, the last one shorter.
fn tiles(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range
        .step_by(size)
        .map(move |start| start..(start + size).min(end))
}
