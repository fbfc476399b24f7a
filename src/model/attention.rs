//! diffusers' `Attention` as `UNet2DModel` uses it: self-attention between pixels, with a group
//! norm before and the input added after (Vaswani et al. 2017; Ho et al. 2020, appendix B).

use burn::tensor::{Tensor, activation::softmax};

use super::{
    UNetConfig, Weights,
    layers::{Conv2d, GroupNorm, Init, Scope},
};
use crate::ops::Kernels;

#[derive(Debug)]
pub(super) struct Attention {
    group_norm: GroupNorm,
    to_q: Conv2d,
    to_k: Conv2d,
    to_v: Conv2d,
    to_out: Conv2d,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
}

impl Attention {
    pub(super) fn new(mut scope: Scope, channels: usize, config: &UNetConfig) -> Self {
        let head_dim = config.attention_head_dim.unwrap_or(channels);
        let heads = channels / head_dim;
        // Where head_dim does not divide the width, the heads together are narrower than it.
        let inner = heads * head_dim;
        let mut project =
            |name: &str, widths, start| Conv2d::linear(scope.child(name), widths, start);
        let to_q = project("to_q", [channels, inner], Init::Random);
        let to_k = project("to_k", [channels, inner], Init::Random);
        let to_v = project("to_v", [channels, inner], Init::Random);
        let to_out = project("to_out.0", [inner, channels], Init::Zero);
        Self {
            group_norm: GroupNorm::new(scope.child("group_norm"), channels, config),
            to_q,
            to_k,
            to_v,
            to_out,
            heads,
            head_dim,
        }
    }

    /// `[n, h, w, c]` to the same shape.
    pub(super) fn forward<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        let [n, h, w, _] = x.dims();
        let pixels = h * w;
        let tokens = self.group_norm.forward(weights, x.clone());
        let project = |linear: &Conv2d| {
            linear
                .forward(weights, tokens.clone())
                .reshape([n, pixels, self.heads, self.head_dim])
                .swap_dims(1, 2)
        };
        let (q, k, v) = (
            project(&self.to_q),
            project(&self.to_k),
            project(&self.to_v),
        );
        let scores = q.matmul(k.swap_dims(2, 3)) / (self.head_dim as f64).sqrt();
        let mixed = softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([
            n,
            h,
            w,
            self.heads * self.head_dim,
        ]);
        self.to_out.forward_add(weights, mixed, x)
    }
}
