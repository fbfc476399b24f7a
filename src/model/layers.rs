//! The layers the blocks are made of. Activations are `[batch, height, width, channels]`.

use burn::tensor::Tensor;

use super::{
    UNetConfig,
    parameters::{Parameter, ParameterKind, ParameterList, Weights},
};
use crate::ops::{self, ConvGeometry, GroupNormOptions, Kernels, Shift};

/// Where a layer's parameters go, and under which name.
pub(super) struct Scope<'a> {
    list: &'a mut ParameterList,
    prefix: String,
}

impl<'a> Scope<'a> {
    pub(super) fn root(list: &'a mut ParameterList) -> Self {
        Self {
            list,
            prefix: String::new(),
        }
    }

    /// The scope of the child module `name`.
    pub(super) fn child(&mut self, name: &str) -> Scope<'_> {
        Scope {
            list: self.list,
            prefix: format!("{}{name}.", self.prefix),
        }
    }

    fn add<const D: usize>(
        &mut self,
        name: &str,
        shape: Vec<usize>,
        kind: ParameterKind,
        zero_init: bool,
    ) -> Parameter<D> {
        let name = format!("{}{name}", self.prefix);
        self.list.add(name, shape, kind, zero_init)
    }
}

/// Whether training starts a layer from zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Init {
    Random,
    Zero,
}

#[derive(Debug)]
pub(super) struct Conv2d {
    weight: Parameter<4>,
    bias: Parameter<1>,
    geometry: ConvGeometry,
}

impl Conv2d {
    /// A linear layer of every pixel's channels.
    pub(super) fn linear(mut scope: Scope, [inputs, outputs]: [usize; 2], init: Init) -> Self {
        let zero = init == Init::Zero;
        let shape = vec![outputs, inputs];
        let fan_in = inputs;
        Self {
            weight: scope.add("weight", shape, ParameterKind::LinearWeight, zero),
            bias: scope.add("bias", vec![outputs], ParameterKind::Bias { fan_in }, zero),
            geometry: ConvGeometry::LINEAR,
        }
    }

    /// A convolution that keeps the resolution (`stride` 1) or halves it (2).
    pub(super) fn new(
        mut scope: Scope,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        stride: usize,
        init: Init,
    ) -> Self {
        let zero = init == Init::Zero;
        let shape = vec![outputs, inputs, kernel, kernel];
        let fan_in = inputs * kernel * kernel;
        Self {
            weight: scope.add("weight", shape, ParameterKind::ConvWeight, zero),
            bias: scope.add("bias", vec![outputs], ParameterKind::Bias { fan_in }, zero),
            geometry: ConvGeometry {
                kernel,
                stride,
                padding: kernel / 2,
                upsample: false,
            },
        }
    }

    /// The same of `x` with every pixel repeated 2 × 2 times.
    pub(super) fn upsampling(mut self) -> Self {
        self.geometry.upsample = true;
        self
    }

    pub(super) fn forward<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        ops::conv2d(
            x,
            weights.get(self.weight),
            weights.get(self.bias),
            self.geometry,
            weights.mixed_precision(),
        )
    }

    /// Plus `addend`, of the output's shape.
    pub(super) fn forward_add<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        addend: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        ops::conv2d_add(
            x,
            weights.get(self.weight),
            weights.get(self.bias),
            addend,
            self.geometry,
            weights.mixed_precision(),
        )
    }

    /// Plus `projection`, a 1×1 convolution, of `shortcut`.
    pub(super) fn forward_project<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        projection: &Self,
        shortcut: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        let (weight, bias) = (weights.get(projection.weight), weights.get(projection.bias));
        ops::conv2d_project(
            x,
            weights.get(self.weight),
            weights.get(self.bias),
            ops::projection(shortcut, weight, bias),
            self.geometry,
            weights.mixed_precision(),
        )
    }

    /// A linear layer of SiLU of `x`, which has one pixel an item.
    pub(super) fn forward_after_silu<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        let (weight, bias) = (weights.get(self.weight), weights.get(self.bias));
        ops::silu_linear(x, weight, bias, weights.mixed_precision())
    }
}

