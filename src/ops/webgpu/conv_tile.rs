//! How the work of a convolution is divided between workgroups and threads.
//!
//! A good division gives every thread many sums, since a number read from workgroup memory then takes part
//! in many multiply-adds, and the GPU many workgroups: cards have 20 to 132 units, each runs several
//! workgroups at a time, and where the last turn leaves most units without work, they wait. Small images
//! have too few pixels for both; then several threads, its parts, share each sum.
//!
//! All keep to 256 threads and 16 KiB of workgroup memory.

use crate::ops::ConvGeometry;

/// The largest tile that gives at least this many workgroups is taken, and otherwise the smallest.
const ENOUGH_WORKGROUPS: usize = 250;

/// Workgroups to aim for where a weight gradient's pixels are divided between several: a little below a
/// multiple of 20, 32, 40, 64, 80, 128 and 132 units.
const SPLIT_WORKGROUPS: usize = 384;

/// Fewer pixels than this are not worth a partial sum of their own, which is written and read again.
const MIN_PIXELS_PER_SPLIT: usize = 128;

/// A tile of a matrix product, for `conv.wgsl` and `conv_weight.wgsl`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    /// Rows of the product per workgroup: pixels, or rows of the weight gradient.
    pub rows: usize,
    /// Columns, which are channels.
    pub columns: usize,
    /// Rows per thread.
    pub thread_rows: usize,
    /// Columns per thread, a multiple of 4.
    pub thread_columns: usize,
    /// Threads that share a sum.
    pub parts: usize,
    /// Numbers along the summed dimension that a workgroup copies at once.
    pub depth: usize,
}

const fn tile(
    [rows, columns]: [usize; 2],
    [thread_rows, thread_columns]: [usize; 2],
    parts: usize,
    depth: usize,
) -> Tile {
    Tile {
        rows,
        columns,
        thread_rows,
        thread_columns,
        parts,
        depth,
    }
}

impl Tile {
    /// For `pixels` of `channels` channels.
    pub(super) fn for_pixels(pixels: usize, channels: usize) -> Self {
        let candidates: &[Tile] = match channels {
            0..=4 => &[tile([32, 4], [1, 4], 8, 32)],
            5..=16 => &[tile([64, 16], [4, 4], 4, 16)],
            _ if channels.is_multiple_of(64) => &[
                tile([64, 64], [8, 8], 2, 16),
                tile([32, 32], [8, 4], 4, 32),
                tile([16, 32], [4, 4], 8, 32),
            ],
            _ => &[
                tile([64, 32], [8, 4], 4, 16),
                tile([32, 32], [8, 4], 4, 32),
                tile([16, 32], [4, 4], 8, 32),
            ],
        };
        largest(candidates, |tile| {
            pixels.div_ceil(tile.rows) * channels.div_ceil(tile.columns)
        })
    }

    /// For the gradient of a weight of `rows` rows, taps times input channels, and `channels` output
    /// channels, summed over `pixels`.
    pub(super) fn for_weights(rows: usize, channels: usize, pixels: usize) -> Self {
        let candidates: &[Tile] = match channels {
            0..=4 => &[tile([64, 4], [4, 4], 16, 32)],
            5..=16 => &[tile([64, 16], [4, 4], 4, 16)],
            _ if rows.is_multiple_of(64) && channels.is_multiple_of(64) => {
                &[tile([64, 64], [8, 4], 2, 16), tile([32, 32], [8, 4], 4, 16)]
            }
            _ => &[tile([32, 32], [8, 4], 4, 16)],
        };
        largest(candidates, |tile| {
            rows.div_ceil(tile.rows)
                * channels.div_ceil(tile.columns)
                * pixels.div_ceil(MIN_PIXELS_PER_SPLIT)
        })
    }

    pub(super) fn threads(self) -> usize {
        self.rows / self.thread_rows * (self.columns / self.thread_columns) * self.parts
    }

    /// Copies of one vec4 by each thread, for the two operands of one round.
    pub(super) fn loads(self) -> [usize; 2] {
        [self.rows, self.columns].map(|side| (side * self.depth / 4).div_ceil(self.threads()))
    }

