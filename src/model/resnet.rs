//! diffusers' `ResnetBlock2D`: two convolutions around which the input is added.

use burn::tensor::Tensor;

use super::{
    UNetConfig, Weights,
    layers::{Conv2d, GroupNorm, Init, Scope, StackedLinear},
};
use crate::ops::{Kernels, Shift};

#[derive(Debug)]
pub(super) struct ResnetBlock {
    /// Of the input and of the output.
    pub(super) channels: [usize; 2],
    norm1: GroupNorm,
    conv1: Conv2d,
    /// Its first channel among those of all blocks' projections of the time embedding.
    time_emb_proj_start: usize,
    norm2: GroupNorm,
    conv2: Conv2d,
    /// Where the widths differ, a 1×1 convolution carries the input across.
    conv_shortcut: Option<Conv2d>,
}

impl ResnetBlock {
    pub(super) fn new(
        mut scope: Scope,
        [inputs, outputs]: [usize; 2],
        time_emb_proj: &mut StackedLinear,
        config: &UNetConfig,
    ) -> Self {
        Self {
            channels: [inputs, outputs],
            norm1: GroupNorm::new(scope.child("norm1"), inputs, config),
            conv1: Conv2d::new(scope.child("conv1"), [inputs, outputs], 3, 1, Init::Random),
            time_emb_proj_start: time_emb_proj.push(scope.child("time_emb_proj"), outputs),
            norm2: GroupNorm::new(scope.child("norm2"), outputs, config),
            conv2: Conv2d::new(scope.child("conv2"), [outputs, outputs], 3, 1, Init::Zero),
            conv_shortcut: (inputs != outputs).then(|| {
                Conv2d::new(
                    scope.child("conv_shortcut"),
                    [inputs, outputs],
                    1,
                    1,
                    Init::Random,
                )
            }),
        }
    }

    /// `x` `[n, h, w, in]`, or as many channels less as `skip`, which follow them; `time`
    /// `[n, 1, 1, ..]` the projections of the time embedding for all blocks.
    pub(super) fn forward<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        skip: Option<Tensor<B, 4>>,
        time: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        let [hidden, x] = match skip {
            Some(skip) => self.norm1.forward_concat_silu(weights, x, skip),
            None => [self.norm1.forward_silu(weights, x.clone()), x],
        };
        let hidden = self.conv1.forward(weights, hidden);
        let time = Shift {
            all: time,
            start: self.time_emb_proj_start,
        };
        let hidden = self.norm2.forward_shifted_silu(weights, hidden, time);
        match &self.conv_shortcut {
            Some(projection) => (self.conv2).forward_project(weights, hidden, projection, x),
            None => self.conv2.forward_add(weights, hidden, x),
        }
    }
}
