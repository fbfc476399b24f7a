//! Something that knows how to denoise, and the one place where what it says is interpreted.

use burn::tensor::{Tensor, backend::Backend};

use super::{NoiseLevel, PredictionType, threshold::dynamic_threshold};
use crate::ops::Kernels;

/// What a denoiser says about x_t; tensors are `[batch, channels, height, width]`.
#[derive(Debug, Clone)]
pub struct ModelOutput<B: Backend> {
    /// ε, x_0, v or velocity, as [`Denoiser::prediction_type`] says.
    pub values: Tensor<B, 4>,
    /// Where the denoiser predicts the variance of the reverse step: its place between the smallest
    /// and the largest sensible logarithm, -1 to 1 (Nichol & Dhariwal 2021, equation 15).
    pub variance: Option<Tensor<B, 4>>,
}

impl<B: Backend> ModelOutput<B> {
    /// From all channels of a network's output for an x_t of `channels`: more than those are the
    /// variance's.
    pub fn split(output: Tensor<B, 4>, channels: usize) -> Self {
        let all = output.dims()[1];
        if all == channels {
            return Self {
                values: output,
                variance: None,
            };
        }
        Self {
            values: output.clone().narrow(1, 0, channels),
            variance: Some(output.narrow(1, channels, all - channels)),
        }
    }
}

/// A network with its weights, or a closed form.
pub trait Denoiser<B: Backend> {
    /// How [`ModelOutput::values`] is to be read.
    fn prediction_type(&self) -> PredictionType;

    /// What it says about `x_t` `[batch, channels, height, width]`, all of it at `level`.
    fn output(&self, x_t: Tensor<B, 4>, level: NoiseLevel) -> ModelOutput<B>;

    /// Tells a denoiser that knows classes those of the batch it will be asked about next.
    fn set_class_labels(&mut self, _class_labels: &[usize]) {}
}

/// How an estimate of x_0 is kept in the range of images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// Not at all.
    None,
    /// Clamped to [-1, 1].
    Clip,
    /// Clamped to [-s, s] and divided by s, where s is the `ratio` quantile of an image's absolute
    /// values, between 1 and `max` (Saharia et al. 2022, section 2.3).
    Dynamic { ratio: f64, max: f64 },
}

impl Limit {
    /// The estimate within its limits.
    pub fn apply<B: Backend>(self, x_0: Tensor<B, 4>) -> Tensor<B, 4> {
        match self {
            Self::None => x_0,
            Self::Clip => x_0.clamp(-1.0, 1.0),
            Self::Dynamic { ratio, max } => dynamic_threshold(x_0, ratio, max),
        }
    }
}

/// What a denoiser's output means.
#[derive(Debug, Clone)]
pub struct Prediction<B: Backend> {
    /// The estimate of x_0, within its limits.
    pub pred_x0: Tensor<B, 4>,
    /// The estimate of ε, of before x_0 was limited, as diffusers has it.
    pub eps: Tensor<B, 4>,
    /// See [`ModelOutput::variance`].
    pub variance: Option<Tensor<B, 4>>,
}

impl<B: Kernels> Prediction<B> {
    /// Asks `denoiser` about `x_t` and reads its answer.
    pub fn of(
        denoiser: &dyn Denoiser<B>,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        limit: Limit,
    ) -> Self {
        let output = denoiser.output(x_t.clone(), level);
        Self::read(output, denoiser.prediction_type(), x_t, level, limit)
    }

    /// Reads `output`, given for `x_t` at `level`.
    pub fn read(
        output: ModelOutput<B>,
        prediction_type: PredictionType,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        limit: Limit,
    ) -> Self {
        let [x_0, eps] = prediction_type.x0_and_eps(x_t, output.values, level);
        Self {
            pred_x0: limit.apply(x_0),
            eps,
            variance: output.variance,
        }
    }
}
