//! Convolutions with 3×3 kernels by Winograd's minimal filtering algorithm F(2×2, 3×3) (Lavin &
//! Gray 2016, "Fast algorithms for convolutional neural networks"): for a tile of 2 × 2 outputs 16
//! products for each pair of channels instead of 36.
//!
//! y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A for a kernel g and the 4 × 4 inputs d under a tile. Summed over
//! the input channels, ⊙ is a matrix product for each of the 16 places: tiles by channels times
//! channels by channels. The gradients are the adjoint maps: with respect to the input it is a
//! convolution again, with respect to the kernel Gᵀ [Σ (Bᵀ d B) ⊙ (A dy Aᵀ)] G.
//!
//! Of an input that is upsampled, every pixel repeated 2 × 2 times, the two rows in the middle of d
//! are the same. The third row of Bᵀ is their difference, so 9 places are left.

use std::ops::Range;

use super::kernel_places::{KernelPlaces, adjoint};
use super::maps::add_rows;
use super::matrix::Matrix;
use super::memory::{give_back, take};
use super::parallel;
use super::patches::{ConvShape, with_scratch};
use super::product::{multiply, multiply_add, with_panels};
use super::tiles::{Addends, Columns, MIN_CHANNELS, Places, TileRow, gather, scatter};

/// Tiles that are transformed at a time, about: with the kernels their values should stay in a
/// core's L2 cache, and products need some rows to be worth the reads of the kernels.
const BLOCK_TILES: usize = 64;

/// Most partial sums of a weight gradient; also the most threads it can use.
const WEIGHT_CHUNKS: usize = 8;

/// Fewest tiles per partial sum: below this, adding the partial sums up costs more than threads
/// gain.
const WEIGHT_CHUNK_TILES: usize = 128;

/// Whether convolutions of this shape are computed here.
pub fn suits(shape: &ConvShape) -> bool {
    let geometry = shape.geometry;
    geometry.kernel == 3
        && geometry.stride == 1
        && geometry.padding <= 2
        && (!geometry.upsample || geometry.padding == 1)
        && shape.inputs.min(shape.outputs) >= MIN_CHANNELS
}

/// A map whose tiles are transformed.
#[derive(Debug, Clone, Copy)]
struct Map<'a> {
    values: &'a [f32],
    /// `[height, width]`
    size: [usize; 2],
    channels: usize,
    /// Rows, and columns, before the first pixel.
    padding: usize,
    /// Rows, and columns, of a pixel.
    repeat: usize,
}

/// Tiles of all images, row by row.
#[derive(Debug, Clone, Copy)]
struct Tiling {
    batch: usize,
    /// `[rows, columns]` of tiles of an image.
    tiles: [usize; 2],
    places: Places,
}

impl Tiling {
    /// Of outputs of `size` `[height, width]`.
    fn new(batch: usize, size: [usize; 2], places: Places) -> Self {
        Self {
            batch,
            tiles: size.map(|side| side.div_ceil(2)),
            places,
        }
    }

    /// Rows of tiles of all images.
    fn rows(&self) -> usize {
        self.batch * self.tiles[0]
    }

    /// Rows of tiles that are transformed at a time.
    fn block(&self) -> usize {
        (BLOCK_TILES / self.tiles[1].max(1)).max(1)
    }

    /// Where the places of a row of tiles go among those of `rows`.
    fn tile_row(&self, rows: &Range<usize>, row: usize) -> TileRow {
        let count = self.tiles[1];
        TileRow {
            first: (row - rows.start) * count,
            count,
            all: rows.len() * count,
        }
    }

    /// Numbers by place of some rows of tiles.
    fn values(&self, rows: usize, channels: usize) -> usize {
        self.places.count() * rows * self.tiles[1] * channels
    }

    /// Numbers that [`gather`] takes for its own use.
    fn halves(&self, channels: usize) -> usize {
        4 * (2 * self.tiles[1] + 2) * channels
    }

