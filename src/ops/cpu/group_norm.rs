//! Group normalisation with its affine map and SiLU in one pass over memory each way.
//!
//! Channels are innermost, so loops run over blocks of neighbouring channels and the sums of a
//! group are formed from those of its channels. Sums are short, per [`CHUNK_PIXELS`], in f32 and
//! put together in f64.

use super::super::arguments::GroupNormOptions;
use super::memory::take;
use super::norm_loops::{
    ChannelSums, InputCoefficients, add, affine, affine_silu, channel_moments, combine, grad_sums,
    silu_backward,
};
use super::parallel;

/// Pixels whose sums are formed in f32, and that a thread takes at a time.
const CHUNK_PIXELS: usize = 128;

/// Sizes of `[batch, pixels, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NormShape {
    /// Images.
    pub batch: usize,
    /// Pixels of an image.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
}

impl NormShape {
    fn image_size(&self) -> usize {
        (self.pixels * self.channels).max(1)
    }

    fn chunk_size(&self) -> usize {
        (CHUNK_PIXELS * self.channels).max(1)
    }
}

/// What is normalised, and the affine map after it.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// `[n, pixels, c]`.
    pub x: &'a [f32],
    /// `[n, c]`, added to every pixel of an image before it is normalised. It is only ever added to
    /// coefficients of a channel, and costs no pass over memory.
    pub shift: Option<&'a [f32]>,
    /// Scale, `[c]`.
    pub gamma: &'a [f32],
    /// Shift after normalising, `[c]`.
    pub beta: &'a [f32],
}

impl Norm<'_> {
    /// The shift of image `image`, or zeros.
    fn shift_of(&self, image: usize) -> Vec<f32> {
        let channels = self.gamma.len();
        match self.shift {
            Some(shift) => shift[image * channels..][..channels].to_vec(),
            None => vec![0.0; channels],
        }
    }
}

/// Normalises: the result, and `[n, groups, 2]` mean and reciprocal standard deviation.
pub fn forward(norm: Norm, shape: NormShape, options: GroupNormOptions) -> (Vec<f32>, Vec<f32>) {
    let Norm { x, gamma, beta, .. } = norm;
    let mut y = take(x.len());
    let mut statistics = vec![0.0; shape.batch * options.groups * 2];
    let images = x
        .chunks(shape.image_size())
        .zip(y.chunks_mut(shape.image_size()))
        .zip(statistics.chunks_mut(options.groups * 2))
        .enumerate();
    parallel::for_each(images.collect(), |(image, ((x, y), statistics))| {
        let shift = norm.shift_of(image);
        group_statistics(x, &shift, shape, options, statistics);
        let normalise = Affine::new(statistics, gamma, beta, &shift);
        let size = shape.chunk_size();
        let chunks = x.chunks(size).zip(y.chunks_mut(size));
        parallel::for_each(chunks.collect(), |(x, y)| {
            if options.silu {
                affine_silu(x, &normalise.scale, &normalise.shift, y);
            } else {
                affine(x, &normalise.scale, &normalise.shift, y);
            }
        });
    });
    (y, statistics)
}

/// Gradients of [`forward`] with respect to `x` `[n, pixels, c]`, to which `addend` is added if
/// there is one, `gamma` and `beta` `[c]`.
pub fn backward(
    grad: &[f32],
    norm: Norm,
    statistics: &[f32],
    addend: Option<&[f32]>,
    shape: NormShape,
    options: GroupNormOptions,
) -> [Vec<f32>; 3] {
    let Norm { x, gamma, beta, .. } = norm;
    let channels = shape.channels;
    let mut grad_x = take(x.len());
    let images = x
        .chunks(shape.image_size())
        .zip(grad.chunks(shape.image_size()))
        .zip(grad_x.chunks_mut(shape.image_size()))
        .zip(statistics.chunks(options.groups * 2))
        .enumerate();
    let image_sums = parallel::map(images.collect(), |(image, values)| {
        let (((x, grad), grad_x), statistics) = values;
        let addend = addend.map(|addend| &addend[image * shape.image_size()..]);
        let size = shape.chunk_size();
        let shift = norm.shift_of(image);
        let affine = Affine::new(statistics, gamma, beta, &shift);
        let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
        let normalise = Affine::new(statistics, &ones, &zeros, &shift);

        // `grad_x` holds the gradient before SiLU between the two passes.
        let chunks = x
            .chunks(size)
            .zip(grad.chunks(size))
            .zip(grad_x.chunks_mut(size));
        let sums = parallel::map(chunks.collect(), |((x, grad), grad_y)| {
            if options.silu {
                silu_backward(x, grad, &affine.scale, &affine.shift, grad_y);
            } else {
                grad_y.copy_from_slice(grad);
            }
            grad_sums(x, grad_y, &normalise.scale, &normalise.shift)
        });
        let sums = total(sums, channels);

        let coefficients = input_coefficients(&sums, statistics, gamma, &shift, shape);
        let chunks = x.chunks(size).zip(grad_x.chunks_mut(size)).enumerate();
        parallel::for_each(chunks.collect(), |(index, (x, grad_x))| {
            combine(grad_x, x, &coefficients);
            if let Some(addend) = addend {
                add(grad_x, &addend[index * size..][..grad_x.len()]);
            }
        });
        sums
    });
    let ChannelSums { plain, product } = total(image_sums, channels);
    let to_f32 = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
    [grad_x, to_f32(product), to_f32(plain)]
}

