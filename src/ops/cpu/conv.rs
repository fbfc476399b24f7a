//! Convolution and its gradients as matrix products over tiles of output pixels.

use std::ops::Range;

use super::super::arguments::ConvGeometry;
use super::matrix::Matrix;
use super::parallel;
use super::patches::{ConvShape, scatter_add, with_patches, with_scratch};
use super::product::{multiply, multiply_add};
use super::vectorised::vectorised;

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

/// `x` `[n, h, w, c_in]` convolved with `weight` `[k, k, c_in, c_out]` plus `bias` `[c_out]`:
/// `[n, h', w', c_out]`.
pub fn forward(x: &[f32], weight: &[f32], bias: &[f32], shape: &ConvShape) -> Vec<f32> {
    let weight = Matrix::row_major(weight, shape.outputs);
    let mut y = vec![0.0; shape.output_pixels() * shape.outputs];
    let tile = tile_pixels(shape);
    let tiles = y.chunks_mut(tile * shape.outputs.max(1)).enumerate();
    parallel::for_each(tiles.collect(), |(index, y)| {
        let pixels = index * tile..index * tile + y.len() / shape.outputs;
        for pixel in y.chunks_exact_mut(shape.outputs) {
            pixel.copy_from_slice(bias);
        }
        with_patches(x, shape, pixels, |patches| multiply_add(y, patches, weight));
    });
    y
}

/// Gradient of [`forward`] with respect to `x`, `[n, h, w, c_in]`, from `grad`
/// `[n, h', w', c_out]`.
pub fn grad_input(grad: &[f32], weight: &[f32], shape: &ConvShape) -> Vec<f32> {
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
        return forward(grad, &weight, &vec![0.0; shape.inputs], &turned);
    }
    grad_input_by_scattering(grad, weight, shape)
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
fn grad_input_by_scattering(grad: &[f32], weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    let weight = Matrix::row_major(weight, shape.outputs).transposed();
    let mut grad_x = vec![0.0; shape.batch * shape.image_size()];
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
    let outputs = shape.outputs;
    let (pixels, tile) = (shape.output_pixels(), tile_pixels(shape));
    let chunks = (pixels / WEIGHT_CHUNK_PIXELS).clamp(1, WEIGHT_CHUNKS);
    let chunk = pixels.div_ceil(chunks).next_multiple_of(tile).max(1);
    let partial_sums = parallel::map(tiles(0..pixels, chunk).collect(), |pixels| {
        let mut grad_weight = vec![0.0; shape.patch_size() * outputs];
        let mut grad_bias = vec![0.0; outputs];
        for pixels in tiles(pixels, tile) {
            let grad = &grad[pixels.start * outputs..pixels.end * outputs];
            with_patches(x, shape, pixels, |patches| {
                let grad = Matrix::row_major(grad, outputs);
                multiply_add(&mut grad_weight, patches.transposed(), grad);
            });
            add_rows(&mut grad_bias, grad);
        }
        (grad_weight, grad_bias)
    });
    partial_sums
        .into_iter()
        .reduce(|mut total, part| {
            add(&mut total.0, &part.0);
            add(&mut total.1, &part.1);
            total
        })
        .unwrap_or_else(|| (vec![0.0; shape.patch_size() * outputs], vec![0.0; outputs]))
}

/// `range` in pieces of `size`, the last one shorter.
fn tiles(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range
        .step_by(size)
        .map(move |start| start..(start + size).min(end))
}

vectorised! {
    /// `total` += `part`.
    fn add(total: &mut [f32], part: &[f32]) {
        for (total, part) in total.iter_mut().zip(part) {
            *total += part;
        }
    }

    /// Adds the sum of the rows of `values` to `total`, one row. The rows' own sum is formed first,
    /// so that what is added to a large total is not small.
    fn add_rows(total: &mut [f32], values: &[f32]) {
        let mut sum = vec![0.0; total.len()];
        for row in values.chunks_exact(total.len().max(1)) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
        for (total, sum) in total.iter_mut().zip(&sum) {
            *total += sum;
        }
    }
}