    /// Transforms tiles of `INPUTS` × `INPUTS` pixels in `rows` of tiles.
    fn gather<const INPUTS: usize>(
        &self,
        map: &Map,
        rows: &Range<usize>,
        halves: &mut [f32],
        values: &mut [f32],
    ) {
        let [height, width] = map.size;
        let length = width * map.channels;
        let outside = vec![0.0; length];
        let columns = Columns {
            width,
            padding: map.padding,
            repeat: map.repeat,
        };
        for row in rows.clone() {
            let (image, top) = (row / self.tiles[0], 2 * (row % self.tiles[0]));
            let pixels: [&[f32]; INPUTS] = std::array::from_fn(|i| {
                let y = (top + i).checked_sub(map.padding).map(|y| y / map.repeat);
                match y {
                    Some(y) if y < height => &map.values[(image * height + y) * length..][..length],
                    _ => &outside,
                }
            });
            let tiles = self.tile_row(rows, row);
            gather(
                pixels,
                columns,
                map.channels,
                self.places,
                tiles,
                halves,
                values,
            );
        }
    }
}

/// `x` `[n, h, w, c_in]` convolved with `weight` `[3, 3, c_in, c_out]` plus `bias` `[c_out]` and
/// `addend`: `[n, h', w', c_out]`.
pub fn forward(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    addend: Option<&[f32]>,
    shape: &ConvShape,
) -> Vec<f32> {
    let places = places(shape);
    let kernels = KernelPlaces::new(weight, [shape.inputs, shape.outputs], places, false);
    let tiling = Tiling::new(shape.batch, shape.output_size(), places);
    let output = Output {
        size: shape.output_size(),
        bias,
        addend,
        folded: false,
    };
    convolve(&input_map(x, shape), kernels, tiling, output)
}

/// Gradient of [`forward`] with respect to `x`, plus `addend`, `[n, h, w, c_in]`, from `grad`
/// `[n, h', w', c_out]`.
pub fn grad_input(
    grad: &[f32],
    weight: &[f32],
    addend: Option<&[f32]>,
    shape: &ConvShape,
) -> Vec<f32> {
    let places = places(shape);
    let kernels = KernelPlaces::new(weight, [shape.inputs, shape.outputs], places, true);
    let size = [shape.height, shape.width];
    let repeat = shape.geometry.repeat();
    let tiling = Tiling::new(shape.batch, size.map(|side| side * repeat), places);
    let map = Map {
        values: grad,
        size: shape.output_size(),
        channels: shape.outputs,
        padding: 2 - shape.geometry.padding,
        repeat: 1,
    };
    let output = Output {
        size,
        bias: &vec![0.0; shape.inputs],
        addend,
        folded: shape.geometry.upsample,
    };
    convolve(&map, kernels, tiling, output)
}

fn places(shape: &ConvShape) -> Places {
    if shape.geometry.upsample {
        Places::WithoutThird
    } else {
        Places::All
    }
}

fn input_map<'a>(x: &'a [f32], shape: &ConvShape) -> Map<'a> {
    Map {
        values: x,
        size: [shape.height, shape.width],
        channels: shape.inputs,
        padding: shape.geometry.padding,
        repeat: shape.geometry.repeat(),
    }
}

/// The map that a convolution makes.
struct Output<'a> {
    /// `[height, width]`
    size: [usize; 2],
    bias: &'a [f32],
    addend: Option<&'a [f32]>,
    /// Whether the 2 × 2 outputs of a tile are summed to one pixel.
    folded: bool,
}

impl Output<'_> {
    /// Rows of pixels under row `row` of tiles of an image.
    fn rows(&self, row: usize) -> usize {
        if self.folded {
            1
        } else {
            2.min(self.size[0] - 2 * row)
        }
    }
}

