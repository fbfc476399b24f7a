//! What moves and sums channels of feature maps `[n, h, w, c]`.

use super::memory::take;
use super::parallel;
use super::vectorised::vectorised;

/// Pixels that a thread takes at a time.
const CHUNK_PIXELS: usize = 1024;

/// Pixels whose sum is formed before it is added to that of others.
const SUM_PIXELS: usize = 64;

/// Sums over the `pixels` of each image of `x` `[n, pixels, channels]`: `[n, channels]`.
pub fn sum_pixels(x: &[f32], pixels: usize, channels: usize) -> Vec<f32> {
    let mut sums = vec![0.0; x.len() / pixels.max(1)];
    let images = x.chunks((pixels * channels).max(1));
    let images = images.zip(sums.chunks_mut(channels.max(1)));
    parallel::for_each(images.collect(), |(x, sums)| {
        for x in x.chunks((SUM_PIXELS * channels).max(1)) {
            add_rows(sums, x);
        }
    });
    sums
}

/// The channels of `first` followed by those of `second`, of which pixels have `channels`.
pub fn concat(first: &[f32], second: &[f32], channels: [usize; 2]) -> Vec<f32> {
    let mut both = take(first.len() + second.len());
    let [a, b] = channels;
    let chunks = first.chunks((CHUNK_PIXELS * a).max(1));
    let chunks = chunks.zip(second.chunks((CHUNK_PIXELS * b).max(1)));
    let chunks = chunks.zip(both.chunks_mut((CHUNK_PIXELS * (a + b)).max(1)));
    parallel::for_each(chunks.collect(), |((first, second), both)| {
        let pixels = first.chunks_exact(a).zip(second.chunks_exact(b));
        for ((first, second), both) in pixels.zip(both.chunks_exact_mut(a + b)) {
            both[..a].copy_from_slice(first);
            both[a..].copy_from_slice(second);
        }
    });
    both
}

/// The opposite of [`concat`].
pub fn split(both: &[f32], channels: [usize; 2]) -> [Vec<f32>; 2] {
    let [a, b] = channels;
    let pixels = both.len() / (a + b).max(1);
    let (mut first, mut second) = (take(pixels * a), take(pixels * b));
    let chunks = first.chunks_mut((CHUNK_PIXELS * a).max(1));
    let chunks = chunks.zip(second.chunks_mut((CHUNK_PIXELS * b).max(1)));
    let chunks = chunks.zip(both.chunks((CHUNK_PIXELS * (a + b)).max(1)));
    parallel::for_each(chunks.collect(), |((first, second), both)| {
        let pixels = first.chunks_exact_mut(a).zip(second.chunks_exact_mut(b));
        for ((first, second), both) in pixels.zip(both.chunks_exact(a + b)) {
            first.copy_from_slice(&both[..a]);
            second.copy_from_slice(&both[a..]);
        }
    });
    [first, second]
}

vectorised! {
    /// Adds the sum of the rows of `values` to `total`, one row. The rows' own sum is formed first,
    /// so that what is added to a large total is not small.
    pub fn add_rows(total: &mut [f32], values: &[f32]) {
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