/// Linear layers of the same input, computed as one: each has its own part of the output's
/// channels.
#[derive(Debug)]
pub(super) struct StackedLinear {
    inputs: usize,
    outputs: usize,
    linear: Option<Conv2d>,
}

impl StackedLinear {
    /// No layers yet, of `inputs` channels.
    pub(super) fn new(inputs: usize) -> Self {
        Self {
            inputs,
            outputs: 0,
            linear: None,
        }
    }

    /// Adds a layer with `outputs` channels, and says which of all the channels its first one is.
    pub(super) fn push(&mut self, scope: Scope, outputs: usize) -> usize {
        let start = self.outputs;
        self.outputs += outputs;
        match &self.linear {
            None => {
                let widths = [self.inputs, outputs];
                self.linear = Some(Conv2d::linear(scope, widths, Init::Random));
            }
            Some(linear) => {
                let name = |name: &str| format!("{}{name}", scope.prefix);
                let (weight, bias) = (name("weight"), name("bias"));
                scope.list.stack(linear.weight, weight, outputs);
                scope.list.stack(linear.bias, bias, outputs);
            }
        }
        start
    }

    /// All outputs for SiLU of `x`, `[n, 1, 1, outputs]`; none of no layers.
    pub(super) fn forward_after_silu<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
    ) -> Option<Tensor<B, 4>> {
        (self.linear.as_ref()).map(|linear| linear.forward_after_silu(weights, x))
    }
}

/// A table with a row for each class.
#[derive(Debug)]
pub(super) struct Embedding {
    weight: Parameter<4>,
}

impl Embedding {
    pub(super) fn new(mut scope: Scope, rows: usize, width: usize) -> Self {
        let shape = vec![rows, width];
        Self {
            weight: scope.add("weight", shape, ParameterKind::Embedding, false),
        }
    }

    /// The rows that `one_hot` `[n, 1, 1, rows]` chooses, `[n, 1, 1, width]`.
    pub(super) fn forward<B: Kernels>(
        &self,
        weights: &Weights<B>,
        one_hot: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        ops::embedding(one_hot, weights.get(self.weight), weights.mixed_precision())
    }
}

#[derive(Debug)]
pub(super) struct GroupNorm {
    weight: Parameter<1>,
    bias: Parameter<1>,
    groups: usize,
    epsilon: f32,
}

impl GroupNorm {
    pub(super) fn new(mut scope: Scope, channels: usize, config: &UNetConfig) -> Self {
        Self {
            weight: scope.add("weight", vec![channels], ParameterKind::NormWeight, false),
            bias: scope.add("bias", vec![channels], ParameterKind::NormBias, false),
            groups: config.norm_num_groups,
            epsilon: config.norm_eps as f32,
        }
    }

    pub(super) fn forward<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        self.run(weights, x, None, false)
    }

    /// Followed by SiLU.
    pub(super) fn forward_silu<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        self.run(weights, x, None, true)
    }

    /// Of `x` and `shift` together, followed by SiLU.
    pub(super) fn forward_shifted_silu<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        shift: Shift<Tensor<B, 4>>,
    ) -> Tensor<B, 4> {
        self.run(weights, x, Some(shift), true)
    }

    /// Of `x` and `skip` concatenated, followed by SiLU, and the concatenation.
    pub(super) fn forward_concat_silu<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        skip: Tensor<B, 4>,
    ) -> [Tensor<B, 4>; 2] {
        let (gamma, beta) = (weights.get(self.weight), weights.get(self.bias));
        ops::group_norm_concat(x, skip, gamma, beta, self.options(weights, true))
    }

    fn run<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        shift: Option<Shift<Tensor<B, 4>>>,
        silu: bool,
    ) -> Tensor<B, 4> {
        let (gamma, beta) = (weights.get(self.weight), weights.get(self.bias));
        ops::group_norm(x, shift, gamma, beta, self.options(weights, silu))
    }

    fn options<B: Kernels>(&self, weights: &Weights<B>, silu: bool) -> GroupNormOptions {
        GroupNormOptions {
            groups: self.groups,
            epsilon: self.epsilon,
            silu,
            mixed_precision: weights.mixed_precision(),
        }
    }
}
