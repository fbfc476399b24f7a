//! Convolution and its gradients as tiled matrix products; the tiling is explained in the `.wgsl`
//! files.
//!
//! Launches: 1 forward, 1 for the gradient of the input, 1 or 2 for those of weight and bias.

use crate::ops::{ConvGeometry, MixedPrecision};

use super::{
    conv_direct::{self, Walk},
    conv_parts::{bind_addend, pixels_per_addend, sum_parts},
    device, half,
    launch::{bind, bind_map, launch},
    shader::Shader,
    tensor::{Primitive, allocate, allocate_map, contiguous, dimensions},
};

/// Steps along the summed dimension that a workgroup copies at once. Two tiles of this depth fit
/// several times into 16 KiB, and barriers are few.
const DEPTH: usize = 16;

/// Workgroups that keep a GPU of the common sizes busy; fewer and smaller tiles are better.
const ENOUGH_WORKGROUPS: usize = 96;

/// How a workgroup's part of a matrix product is shared between its threads.
#[derive(Debug, Clone, Copy)]
struct Tile {
    /// Rows of the product per workgroup: pixels, or rows of the weight gradient.
    rows: usize,
    /// Columns, which are channels.
    columns: usize,
    /// Rows per thread; a thread has four columns.
    rows_per_thread: usize,
}

const fn tile(rows: usize, columns: usize, rows_per_thread: usize) -> Tile {
    Tile {
        rows,
        columns,
        rows_per_thread,
    }
}

impl Tile {
    fn threads(self) -> usize {
        self.rows / self.rows_per_thread * self.columns / 4
    }

    /// Copies of one vec4 by each thread, for the two operands of one step.
    fn loads(self) -> [usize; 2] {
        [self.rows, self.columns].map(|side| (side * DEPTH / 4).div_ceil(self.threads()))
    }
}

/// The largest tile that gives enough workgroups, and otherwise the smallest.
fn pixel_tile(pixels: usize, channels: usize) -> Tile {
    let candidates: &[Tile] = match channels {
        0..=4 => &[tile(128, 4, 2), tile(64, 4, 1)],
        5..=16 => &[tile(64, 16, 4), tile(32, 16, 2)],
        17..=32 => &[tile(128, 32, 8), tile(64, 32, 4), tile(32, 32, 4)],
        _ => &[tile(64, 64, 8), tile(64, 32, 4), tile(32, 32, 4)],
    };
    let enough = |tile: &&Tile| {
        pixels.div_ceil(tile.rows) * channels.div_ceil(tile.columns) >= ENOUGH_WORKGROUPS
    };
    *candidates
        .iter()
        .find(enough)
        .unwrap_or(&candidates[candidates.len() - 1])
}

/// The two uses of `conv.wgsl`.
struct Product<'a> {
    source: &'a Primitive,
    weight: &'a Primitive,
    bias: Option<&'a Primitive>,
    addend: Option<&'a Primitive>,
    /// A pixel of the source counts as this many in both directions.
    repeat: usize,
    target: [usize; 4],
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
}

