//! Convolution and its gradients as tiled matrix products; the tiling is explained in the `.wgsl`
//! files, the sizes of tiles in `conv_tile.rs`.
//!
//! Launches: 1 forward, 1 for the gradient of the input, 1 for those of weight and bias; a
//! projection shortcut takes part in them where [`can_project`] says so.

use crate::ops::{ConvGeometry, MixedPrecision};

#[cfg(not(target_family = "wasm"))]
use super::recording::Work;
use super::{
    conv_direct::{self, ConvShapes},
    conv_projection::{Added, Beside, WeightGrads},
    conv_tile::{Patch, Tile, WeightPatch},
    device, half,
    launch::{bind, bind_map, launch},
    shader::Shader,
    tensor::{Primitive, allocate_map, contiguous, dimensions},
};

/// A convolution or the gradient of its input: `conv_patch.wgsl` where that fits, else `conv.wgsl`.
struct Product<'a> {
    source: &'a Primitive,
    weight: &'a Primitive,
    target: [usize; 4],
    pass: Pass<'a>,
    options: Options,
}

/// Which of the two it is.
enum Pass<'a> {
    Forward {
        bias: &'a Primitive,
        added: &'a Added,
    },
    Gradient {
        beside: &'a Beside,
        shapes: ConvShapes,
    },
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// A pixel of the input counts as this many in both directions.
    repeat: usize,
    /// That of the convolution of these.
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
}

impl Options {
    pub(super) fn new(geometry: ConvGeometry, mixed_precision: MixedPrecision) -> Self {
        Self {
            repeat: geometry.repeat(),
            geometry: geometry.without_upsampling(),
            mixed_precision,
        }
    }

    /// Of a convolution of an input that is stored as `stored`.
    fn shapes(self, stored: [usize; 4], channels: usize) -> ConvShapes {
        let [batch, height, width, channels_in] = stored;
        let [height, width] = [height, width].map(|side| side * self.repeat);
        let [height_out, width_out] = [height, width].map(|side| self.geometry.output_size(side));
        ConvShapes {
            input: [batch, height, width, channels_in],
            output: [batch, height_out, width_out, channels],
            geometry: self.geometry,
            repeat: self.repeat,
        }
    }
}

/// Whether a projection of `shortcut_channels` takes part in the launches of a convolution of `x`
/// to `channels`, forward and backward.
pub(super) fn can_project(
    x: &Primitive,
    shortcut_channels: usize,
    channels: usize,
    options: Options,
) -> bool {
    let x_shape @ [_, _, _, channels_in] = dimensions(x);
    let shapes = options.shapes(x_shape, channels);
    let in_vec4s = [shortcut_channels, channels, channels_in]
        .iter()
        .all(|channels| channels.is_multiple_of(4));
    let same_size = shapes.input[..3] == shapes.output[..3] && options.repeat == 1;
    let geometry = options.geometry;
    in_vec4s
        && same_size
        && (device::runs_on_cpu(&x.device)
            || Patch::choose(shapes.output, channels_in, geometry).is_some()
                && Patch::choose(shapes.input, channels, geometry).is_some()
                && WeightPatch::choose(shapes.output, channels_in, geometry).is_some())
}