    /// How many of the `pixels` that a weight gradient sums up each workgroup takes, where `tiles` workgroups
    /// cover the gradient.
    pub(super) fn pixels_per_split(self, pixels: usize, tiles: usize) -> usize {
        let pixels_per_split = pixels.div_ceil(SPLIT_WORKGROUPS.div_ceil(tiles));
        pixels_per_split
            .max(MIN_PIXELS_PER_SPLIT)
            .next_multiple_of(self.depth)
    }
}

/// A patch of an image, for `conv_patch.wgsl`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patch {
    /// Lines of target pixels per workgroup; a thread has one.
    pub lines: usize,
    /// Pixels of a line.
    pub width: usize,
    /// Channels of the target per workgroup.
    pub channels: usize,
    /// Channels of the target per thread, a multiple of 4.
    pub thread_channels: usize,
    /// Threads that share a sum.
    pub parts: usize,
    /// Channels of the source that a workgroup copies at once, a multiple of 4.
    pub source_channels: usize,
}

const fn patch(
    [lines, width]: [usize; 2],
    [channels, thread_channels]: [usize; 2],
    parts: usize,
    source_channels: usize,
) -> Patch {
    Patch {
        lines,
        width,
        channels,
        thread_channels,
        parts,
        source_channels,
    }
}

impl Patch {
    /// For a 3×3 convolution of stride 1 onto `target`, `[n, h, w, c]`, or the gradient of its input, if
    /// patches cover the images without much waste.
    pub(super) fn choose(
        target: [usize; 4],
        source_channels: usize,
        geometry: ConvGeometry,
    ) -> Option<Self> {
        let [_, _, width, channels] = target;
        let fits = geometry.kernel == 3
            && geometry.stride == 1
            && geometry.padding <= 2
            && in_vec4s(channels)
            && in_vec4s(source_channels);
        if !fits {
            return None;
        }
        // With 8 rather than 4 pixels a thread reads less; with 4 there are more workgroups.
        let candidates: &[Patch] = match channels {
            0..=4 => &[patch([8, 8], [4, 4], 12, 16)],
            5..=16 => &[patch([8, 8], [16, 4], 6, 8)],
            _ if source_channels < 8 => &[patch([8, 8], [32, 4], 3, 4)],
            _ if channels.is_multiple_of(64) => &[
                patch([8, 8], [64, 8], 3, 4),
                patch([4, 8], [32, 4], 6, 8),
                patch([4, 4], [32, 4], 6, 8),
            ],
            _ => &[
                patch([16, 8], [32, 4], 2, 8),
                patch([4, 8], [32, 4], 6, 8),
                patch([4, 4], [32, 4], 6, 8),
            ],
        };
        let candidates: Vec<Patch> = candidates
            .iter()
            .copied()
            .filter(|patch| {
                let one_round =
                    source_channels < patch.source_channels && patch.source_channels == 4;
                width.is_multiple_of(patch.width)
                    && (source_channels.is_multiple_of(patch.source_channels) || one_round)
            })
            .collect();
        if candidates.is_empty() {
            return None;
        }
        Some(largest(&candidates, |patch| {
            target[0] * patch.grid(target).iter().product::<usize>()
        }))
    }

    /// Patches from top to bottom and from left to right, and tiles of channels.
    pub(super) fn grid(self, [_, height, width, channels]: [usize; 4]) -> [usize; 3] {
        [
            height.div_ceil(self.lines),
            width.div_ceil(self.width),
            channels.div_ceil(self.channels),
        ]
    }

    pub(super) fn threads(self) -> usize {
        self.lines * (self.channels / self.thread_channels) * self.parts
    }

    /// Units, a line of taps of one quad of channels, that each part adds up in a round.
    pub(super) fn steps(self, kernel: usize) -> usize {
        kernel * self.source_channels / 4 / self.parts
    }

    /// Copies of one vec4 by each thread, for the pixels and the weights of one round.
    pub(super) fn loads(self, kernel: usize) -> [usize; 2] {
        let pixels = (self.lines + kernel - 1) * (self.width + kernel - 1);
        let weights = kernel * kernel * self.channels;
        [pixels, weights].map(|number| (number * self.source_channels / 4).div_ceil(self.threads()))
    }
}