impl Product<'_> {
    fn run(self) -> Primitive {
        let grad_input = self.bias.is_none();
        let [batch, source_height, source_width, source_channels] = dimensions(self.source);
        let [_, height, width, channels] = self.target;
        // See the header of the shader: the gradient splits its pixels into phases.
        let stride = self.geometry.stride;
        let (phases, pixels) = if grad_input {
            let pixels = batch * height.div_ceil(stride) * width.div_ceil(stride);
            (stride * stride, pixels)
        } else {
            (1, batch * height * width)
        };
        let tile = pixel_tile(pixels * phases, channels);
        let tiles = [pixels.div_ceil(tile.rows), channels.div_ceil(tile.columns)];
        let [source_loads, weight_loads] = tile.loads();

        let output = allocate_map(self.source, self.target, self.mixed_precision);
        let shader = Shader::new("conv", include_str!("conv.wgsl"), tile.threads())
            .flag("GRAD_INPUT", grad_input)
            .flag("ADD", self.addend.is_some())
            .constant(
                "PIXELS_PER_ADDEND",
                pixels_per_addend(self.addend, self.target),
            )
            .stored("Source", self.source)
            .stored("Target", &output)
            .stored("Addend", self.addend)
            .flag("SOURCE_VEC4", source_channels.is_multiple_of(4))
            .flag("WEIGHT_VEC4", !grad_input && channels.is_multiple_of(4))
            .flag("TARGET_VEC4", channels.is_multiple_of(4))
            .constant("BATCH", batch)
            .constant("SOURCE_HEIGHT", source_height * self.repeat)
            .constant("SOURCE_WIDTH", source_width * self.repeat)
            .constant("REPEAT", self.repeat)
            .constant("SOURCE_CHANNELS", source_channels)
            .constant("TARGET_HEIGHT", height)
            .constant("TARGET_WIDTH", width)
            .constant("TARGET_CHANNELS", channels)
            .constant("KERNEL", self.geometry.kernel)
            .constant("STRIDE", stride)
            .constant("PADDING", self.geometry.padding)
            .constant("DEPTH", DEPTH)
            .constant("TILE_PIXELS", tile.rows)
            .constant("TILE_CHANNELS", tile.columns)
            .constant("ROWS", tile.rows_per_thread)
            .constant("SOURCE_LOADS", source_loads)
            .constant("WEIGHT_LOADS", weight_loads)
            .constant("TILES_OF_PIXELS", tiles[0])
            .constant("TILES_OF_CHANNELS", tiles[1]);
        let weights = self.geometry.kernel.pow(2) * source_channels * channels;
        let mut bindings = vec![
            bind_map(
                self.source,
                [batch, source_height, source_width, source_channels],
            ),
            bind(self.weight, [weights]),
            bind_map(&output, self.target),
        ];
        bindings.extend(self.bias.map(|bias| bind(bias, [channels])));
        bindings.extend((self.addend).map(|addend| bind_addend(addend, self.target)));
        launch(shader, tiles[0] * tiles[1] * phases, &bindings);
        output
    }
}