impl Product<'_> {
    fn run(self) -> Primitive {
        let output = allocate_map(self.source, self.target, self.options.mixed_precision);
        let source @ [_, _, _, source_channels] = dimensions(self.source);
        let [_, _, _, channels] = self.target;
        let geometry = self.options.geometry;
        let (shader, workgroups) = match Patch::choose(self.target, source_channels, geometry) {
            Some(patch) => self.by_patches(patch, &output),
            None => self.by_tiles(&output),
        };
        let weights = geometry.kernel.pow(2) * source_channels * channels;
        let mut bindings = vec![
            bind_map(self.source, source),
            bind(self.weight, [weights]),
            bind_map(&output, self.target),
        ];
        match &self.pass {
            Pass::Forward { bias, added } => {
                bindings.push(bind(bias, [channels]));
                bindings.extend(added.bindings(self.target));
            }
            Pass::Gradient { beside, shapes } => bindings.extend(beside.bindings(*shapes)),
        }
        launch(shader, workgroups, &bindings);
        output
    }

    fn is_gradient(&self) -> bool {
        matches!(self.pass, Pass::Gradient { .. })
    }

    /// Channels that are computed beside those of the target.
    fn more_channels(&self) -> usize {
        match &self.pass {
            Pass::Forward { .. } => 0,
            Pass::Gradient { beside, .. } => beside.shortcut_channels(),
        }
    }

    fn by_patches(&self, patch: Patch, output: &Primitive) -> (Shader, usize) {
        let text = concat!(
            include_str!("conv_common.wgsl"),
            include_str!("conv_projection.wgsl"),
            include_str!("conv_patch.wgsl")
        );
        let kernel = self.options.geometry.kernel;
        let [source_loads, weight_loads] = patch.loads(kernel);
        let [y, x, own_channels] = patch.grid(self.target);
        let channels = own_channels + self.more_channels().div_ceil(patch.channels);
        let shader = Shader::new("conv_patch", text, patch.threads())
            .flag("SPLIT", patch.parts > 1)
            .constant("PARTS", patch.parts)
            .constant("STEPS", patch.steps(kernel))
            .constant("QUADS", patch.source_channels / 4)
            .constant("GROUPS", patch.lines)
            .constant("ROWS", patch.width)
            .constant("TILE_CHANNELS", patch.channels)
            .constant("COLUMN_QUADS", patch.thread_channels / 4)
            .constant("SOURCE_LOADS", source_loads)
            .constant("WEIGHT_LOADS", weight_loads)
            .constant("PATCHES_Y", y)
            .constant("PATCHES_X", x)
            .constant("OWN_TILES_OF_CHANNELS", own_channels)
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
        let stride = self.options.geometry.stride;
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
        let Options {
            repeat, geometry, ..
        } = self.options;
        let shader = match &self.pass {
            Pass::Forward { added, .. } => added.specialise(shader),
            Pass::Gradient { beside, .. } => beside.specialise(shader.flag("GRAD_INPUT", true)),
        };
        shader
            .stored("Source", self.source)
            .stored("Target", output)
            .flag("SOURCE_VEC4", source_channels.is_multiple_of(4))
            .flag("WEIGHT_VEC4", weight_run.is_multiple_of(4))
            .flag("TARGET_VEC4", channels.is_multiple_of(4))
            .constant("BATCH", batch)
            .constant("SOURCE_HEIGHT", source_height * repeat)
            .constant("SOURCE_WIDTH", source_width * repeat)
            .constant("REPEAT", repeat)
            .constant("SOURCE_CHANNELS", source_channels)
            .constant("TARGET_HEIGHT", height)
            .constant("TARGET_WIDTH", width)
            .constant("TARGET_CHANNELS", channels)
            .constant("KERNEL", geometry.kernel)
            .constant("STRIDE", geometry.stride)
            .constant("PADDING", geometry.padding)
    }
}

/// See [`crate::ops::Kernels::conv2d_forward`] and [`crate::ops::Kernels::conv2d_project_forward`].
pub(super) fn forward(
    x: Primitive,
    weight: Primitive,
    bias: Primitive,
    added: Added,
    options: Options,
) -> Primitive {
    let (x, weight, bias) = (contiguous(x), contiguous(weight), contiguous(bias));
    let added = added.contiguous();
    let [_, _, _, channels] = dimensions(&weight);
    let shapes = options.shapes(dimensions(&x), channels);
    #[cfg(not(target_family = "wasm"))]
    let _work = Work::convolution("forward", shapes, added.shortcut_channels());
    if device::runs_on_cpu(&x.device) {
        return conv_direct::forward(&x, &weight, &bias, &added, shapes);
    }
    Product {
        source: &x,
        weight: &weight,
        target: shapes.output,
        pass: Pass::Forward {
            bias: &bias,
            added: &added,
        },
        options,
    }
    .run()
}

/// See [`crate::ops::Kernels::conv2d_grad_input`], but for upsampling.
pub(super) fn grad_input(
    grad: Primitive,
    weight: Primitive,
    addend: Option<Primitive>,
    input_size: [usize; 2],
    options: Options,
) -> Primitive {
    let beside = match addend {
        Some(addend) => Beside::Addend(contiguous(addend)),
        None => Beside::Nothing,
    };
    grad_input_beside(grad, weight, &beside, input_size, options)
}

/// See [`crate::ops::Kernels::conv2d_project_grad_inputs`], of a convolution whose input has no
/// other uses and of which [`can_project`] says so.
pub(super) fn grad_inputs(
    grad: Primitive,
    [weight, projection]: [Primitive; 2],
    addend: Option<Primitive>,
    options: Options,
) -> [Primitive; 2] {
    let [batch, height, width, _] = dimensions(&grad);
    let [_, _, shortcut_channels, _] = dimensions(&projection);
    let map = [batch, height, width, shortcut_channels];
    let grad_shortcut = allocate_map(&grad, map, options.mixed_precision);
    let beside = Beside::Projection {
        weight: contiguous(projection),
        grad: grad_shortcut.clone(),
        addend: addend.map(contiguous),
    };
    let grad_x = grad_input_beside(grad, weight, &beside, [height, width], options);
    [grad_x, grad_shortcut]
}