/// A patch of an image, for `conv_patch_weight.wgsl`.
#[derive(Debug, Clone, Copy)]
pub(super) struct WeightPatch {
    /// Lines of output pixels that a workgroup copies at once, a multiple of `parts`.
    pub lines: usize,
    /// Pixels of a line.
    pub width: usize,
    /// Input channels per workgroup; a thread has four, and one line of taps.
    pub x_channels: usize,
    /// Output channels per workgroup.
    pub channels: usize,
    /// Output channels per thread, a multiple of 4.
    pub thread_channels: usize,
    /// Threads that share a sum.
    pub parts: usize,
    /// Vec4s of sums of each thread that workgroup memory holds at once.
    pub cells_at_once: usize,
}

const fn weight_patch(
    [lines, width]: [usize; 2],
    [x_channels, channels]: [usize; 2],
    parts: usize,
    cells_at_once: usize,
) -> WeightPatch {
    WeightPatch {
        lines,
        width,
        x_channels,
        channels,
        thread_channels: 4,
        parts,
        cells_at_once,
    }
}

impl WeightPatch {
    /// For a 3×3 convolution of stride 1 onto `output`, `[n, h, w, c]`, if patches cover the images without
    /// much waste.
    pub(super) fn choose(
        output: [usize; 4],
        channels_in: usize,
        geometry: ConvGeometry,
    ) -> Option<Self> {
        let [_, _, width, channels] = output;
        let fits = geometry.kernel == 3
            && geometry.stride == 1
            && in_vec4s(channels_in)
            && in_vec4s(channels)
            && width.is_multiple_of(4);
        if !fits {
            return None;
        }
        let mut patch = match (channels_in, channels) {
            (_, 0..=4) => weight_patch([4, 8], [32, 4], 4, 2),
            (0..=4, _) => weight_patch([8, 8], [4, 32], 8, 1),
            (_, 5..=16) => weight_patch([4, 8], [16, 16], 4, 2),
            _ => weight_patch([4, 8], [8, 32], 4, 2),
        };
        if !width.is_multiple_of(8) {
            (patch.lines, patch.width) = (2 * patch.lines, patch.width / 2);
        }
        Some(patch)
    }

    /// Patches from top to bottom and from left to right.
    pub(super) fn grid(self, [_, height, width, _]: [usize; 4]) -> [usize; 2] {
        [height.div_ceil(self.lines), width.div_ceil(self.width)]
    }

    /// Tiles of the gradient along input and output channels.
    pub(super) fn tiles(self, channels_in: usize, channels: usize) -> [usize; 2] {
        [
            channels_in.div_ceil(self.x_channels),
            channels.div_ceil(self.channels),
        ]
    }

    /// Into how many partial sums the sum over `patches` is divided, where `tiles` workgroups cover the
    /// gradient.
    pub(super) fn splits(self, patches: usize, tiles: usize) -> usize {
        let min_patches = MIN_PIXELS_PER_SPLIT.div_ceil(self.lines * self.width);
        let worthwhile = (patches / min_patches).max(1);
        SPLIT_WORKGROUPS.div_ceil(tiles).min(worthwhile)
    }

    pub(super) fn threads(self, kernel: usize) -> usize {
        kernel * (self.x_channels / 4) * (self.channels / self.thread_channels) * self.parts
    }

    /// Copies of one vec4 by each thread, for x and the gradient of one patch.
    pub(super) fn loads(self, kernel: usize) -> [usize; 2] {
        let x_pixels = (self.lines + kernel - 1) * (self.width + kernel - 1);
        let x = x_pixels * self.x_channels / 4;
        let grad = self.lines * self.width * self.channels / 4;
        [x, grad].map(|number| number.div_ceil(self.threads(kernel)))
    }
}

/// Whether the patches' shaders can read this many channels: vec4s of one pixel, or a part of one.
fn in_vec4s(channels: usize) -> bool {
    channels.is_multiple_of(4) || channels < 4
}