fn convolve(map: &Map, kernels: KernelPlaces, tiling: Tiling, output: Output) -> Vec<f32> {
    let channels = kernels.outputs;
    let [height, width] = output.size;
    let row_length = width * channels;
    let mut y = take(tiling.batch * height * row_length);
    let mut tasks = Vec::new();
    let (mut rest, mut start) = (y.as_mut_slice(), 0);
    for rows in blocks(0..tiling.rows(), tiling.block()) {
        let lengths = rows
            .clone()
            .map(|row| output.rows(row % tiling.tiles[0]) * row_length);
        let (own, others) = rest.split_at_mut(lengths.sum());
        tasks.push((rows, start, own));
        start += tasks.last().map_or(0, |(_, _, own)| own.len());
        rest = others;
    }
    parallel::for_each(tasks, |(rows, start, mut y)| {
        let sizes = [
            tiling.values(rows.len(), map.channels),
            tiling.values(rows.len(), channels),
            tiling.halves(map.channels),
        ];
        with_scratch(sizes.iter().sum(), |memory| {
            let (inputs, memory) = memory.split_at_mut(sizes[0]);
            let (outputs, halves) = memory.split_at_mut(sizes[1]);
            tiling.gather::<4>(map, &rows, halves, inputs);
            let by_place = |length: usize| (length / tiling.places.count()).max(1);
            let all = inputs.chunks_exact(by_place(sizes[0]));
            let all = all.zip(outputs.chunks_exact_mut(by_place(sizes[1])));
            for (place, (inputs, outputs)) in all.enumerate() {
                let inputs = Matrix::row_major(inputs, map.channels);
                multiply(outputs, inputs, kernels.panels(place));
            }
            let mut start = start;
            for row in rows.clone() {
                let length = output.rows(row % tiling.tiles[0]) * row_length;
                let (own, others) = std::mem::take(&mut y).split_at_mut(length);
                y = others;
                let pixels = output
                    .addend
                    .map_or(&[][..], |addend| &addend[start..start + length]);
                scatter(
                    outputs,
                    tiling.places,
                    output.folded,
                    channels,
                    width,
                    tiling.tile_row(&rows, row),
                    Addends {
                        bias: output.bias,
                        pixels,
                    },
                    own,
                );
                start += length;
            }
        });
    });
    kernels.give_back();
    y
}

/// Gradients of [`forward`] with respect to `weight` `[3, 3, c_in, c_out]` and `bias` `[c_out]`.
pub fn grad_weight(x: &[f32], grad: &[f32], shape: &ConvShape) -> (Vec<f32>, Vec<f32>) {
    let (inputs, outputs) = (shape.inputs, shape.outputs);
    let tiling = Tiling::new(shape.batch, shape.output_size(), places(shape));
    let count = tiling.places.count();
    let x = input_map(x, shape);
    let grad = Map {
        values: grad,
        size: shape.output_size(),
        channels: outputs,
        padding: 0,
        repeat: 1,
    };
    let pairs = inputs * outputs;
    let rows = tiling.rows();
    let chunks = (rows * tiling.tiles[1] / WEIGHT_CHUNK_TILES).clamp(1, WEIGHT_CHUNKS);
    let chunk = rows
        .div_ceil(chunks)
        .next_multiple_of(tiling.block())
        .max(1);
    let chunks = blocks(0..rows, chunk).collect();
    // The places of the kernels' gradients, and the bias's.
    let total = parallel::sum(chunks, count * pairs + outputs, |rows, sums| {
        let (weight, bias) = sums.split_at_mut(count * pairs);
        for rows in blocks(rows, tiling.block()) {
            let sizes = [
                tiling.values(rows.len(), inputs),
                tiling.values(rows.len(), outputs),
                tiling.halves(inputs.max(outputs)),
            ];
            with_scratch(sizes.iter().sum(), |memory| {
                let (inputs, memory) = memory.split_at_mut(sizes[0]);
                let (grads, halves) = memory.split_at_mut(sizes[1]);
                tiling.gather::<4>(&x, &rows, halves, inputs);
                tiling.gather::<2>(&grad, &rows, halves, grads);
                let all = inputs.chunks_exact((sizes[0] / count).max(1));
                let all = all.zip(grads.chunks_exact((sizes[1] / count).max(1)));
                for ((inputs, grads), sums) in all.zip(weight.chunks_exact_mut(pairs)) {
                    let inputs = Matrix::row_major(inputs, shape.inputs).transposed();
                    with_panels(grads, outputs, |grads| multiply_add(sums, inputs, grads));
                }
                // The sum of a tile's gradients is the second place of its second row.
                let place = tiling.places.side() + 1;
                let tiles = sizes[1] / count;
                add_rows(bias, &grads[place * tiles..][..tiles]);
            });
        }
    });
    let (places, bias) = total.split_at(count * pairs);
    let grads = (adjoint(places, pairs, tiling.places), bias.to_vec());
    give_back(total);
    grads
}

/// `range` in pieces of `size`, the last one shorter.
fn blocks(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range
        .step_by(size)
        .map(move |start| start..(start + size).min(end))
}