fn grad_input_beside(
    grad: Primitive,
    weight: Primitive,
    beside: &Beside,
    [height, width]: [usize; 2],
    options: Options,
) -> Primitive {
    let (grad, weight) = (contiguous(grad), contiguous(weight));
    let output @ [batch, _, _, _] = dimensions(&grad);
    let [_, _, channels_in, _] = dimensions(&weight);
    let shapes = ConvShapes {
        input: [batch, height, width, channels_in],
        output,
        geometry: options.geometry,
        repeat: 1,
    };
    #[cfg(not(target_family = "wasm"))]
    let _work = Work::convolution("grad_input", shapes, beside.shortcut_channels());
    if device::runs_on_cpu(&grad.device) {
        return conv_direct::grad_input(&grad, &weight, beside, shapes);
    }
    Product {
        source: &grad,
        weight: &weight,
        target: shapes.input,
        pass: Pass::Gradient { beside, shapes },
        options: Options {
            repeat: 1,
            ..options
        },
    }
    .run()
}

/// See [`crate::ops::Kernels::conv2d_grad_weight`] and
/// [`crate::ops::Kernels::conv2d_project_grad_weights`], whose `shortcut` is the input of the
/// projection of which [`can_project`] says so.
pub(super) fn grad_weight(
    x: Primitive,
    grad: Primitive,
    shortcut: Option<Primitive>,
    options: Options,
) -> WeightGrads {
    let (x, grad) = (contiguous(x), contiguous(grad));
    let shortcut = shortcut.map(contiguous);
    let shortcut = shortcut.as_ref();
    let shortcut_channels = shortcut.map_or(0, |shortcut| dimensions::<4>(shortcut)[3]);
    let [_, _, _, channels_in] = dimensions(&x);
    let shapes = ConvShapes {
        output: dimensions(&grad),
        ..options.shapes(dimensions(&x), 0)
    };
    #[cfg(not(target_family = "wasm"))]
    let _work = Work::convolution("grad_weight", shapes, shortcut_channels);
    if device::runs_on_cpu(&x.device) {
        return conv_direct::grad_weight(&x, &grad, shortcut, shapes);
    }
    let product = WeightProduct {
        x: &x,
        grad: &grad,
        shortcut_channels,
        options,
    };
    let patch = WeightPatch::choose(shapes.output, channels_in, options.geometry);
    let (shader, workgroups, splits) = match patch {
        Some(patch) => product.by_patches(patch),
        None => product.by_tiles(),
    };
    let grads = WeightGrads::allocate(&x, shortcut, splits, shapes);
    let mut bindings = vec![
        bind_map(&x, shapes.stored_input()),
        bind_map(&grad, shapes.output),
    ];
    bindings.extend(grads.bindings(shortcut, shapes));
    launch(grads.specialise(shader, shortcut), workgroups, &bindings);
    grads
}

/// The gradient of a weight: `conv_patch_weight.wgsl` where that fits, else `conv_weight.wgsl`.
/// Both ways tell the shader, the workgroups, and the partial sums that each number is split into.
struct WeightProduct<'a> {
    x: &'a Primitive,
    grad: &'a Primitive,
    /// Of the input of a projection shortcut, or 0.
    shortcut_channels: usize,
    options: Options,
}

impl WeightProduct<'_> {
    fn by_patches(&self, patch: WeightPatch) -> (Shader, usize, usize) {
        let kernel = self.options.geometry.kernel;
        let [_, _, _, channels_in] = dimensions(self.x);
        let output @ [batch, _, _, channels_out] = dimensions(self.grad);
        let [y, x] = patch.grid(output);
        let tiles = patch.tiles(channels_in, channels_out);
        let splits = patch.splits(batch * y * x, tiles[0] * tiles[1]);
        let [x_loads, grad_loads] = patch.loads(kernel);
        let text = concat!(
            include_str!("conv_patch_weight.wgsl"),
            include_str!("conv_patch_projection.wgsl")
        );
        // A thread has one quad of channels where it has a line of taps of the convolution.
        let shortcut_tiles = self.shortcut_channels.div_ceil(kernel * patch.x_channels);
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
            .constant("SPLITS", splits)
            .constant("TILES_OF_SHORTCUT", shortcut_tiles);
        let workgroups = (tiles[0] + shortcut_tiles) * tiles[1] * splits;
        (self.describe(shader), workgroups, splits)
    }

    fn by_tiles(&self) -> (Shader, usize, usize) {
        let kernel = self.options.geometry.kernel;
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
        let Options {
            repeat,
            geometry,
            mixed_precision,
        } = self.options;
        shader
            .stored("X", self.x)
            .stored("Grad", self.grad)
            .float("UNSCALE", half::unscale(mixed_precision))
            .flag("X_VEC4", channels_in.is_multiple_of(4))
            .flag("GRAD_VEC4", channels_out.is_multiple_of(4))
            .constant("BATCH", batch)
            .constant("HEIGHT_IN", height * repeat)
            .constant("WIDTH_IN", width * repeat)
            .constant("REPEAT", repeat)
            .constant("CHANNELS_IN", channels_in)
            .constant("HEIGHT_OUT", height_out)
            .constant("WIDTH_OUT", width_out)
            .constant("CHANNELS_OUT", channels_out)
            .constant("KERNEL", geometry.kernel)
            .constant("STRIDE", geometry.stride)
            .constant("PADDING", geometry.padding)
    }
}
