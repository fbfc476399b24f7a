//! What the operations take beside tensors.

use serde::{Deserialize, Serialize};

/// Geometry of a square, symmetrically padded 2-D convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// Side of the kernel: 1 or 3 in the U-Net.
    pub kernel: usize,
    /// Step between output pixels: 1, or 2 to halve the resolution.
    pub stride: usize,
    /// Zero pixels added on every side.
    pub padding: usize,
    /// Whether the input is first upsampled: every pixel repeated 2 × 2 times.
    pub upsample: bool,
}

impl ConvGeometry {
    /// Of a linear layer, `[n, h, w, in]` times `[1, 1, in, out]`: a 1×1 convolution, so that its
    /// gradients use the same kernels.
    pub const LINEAR: Self = Self {
        kernel: 1,
        stride: 1,
        padding: 0,
        upsample: false,
    };

    /// How often an input pixel is repeated along each axis: 1, or 2 where it is upsampled.
    pub fn repeat(&self) -> usize {
        if self.upsample { 2 } else { 1 }
    }

    /// The same convolution of an input that is upsampled already.
    pub fn without_upsampling(self) -> Self {
        Self {
            upsample: false,
            ..self
        }
    }

    /// Output side for an input side.
    pub fn output_size(&self, input: usize) -> usize {
        (input * self.repeat() + 2 * self.padding - self.kernel) / self.stride + 1
    }
}

/// A projection shortcut (He et al. 2016, "Deep residual learning for image recognition", equation
/// 2): a linear layer of every pixel's channels, whose output is added to a convolution's.
#[derive(Debug, Clone)]
pub struct Projection<T> {
    /// `[n, h', w', c]`, of the height and width of the convolution's output.
    pub x: T,
    /// `[1, 1, c, c_out]`
    pub weight: T,
    /// `[c_out]`
    pub bias: T,
}

/// What is added to every pixel of an image: channels from `start` on of `all` `[n, 1, 1, total]`,
/// as many as the image has.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift<T> {
    /// The numbers of each image, those for other tensors among them.
    pub all: T,
    /// The channel of them that the first channel gets.
    pub start: usize,
}

impl<T> Shift<T> {
    /// The same channels of `change` of the numbers.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Shift<U> {
        Shift {
            all: change(self.all),
            start: self.start,
        }
    }
}

/// The tensors that [`super::Kernels::group_norm_forward`] takes.
#[derive(Debug, Clone)]
pub struct GroupNormInputs<T> {
    /// `[n, h, w, a]`
    pub x: T,
    /// `[n, h, w, b]`, whose channels follow those of `x`: what is normalised is the concatenation
    /// `[n, h, w, c]`.
    pub skip: Option<T>,
    /// Added to that before it is normalised.
    pub shift: Option<Shift<T>>,
    /// Scale `[c]` of the affine map.
    pub gamma: T,
    /// Shift `[c]` of the affine map.
    pub beta: T,
}

/// What [`super::Kernels::group_norm_forward`] gives.
#[derive(Debug, Clone)]
pub struct GroupNormOutput<T> {
    /// `[n, h, w, c]`
    pub y: T,
    /// The concatenation, if there was one.
    pub concatenated: Option<T>,
    /// What the backward pass needs: of each image mean and reciprocal standard deviation of every
    /// group, and perhaps more.
    pub statistics: T,
}

/// What [`super::Kernels::group_norm_backward`] takes beside the gradient.
#[derive(Debug, Clone)]
pub struct GroupNormState<T> {
    /// What was normalised, the concatenation if there was one, but for the shift.
    pub x: T,
    /// Channels of the first of its two parts, if there were two.
    pub split: Option<usize>,
    /// As in [`GroupNormInputs`].
    pub shift: Option<Shift<T>>,
    /// As in [`GroupNormInputs`].
    pub gamma: T,
    /// As in [`GroupNormInputs`].
    pub beta: T,
    /// As in [`GroupNormOutput`].
    pub statistics: T,
}

/// Gradients of [`super::Kernels::group_norm_forward`].
#[derive(Debug, Clone)]
pub struct GroupNormGrads<T> {
    /// With respect to `x`.
    pub x: T,
    /// With respect to `skip`, if there is one.
    pub skip: Option<T>,
    /// With respect to all numbers of the shift, if there is one.
    pub shift: Option<T>,
    /// With respect to `gamma`, or partial sums of that.
    pub gamma: T,
    /// With respect to `beta`, or partial sums of that.
    pub beta: T,
}

/// Gradients of [`super::Kernels::silu_linear_forward`].
#[derive(Debug, Clone)]
pub struct SiluLinearGrads<T> {
    /// With respect to `x`.
    pub x: T,
    /// With respect to `weight`, or partial sums of that.
    pub weight: T,
    /// With respect to `bias`, or partial sums of that.
    pub bias: T,
}

/// Gradients that other uses have given to operands of [`super::Kernels::group_norm_forward`].
#[derive(Debug, Clone)]
pub struct OtherUses<T> {
    /// Of what was normalised, the concatenation if there was one.
    pub x: Option<T>,
    /// Of all numbers of the shift.
    pub shift: Option<T>,
}

impl<T> OtherUses<T> {
    /// There are no other uses, or they have given nothing yet.
    pub const NONE: Self = Self {
        x: None,
        shift: None,
    };
}

/// How [`super::Kernels::group_norm_forward`] normalises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNormOptions {
    /// Number of groups the channels are split into.
    pub groups: usize,
    /// Added to the variance before the square root.
    pub epsilon: f32,
    /// Whether SiLU, `y · sigmoid(y)`, follows the affine map.
    pub silu: bool,
    /// What the output is stored as.
    pub mixed_precision: MixedPrecision,
}

/// What feature maps are stored as (Micikevicius et al. 2018, "Mixed precision training"): half the
/// memory traffic with f16. Weights, their gradients, statistics and all sums stay f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MixedPrecision {
    /// f32
    No,
    /// f16. For devices of which [`super::Kernels::supports_fp16`] says so.
    Fp16,
}

impl MixedPrecision {
    /// What a loss must be multiplied by before its gradients are computed, if by anything: the
    /// least normal number of f16 is 6 · 10⁻⁵, and gradients of feature maps are smaller (section
    /// 3.2). A power of two, so that it rounds nothing. Gradients of parameters come out without
    /// it.
    pub fn loss_scale(self) -> Option<f32> {
        match self {
            Self::No => None,
            Self::Fp16 => Some(32_768.0),
        }
    }
}