/// See [`crate::ops::Kernels::conv2d_forward`] and its kin; every pixel of `x` counts as
/// `repeat` × `repeat` of them.
pub(super) fn forward(
    x: Primitive,
    weight: Primitive,
    bias: Primitive,
    addend: Option<Primitive>,
    repeat: usize,
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> Primitive {
    let (x, weight, bias) = (contiguous(x), contiguous(weight), contiguous(bias));
    let addend = addend.map(contiguous);
    let addend = addend.as_ref();
    let [batch, height, width, channels_in] = dimensions(&x);
    let input = [batch, height * repeat, width * repeat, channels_in];
    let [_, _, _, channels] = dimensions(&weight);
    let output = [
        batch,
        geometry.output_size(input[1]),
        geometry.output_size(input[2]),
        channels,
    ];
    let walk = Walk {
        input,
        output,
        geometry,
    };
    if device::runs_on_cpu(&x.device) {
        return conv_direct::forward(&x, &weight, &bias, addend, repeat, walk);
    }
    Product {
        source: &x,
        weight: &weight,
        bias: Some(&bias),
        addend,
        repeat,
        target: output,
        geometry,
        mixed_precision,
    }
    .run()
}

/// See [`crate::ops::Kernels::conv2d_grad_input`].
pub(super) fn grad_input(
    grad: Primitive,
    weight: Primitive,
    addend: Option<Primitive>,
    input_size: [usize; 2],
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> Primitive {
    let (grad, weight) = (contiguous(grad), contiguous(weight));
    let addend = addend.map(contiguous);
    let addend = addend.as_ref();
    let output: [usize; 4] = dimensions(&grad);
    let [_, _, channels, _] = dimensions(&weight);
    let input = [output[0], input_size[0], input_size[1], channels];
    let walk = Walk {
        input,
        output,
        geometry,
    };
    if device::runs_on_cpu(&grad.device) {
        return conv_direct::grad_input(&grad, &weight, addend, walk);
    }
    Product {
        source: &grad,
        weight: &weight,
        bias: None,
        addend,
        repeat: 1,
        target: input,
        geometry,
        mixed_precision,
    }
    .run()
}

/// Workgroups to aim for when the pixels of a weight gradient are split between several.
const SPLIT_WORKGROUPS: usize = 256;

/// Fewer pixels than this are not worth a partial sum of their own.
const MIN_PIXELS_PER_SPLIT: usize = 128;

fn weight_tile(rows: usize, channels: usize) -> Tile {
    match (rows, channels) {
        (_, 0..=4) => tile(128, 4, 4),
        (_, 5..=16) => tile(64, 16, 4),
        (0..=32, _) => tile(32, 32, 4),
        (_, 17..=32) => tile(64, 32, 4),
        _ => tile(64, 64, 8),
    }
}

/// See [`crate::ops::Kernels::conv2d_grad_weight`]; every pixel of `x` counts as `repeat` × `repeat` of
/// them.
pub(super) fn grad_weight(
    x: Primitive,
    grad: Primitive,
    repeat: usize,
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> (Primitive, Primitive) {
    let (x, grad) = (contiguous(x), contiguous(grad));
    let [batch, height, width, channels_in] = dimensions(&x);
    let (height_in, width_in) = (height * repeat, width * repeat);
    let input = [batch, height_in, width_in, channels_in];
    let output @ [_, height_out, width_out, channels_out] = dimensions(&grad);
    let kernel = geometry.kernel;
    let weight_shape = [kernel, kernel, channels_in, channels_out];
    let walk = Walk {
        input,
        output,
        geometry,
    };
    if device::runs_on_cpu(&x.device) {
        return conv_direct::grad_weight(&x, &grad, repeat, walk);
    }
    let rows = kernel * kernel * channels_in;
    let pixels = batch * height_out * width_out;

    let tile = weight_tile(rows, channels_out);
    let tiles = [
        rows.div_ceil(tile.rows),
        channels_out.div_ceil(tile.columns),
    ];
    let [x_loads, grad_loads] = tile.loads();
    let pixels_per_split = pixels
        .div_ceil(SPLIT_WORKGROUPS.div_ceil(tiles[0] * tiles[1]))
        .max(MIN_PIXELS_PER_SPLIT)
        .next_multiple_of(DEPTH);
    let splits = pixels.div_ceil(pixels_per_split);

    let parts = [
        allocate(&x, [splits, rows, channels_out]),
        allocate(&x, [splits, channels_out]),
    ];
    let shader = Shader::new(
        "conv_weight",
        include_str!("conv_weight.wgsl"),
        tile.threads(),
    )
    .stored("X", &x)
    .stored("Grad", &grad)
    .float("UNSCALE", half::unscale(mixed_precision))
    .flag("X_VEC4", channels_in.is_multiple_of(4))
    .flag("GRAD_VEC4", channels_out.is_multiple_of(4))
    .constant("BATCH", batch)
    .constant("HEIGHT_IN", height_in)
    .constant("WIDTH_IN", width_in)
    .constant("REPEAT", repeat)
    .constant("CHANNELS_IN", channels_in)
    .constant("HEIGHT_OUT", height_out)
    .constant("WIDTH_OUT", width_out)
    .constant("CHANNELS_OUT", channels_out)
    .constant("KERNEL", kernel)
    .constant("STRIDE", geometry.stride)
    .constant("PADDING", geometry.padding)
    .constant("DEPTH", DEPTH)
    .constant("TILE_ROWS", tile.rows)
    .constant("TILE_CHANNELS", tile.columns)
    .constant("QUADS", tile.rows_per_thread / 4)
    .constant("X_LOADS", x_loads)
    .constant("GRAD_LOADS", grad_loads)
    .constant("TILES_OF_ROWS", tiles[0])
    .constant("TILES_OF_CHANNELS", tiles[1])
    .constant("PIXELS_PER_SPLIT", pixels_per_split);
    let [weight_parts, bias_parts] = &parts;
    launch(
        shader,
        tiles[0] * tiles[1] * splits,
        &[
            bind_map(&x, [batch, height, width, channels_in]),
            bind_map(&grad, output),
            bind(weight_parts, [splits, rows, channels_out]),
            bind(bias_parts, [splits, channels_out]),
        ],
    );

    sum_parts(parts, splits, weight_shape)
}
