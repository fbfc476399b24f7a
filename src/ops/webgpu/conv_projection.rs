//! What the kernels of convolutions compute in passing: addends, and projection shortcuts with
//! their gradients.

use crate::ops::Projection;

use super::{
    conv_direct::ConvShapes,
    launch::{Binding, bind, bind_map},
    partial_sums,
    shader::Shader,
    tensor::{Primitive, contiguous, dimensions},
};

/// What a convolution adds to its output.
#[allow(clippy::large_enum_variant, reason = "one a launch, and none is kept")]
pub(super) enum Added {
    Nothing,
    /// Of the output's shape.
    Map(Primitive),
    /// Channels on both sides come in vec4s.
    Projection(Projection<Primitive>),
}

impl Added {
    /// With operands in row-major order.
    pub(super) fn contiguous(self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Map(addend) => Self::Map(contiguous(addend)),
            Self::Projection(Projection { x, weight, bias }) => Self::Projection(Projection {
                x: contiguous(x),
                weight: contiguous(weight),
                bias: contiguous(bias),
            }),
        }
    }

    /// Channels of the input of a projection.
    pub(super) fn shortcut_channels(&self) -> usize {
        match self {
            Self::Projection(shortcut) => dimensions::<4>(&shortcut.x)[3],
            _ => 0,
        }
    }

    /// `shader` with what is particular to it.
    pub(super) fn specialise(&self, shader: Shader) -> Shader {
        match self {
            Self::Nothing => shader,
            Self::Map(addend) => shader.flag("ADD", true).stored("Addend", addend),
            Self::Projection(shortcut) => shader
                .flag("PROJECTION", true)
                .stored("Shortcut", &shortcut.x)
                .constant("SHORTCUT_CHANNELS", self.shortcut_channels()),
        }
    }

    /// Buffers after those of the convolution, whose output is of shape `output`.
    pub(super) fn bindings(&self, output: [usize; 4]) -> Vec<Binding<'_>> {
        let [batch, height, width, channels] = output;
        let shortcut_channels = self.shortcut_channels();
        match self {
            Self::Nothing => Vec::new(),
            Self::Map(addend) => vec![bind_map(addend, output)],
            Self::Projection(Projection { x, weight, bias }) => vec![
                bind_map(x, [batch, height, width, shortcut_channels]),
                bind(weight, [shortcut_channels, channels]),
                bind(bias, [channels]),
            ],
        }
    }
}

/// What the gradient of a convolution's input is computed with.
#[allow(clippy::large_enum_variant, reason = "one a launch, and none is kept")]
pub(super) enum Beside {
    Nothing,
    /// Added to it: of the input's shape.
    Addend(Primitive),
    /// The gradient of a shortcut's input is computed too. The input is as large as the output, and
    /// channels on all sides come in vec4s.
    Projection {
        /// `[1, 1, c, c_out]`
        weight: Primitive,
        /// What is computed, `[n, h, w, c]`.
        grad: Primitive,
        /// Added to it.
        addend: Option<Primitive>,
    },
}

impl Beside {
    /// Channels of the shortcut's input.
    pub(super) fn shortcut_channels(&self) -> usize {
        match self {
            Self::Projection { grad, .. } => dimensions::<4>(grad)[3],
            _ => 0,
        }
    }

    /// `shader` with what is particular to it.
    pub(super) fn specialise(&self, shader: Shader) -> Shader {
        match self {
            Self::Nothing => shader,
            Self::Addend(addend) => shader.flag("ADD", true).stored("Addend", addend),
            Self::Projection { grad, addend, .. } => shader
                .flag("PROJECTION", true)
                .flag("ADD_SHORTCUT", addend.is_some())
                .stored("Shortcut", grad)
                .stored("ShortcutAddend", addend.as_ref())
                .constant("SHORTCUT_CHANNELS", self.shortcut_channels()),
        }
    }

    /// Buffers after those of the convolution of `shapes`.
    pub(super) fn bindings(&self, shapes: ConvShapes) -> Vec<Binding<'_>> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Addend(addend) => vec![bind_map(addend, shapes.input)],
            Self::Projection {
                weight,
                grad,
                addend,
            } => {
                let [batch, height, width, channels] = shapes.output;
                let shortcut_channels = self.shortcut_channels();
                let map = [batch, height, width, shortcut_channels];
                let mut bindings = vec![
                    bind(weight, [shortcut_channels, channels]),
                    bind_map(grad, map),
                ];
                bindings.extend(addend.as_ref().map(|addend| bind_map(addend, map)));
                bindings
            }
        }
    }
}

/// Gradients of a convolution's parameters as partial sums, `[splits, ..]`.
pub(super) struct WeightGrads {
    pub(super) weight: Primitive,
    pub(super) bias: Primitive,
    /// Of the weight of a projection shortcut.
    pub(super) shortcut: Option<Primitive>,
}

impl WeightGrads {
    /// Memory for them, on the device of `x`; `shortcut` is the input of the shortcut.
    pub(super) fn allocate(
        x: &Primitive,
        shortcut: Option<&Primitive>,
        splits: usize,
        shapes: ConvShapes,
    ) -> Self {
        let ([_, _, _, channels_in], [_, _, _, channels]) = (shapes.input, shapes.output);
        let kernel = shapes.geometry.kernel;
        Self {
            weight: partial_sums::allocate(x, [splits, kernel, kernel, channels_in, channels]),
            bias: partial_sums::allocate(x, [splits, channels]),
            shortcut: shortcut.map(|shortcut| {
                let [_, _, _, shortcut_channels] = dimensions(shortcut);
                partial_sums::allocate(x, [splits, 1, 1, shortcut_channels, channels])
            }),
        }
    }

    /// `shader` with what is particular to `shortcut`, the input of the shortcut.
    pub(super) fn specialise(&self, shader: Shader, shortcut: Option<&Primitive>) -> Shader {
        match shortcut {
            None => shader,
            Some(shortcut) => shader
                .flag("PROJECTION", true)
                .stored("Shortcut", shortcut)
                .constant("SHORTCUT_CHANNELS", dimensions::<4>(shortcut)[3]),
        }
    }

    /// Buffers after `x` and the gradient of the output of `shapes`.
    pub(super) fn bindings<'a>(
        &'a self,
        shortcut: Option<&'a Primitive>,
        shapes: ConvShapes,
    ) -> Vec<Binding<'a>> {
        let all = |tensor: &'a Primitive| bind(tensor, [tensor.meta.num_elements()]);
        let [batch, height, width, _] = shapes.output;
        let mut bindings = vec![all(&self.weight), all(&self.bias)];
        bindings.extend(shortcut.map(|shortcut| {
            let [_, _, _, channels] = dimensions(shortcut);
            bind_map(shortcut, [batch, height, width, channels])
        }));
        bindings.extend(self.shortcut.as_ref().map(all));
        bindings
    }
}