/// `scale · x + shift` per channel, what a group normalisation with its affine map amounts to; the
/// shift before normalising is in it.
struct Affine {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Affine {
    fn new(statistics: &[f32], gamma: &[f32], beta: &[f32], before: &[f32]) -> Self {
        let per_group = gamma.len() / (statistics.len() / 2).max(1);
        let of_channel = |channel: usize| {
            let group = channel / per_group;
            (statistics[2 * group], statistics[2 * group + 1])
        };
        let scale: Vec<f32> = (gamma.iter().enumerate())
            .map(|(channel, gamma)| gamma * of_channel(channel).1)
            .collect();
        let shift = (beta.iter().zip(&scale).zip(before).enumerate())
            .map(|(channel, ((beta, scale), before))| {
                beta - scale * (of_channel(channel).0 - before)
            })
            .collect();
        Self { scale, shift }
    }
}

/// Writes mean and reciprocal standard deviation of every group of one image.
///
/// Every chunk is read twice while in cache, for its means and for the squares of the distances to
/// them; chunks and channels are then merged exactly (Chan, Golub & LeVeque 1979).
fn group_statistics(
    x: &[f32],
    shift: &[f32],
    shape: NormShape,
    options: GroupNormOptions,
    statistics: &mut [f32],
) {
    let channels = shape.channels;
    let per_group = channels / options.groups;
    let chunks = parallel::map(x.chunks(shape.chunk_size()).collect(), |x| {
        let mut mean = vec![0.0; channels];
        let mut squares = vec![0.0; channels];
        channel_moments(x, &mut mean, &mut squares);
        (x.len() / channels, mean, squares)
    });
    for (group, statistics) in statistics.chunks_exact_mut(2).enumerate() {
        let (mut count, mut mean, mut squares) = (0.0f64, 0.0f64, 0.0f64);
        for (pixels, means, squared) in &chunks {
            for channel in group * per_group..(group + 1) * per_group {
                let pixels = *pixels as f64;
                let distance = means[channel] as f64 + shift[channel] as f64 - mean;
                let merged = count + pixels;
                mean += distance * pixels / merged;
                squares += squared[channel] as f64 + distance * distance * count * pixels / merged;
                count = merged;
            }
        }
        let variance = squares / count.max(1.0);
        statistics[0] = mean as f32;
        statistics[1] = (1.0 / (variance + options.epsilon as f64).sqrt()) as f32;
    }
}

fn total(parts: Vec<ChannelSums>, channels: usize) -> ChannelSums {
    let mut sums = ChannelSums {
        plain: vec![0.0; channels],
        product: vec![0.0; channels],
    };
    for part in parts {
        for (sum, part) in sums.plain.iter_mut().zip(part.plain) {
            *sum += part;
        }
        for (sum, part) in sums.product.iter_mut().zip(part.product) {
            *sum += part;
        }
    }
    sums
}

/// dx = r · (ĝ - mean(ĝ) - x̂ · mean(ĝ · x̂)) with ĝ = γ · g and x̂ = r · (x + shift - mean), means
/// over the group.
fn input_coefficients(
    sums: &ChannelSums,
    statistics: &[f32],
    gamma: &[f32],
    shift: &[f32],
    shape: NormShape,
) -> InputCoefficients {
    let groups = (statistics.len() / 2).max(1);
    let per_group = shape.channels / groups;
    let count = (per_group * shape.pixels) as f64;
    let mut coefficients = InputCoefficients {
        grad_coef: Vec::with_capacity(shape.channels),
        x_coef: Vec::with_capacity(shape.channels),
        constant: Vec::with_capacity(shape.channels),
    };
    for group in 0..groups {
        let range = group * per_group..(group + 1) * per_group;
        let group_mean = |sums: &[f64]| {
            let weighted = range
                .clone()
                .map(|channel| sums[channel] * gamma[channel] as f64);
            weighted.sum::<f64>() / count
        };
        let mean_grad = group_mean(&sums.plain);
        let mean_product = group_mean(&sums.product);
        let mean = statistics[2 * group] as f64;
        let r = statistics[2 * group + 1] as f64;
        let x_coef = -r * r * mean_product;
        for channel in range {
            coefficients
                .grad_coef
                .push((r * gamma[channel] as f64) as f32);
            coefficients.x_coef.push(x_coef as f32);
            let constant = -r * mean_grad - x_coef * (mean - shift[channel] as f64);
            coefficients.constant.push(constant as f32);
        }
    }
    coefficients
}
