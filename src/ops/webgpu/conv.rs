//! Convolution and its gradients as tiled matrix products; the tiling is explained in the `.wgsl`
//! files, the sizes of tiles in `conv_tile.rs`.
//!
//! Launches: 1 forward, 1 for the gradient of the input, 1 for those of weight and bias.

use crate::ops::{ConvGeometry, MixedPrecision};

#[cfg(not(target_family = "wasm"))]
use super::recording::Work;
use super::{
    conv_direct::{self, ConvShapes},
    conv_tile::{Patch, Tile, WeightPatch},
    device, half,
    launch::{bind, bind_map, launch},
    partial_sums,
    shader::Shader,
    tensor::{Primitive, allocate_map, contiguous, dimensions},
};

/// A convolution or the gradient of its input: `conv_patch.wgsl` where that fits, else `conv.wgsl`.
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
        let output = allocate_map(self.source, self.target, self.mixed_precision);
        let source @ [_, _, _, source_channels] = dimensions(self.source);
        let [_, _, _, channels] = self.target;
        let patch = Patch::choose(self.target, source_channels, self.geometry);
        let (shader, workgroups) = match patch {
            Some(patch) => self.by_patches(patch, &output),
            None => self.by_tiles(&output),
        };
        let weights = self.geometry.kernel.pow(2) * source_channels * channels;
        let mut bindings = vec![
            bind_map(self.source, source),
            bind(self.weight, [weights]),
            bind_map(&output, self.target),
        ];
        bindings.extend(self.bias.map(|bias| bind(bias, [channels])));
        bindings.extend((self.addend).map(|addend| bind_map(addend, self.target)));
        launch(shader, workgroups, &bindings);
        output
    }

    fn is_gradient(&self) -> bool {
        self.bias.is_none()
    }

    fn by_patches(&self, patch: Patch, output: &Primitive) -> (Shader, usize) {
        let text = concat!(
            include_str!("conv_common.wgsl"),
            include_str!("conv_patch.wgsl")
        );
        let [source_loads, weight_loads] = patch.loads(self.geometry.kernel);
        let [y, x, channels] = patch.grid(self.target);
        let shader = Shader::new("conv_patch", text, patch.threads())
            .flag("SPLIT", patch.parts > 1)
            .constant("PARTS", patch.parts)
            .constant("STEPS", patch.steps(self.geometry.kernel))
            .constant("QUADS", patch.source_channels / 4)
            .constant("GROUPS", patch.lines)
            .constant("ROWS", patch.width)
            .constant("TILE_CHANNELS", patch.channels)
            .constant("COLUMN_QUADS", patch.thread_channels / 4)
            .constant("SOURCE_LOADS", source_loads)
            .constant("WEIGHT_LOADS", weight_loads)
            .constant("PATCHES_Y", y)
            .constant("PATCHES_X", x)
            .constant("TILES_OF_CHANNELS", channels);
        (
            self.describe(shader, output),
            self.target[0] * y * x * channels,
        )
    }

    fn by_tiles(&self, output: &Primitive) -> (Shader, usize) {
        let text = concat!(include_str!("conv_common.wgsl"), include_str!("conv.wgsl"));
        let [batch, height, width, channels] = self.target;
        let [_, _, _, source_channels] = dimensions(self.source);
        // See the header of the shader: the gradient splits its pixels into phases.
        let stride = self.geometry.stride;
        let (phases, pixels) = if self.is_gradient() {
            let pixels = batch * height.div_ceil(stride) * width.div_ceil(stride);
            (stride * stride, pixels)
        } else {
            (1, batch * height * width)
        };
        let tile = Tile::for_pixels(pixels * phases, channels);
        let tiles = [pixels.div_ceil(tile.rows), channels.div_ceil(tile.columns)];
        let [source_loads, weight_loads] = tile.loads();
        let shader = Shader::new("conv", text, tile.threads())
            .flag("WHOLE_TAPS", source_channels.is_multiple_of(tile.depth))
            .flag("SPLIT", tile.parts > 1)
            .constant("PARTS", tile.parts)
            .constant("STEPS", tile.depth / 4 / tile.parts)
            .constant("DEPTH", tile.depth)
            .constant("GROUPS", tile.rows / tile.thread_rows)
            .constant("ROWS", tile.thread_rows)
            .constant("TILE_CHANNELS", tile.columns)
            .constant("COLUMN_QUADS", tile.thread_columns / 4)
            .constant("SOURCE_LOADS", source_loads)
            .constant("WEIGHT_LOADS", weight_loads)
            .constant("TILES_OF_PIXELS", tiles[0])
            .constant("TILES_OF_CHANNELS", tiles[1]);
        let workgroups = tiles[0] * tiles[1] * phases;
        (self.describe(shader, output), workgroups)
    }

    /// `shader` with what `conv_common.wgsl` wants to know.
    fn describe(&self, shader: Shader, output: &Primitive) -> Shader {
        let [batch, source_height, source_width, source_channels] = dimensions(self.source);
        let [_, height, width, channels] = self.target;
        // Neighbouring weights that are read at once; see the shaders.
        let weight_run = if self.is_gradient() {
            source_channels
        } else {
            channels
        };
        shader
            .flag("GRAD_INPUT", self.is_gradient())
            .flag("ADD", self.addend.is_some())
            .stored("Source", self.source)
            .stored("Target", output)
            .stored("Addend", self.addend)
            .flag("SOURCE_VEC4", source_channels.is_multiple_of(4))
            .flag("WEIGHT_VEC4", weight_run.is_multiple_of(4))
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
            .constant("STRIDE", self.geometry.stride)
            .constant("PADDING", self.geometry.padding)
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
    let shapes = ConvShapes {
        input,
        output,
        geometry,
    };
    #[cfg(not(target_family = "wasm"))]
    let _work = Work::convolution("forward", channels_in, output, geometry);
    if device::runs_on_cpu(&x.device) {
        return conv_direct::forward(&x, &weight, &bias, addend, repeat, shapes);
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
    let shapes = ConvShapes {
        input,
        output,
        geometry,
    };
    #[cfg(not(target_family = "wasm"))]
    let _work = Work::convolution("grad_input", channels, output, geometry);
    if device::runs_on_cpu(&grad.device) {
        return conv_direct::grad_input(&grad, &weight, addend, shapes);
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

/// See [`crate::ops::Kernels::conv2d_grad_weight`]; every pixel of `x` counts as `repeat` ×
/// `repeat` of them.
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
    let output @ [_, _, _, channels_out] = dimensions(&grad);
    let kernel = geometry.kernel;
    let shapes = ConvShapes {
        input,
        output,
        geometry,
    };
    #[cfg(not(target_family = "wasm"))]
    let _work = Work::convolution("grad_weight", channels_in, output, geometry);
    if device::runs_on_cpu(&x.device) {
        return conv_direct::grad_weight(&x, &grad, repeat, shapes);
    }
    let product = WeightProduct {
        x: &x,
        grad: &grad,
        repeat,
        geometry,
        mixed_precision,
    };
    let patch = WeightPatch::choose(output, channels_in, geometry);
    let (shader, workgroups, splits) = match patch {
        Some(patch) => product.by_patches(patch),
        None => product.by_tiles(),
    };
    let weight_shape = [splits, kernel, kernel, channels_in, channels_out];
    let weight_parts = partial_sums::allocate(&x, weight_shape);
    let bias_parts = partial_sums::allocate(&x, [splits, channels_out]);
    launch(
        shader,
        workgroups,
        &[
            bind_map(&x, [batch, height, width, channels_in]),
            bind_map(&grad, output),
            bind(&weight_parts, weight_shape),
            bind(&bias_parts, [splits, channels_out]),
        ],
    );
    (weight_parts, bias_parts)
}

/// The gradient of a weight: `conv_patch_weight.wgsl` where that fits, else `conv_weight.wgsl`.
/// Both ways tell the shader, the workgroups, and the partial sums that each number is split into.
struct WeightProduct<'a> {
    x: &'a Primitive,
    grad: &'a Primitive,
    repeat: usize,
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
}

impl WeightProduct<'_> {
    fn by_patches(&self, patch: WeightPatch) -> (Shader, usize, usize) {
        let kernel = self.geometry.kernel;
        let [_, _, _, channels_in] = dimensions(self.x);
        let output @ [batch, _, _, channels_out] = dimensions(self.grad);
        let [y, x] = patch.grid(output);
        let tiles = patch.tiles(channels_in, channels_out);
        let splits = patch.splits(batch * y * x, tiles[0] * tiles[1]);
        let [x_loads, grad_loads] = patch.loads(kernel);
        let text = include_str!("conv_patch_weight.wgsl");
        let shader = Shader::new("conv_patch_weight", text, patch.threads(kernel))
            .constant("LINES", patch.lines)
            .constant("WIDTH", patch.width)
            .constant("CHANNELS_OF_X", patch.x_channels)
            .constant("TILE_CHANNELS", patch.channels)
            .constant("COLUMN_QUADS", patch.thread_channels / 4)
            .constant("PARTS", patch.parts)
            .constant("STEPS", patch.lines / patch.parts)
            .constant("CELLS_AT_ONCE", patch.cells_at_once)
            .constant("X_LOADS", x_loads)
            .constant("GRAD_LOADS", grad_loads)
            .constant("PATCHES_Y", y)
            .constant("PATCHES_X", x)
            .constant("TILES_OF_X", tiles[0])
            .constant("TILES_OF_CHANNELS", tiles[1])
            .constant("SPLITS", splits);
        (self.describe(shader), tiles[0] * tiles[1] * splits, splits)
    }

    fn by_tiles(&self) -> (Shader, usize, usize) {
        let kernel = self.geometry.kernel;
        let [_, _, _, channels_in] = dimensions(self.x);
        let [batch, height, width, channels_out] = dimensions(self.grad);
        let rows = kernel * kernel * channels_in;
        let pixels = batch * height * width;
        let tile = Tile::for_weights(rows, channels_out, pixels);
        let tiles = [
            rows.div_ceil(tile.rows),
            channels_out.div_ceil(tile.columns),
        ];
        let [x_loads, grad_loads] = tile.loads();
        let pixels_per_split = tile.pixels_per_split(pixels, tiles[0] * tiles[1]);
        let splits = pixels.div_ceil(pixels_per_split);
        let text = include_str!("conv_weight.wgsl");
        let shader = Shader::new("conv_weight", text, tile.threads())
            .flag("SPLIT", tile.parts > 1)
            .constant("DEPTH", tile.depth)
            .constant("PARTS", tile.parts)
            .constant("STEPS", tile.depth / tile.parts)
            .constant("TILE_ROWS", tile.rows)
            .constant("TILE_CHANNELS", tile.columns)
            .constant("QUADS", tile.thread_rows / 4)
            .constant("COLUMN_QUADS", tile.thread_columns / 4)
            .constant("X_LOADS", x_loads)
            .constant("GRAD_LOADS", grad_loads)
            .constant("TILES_OF_ROWS", tiles[0])
            .constant("TILES_OF_CHANNELS", tiles[1])
            .constant("PIXELS_PER_SPLIT", pixels_per_split);
        (self.describe(shader), tiles[0] * tiles[1] * splits, splits)
    }

    /// `shader` with what both want to know.
    fn describe(&self, shader: Shader) -> Shader {
        let [batch, height, width, channels_in] = dimensions(self.x);
        let [_, height_out, width_out, channels_out] = dimensions(self.grad);
        shader
            .stored("X", self.x)
            .stored("Grad", self.grad)
            .float("UNSCALE", half::unscale(self.mixed_precision))
            .flag("X_VEC4", channels_in.is_multiple_of(4))
            .flag("GRAD_VEC4", channels_out.is_multiple_of(4))
            .constant("BATCH", batch)
            .constant("HEIGHT_IN", height * self.repeat)
            .constant("WIDTH_IN", width * self.repeat)
            .constant("REPEAT", self.repeat)
            .constant("CHANNELS_IN", channels_in)
            .constant("HEIGHT_OUT", height_out)
            .constant("WIDTH_OUT", width_out)
            .constant("CHANNELS_OUT", channels_out)
            .constant("KERNEL", self.geometry.kernel)
            .constant("STRIDE", self.geometry.stride)
            .constant("PADDING", self.geometry.padding)
    }
}