/// The first, and so the largest, of `candidates` of which there are enough, or the last.
fn largest<T: Copy>(candidates: &[T], workgroups: impl Fn(&T) -> usize) -> T {
    let enough = candidates
        .iter()
        .find(|candidate| workgroups(candidate) >= ENOUGH_WORKGROUPS);
    *enough.unwrap_or(&candidates[candidates.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const VEC4: usize = 16;
    const KERNEL: usize = 3;

    fn assert_fits(what: &str, threads: usize, vec4s: usize) {
        assert!(threads <= 256, "{what}: {threads} threads");
        assert!(vec4s * VEC4 <= 16_384, "{what}: {} bytes", vec4s * VEC4);
    }

    /// Sizes of images and channels that reach every tile and patch.
    fn cases() -> impl Iterator<Item = ([usize; 4], usize)> {
        let channels = [1, 3, 4, 8, 12, 16, 24, 32, 36, 64, 68, 96, 128];
        let images = [(1, 1), (16, 4), (16, 8), (16, 12), (16, 32), (256, 32)];
        images.into_iter().flat_map(move |(batch, side)| {
            channels
                .into_iter()
                .flat_map(move |from| channels.map(|to| ([batch, side, side, to], from)))
        })
    }

    #[test]
    fn tiles_fit_into_every_gpu() {
        for ([batch, height, width, channels], channels_in) in cases() {
            let tile = Tile::for_pixels(batch * height * width, channels);
            let what = format!("{tile:?}");
            let groups = tile.rows / tile.thread_rows;
            let columns = tile.columns / tile.thread_columns;
            let steps = tile.depth / 4 / tile.parts;
            assert_eq!(steps * 4 * tile.parts, tile.depth, "{what}");
            // A thread copies the same quad of k of every pixel.
            assert_eq!(tile.threads() % (tile.depth / 4), 0, "{what}");
            let weights = (tile.thread_columns * steps).max(groups) | 1;
            let source = (tile.thread_rows * steps) | 1;
            let vec4s = tile.parts * (weights * columns + source * groups);
            assert_fits(&what, tile.threads(), vec4s);

            let tile = Tile::for_weights(
                KERNEL * KERNEL * channels_in,
                channels,
                batch * height * width,
            );
            let what = format!("{tile:?}");
            let groups = tile.rows / tile.thread_rows;
            let columns = tile.columns / tile.thread_columns;
            let steps = tile.depth / tile.parts;
            assert_eq!(steps * tile.parts, tile.depth, "{what}");
            let x = tile.thread_rows / 4 * steps + 1;
            let grad = tile.thread_columns / 4 * steps + 1;
            assert!(columns <= x, "{what}: sums of parts");
            assert_fits(
                &what,
                tile.threads(),
                tile.parts * (x * groups + grad * columns),
            );
        }
    }

    #[test]
    fn patches_fit_into_every_gpu() {
        let geometry = ConvGeometry {
            kernel: KERNEL,
            stride: 1,
            padding: 1,
            upsample: false,
        };
        for (target, channels_in) in cases() {
            if let Some(patch) = Patch::choose(target, channels_in, geometry) {
                let what = format!("{patch:?}");
                let quads = patch.source_channels / 4;
                let steps = patch.steps(KERNEL);
                assert_eq!(steps * patch.parts, KERNEL * quads, "{what}");
                let columns = patch.channels / patch.thread_channels;
                let weights = (steps * KERNEL * patch.thread_channels).max(patch.lines) | 1;
                let source = (patch.width + KERNEL - 1) | 1;
                let vec4s =
                    weights * patch.parts * columns + source * (patch.lines + KERNEL - 1) * quads;
                assert_fits(&what, patch.threads(), vec4s);
            }
            if let Some(patch) = WeightPatch::choose(target, channels_in, geometry) {
                let what = format!("{patch:?}");
                let threads = patch.threads(KERNEL);
                assert_eq!(patch.lines % patch.parts, 0, "{what}");
                // The bias gradient: a thread copies numbers of the same channels only.
                assert_eq!(threads % (patch.channels / 4), 0, "{what}");
                let cells = KERNEL * patch.thread_channels;
                assert_eq!(cells % patch.cells_at_once, 0, "{what}");
                let x = (patch.width + KERNEL - 1) | 1;
                let x_rows = (patch.lines + KERNEL - 1) * patch.x_channels / 4;
                let grad = (patch.width | 1) * patch.lines * patch.channels / 4;
                let vec4s = x * x_rows + grad + patch.cells_at_once * threads;
                assert_fits(&what, threads, vec4s);
            }
        }
    }
}
