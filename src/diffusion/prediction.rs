//! Prediction types (parametrisations): what a network is trained to predict from x_t.
//!
//! Each is a row (a, b): the network predicts y = a · x_0 + b · ε. With x_t = signal · x_0 +
//! noise · ε that makes two equations for x_0 and ε, which every type determines alike.

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::{NoiseLevel, X0Clipping};
use crate::ops::{Kernels, x0_and_eps};

/// What the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise ε (Ho et al. 2020, equation 14).
    Epsilon,
    /// The image x_0 (Ho et al. 2020, section 3.2).
    Sample,
    /// v = √ᾱ_t · ε - √(1 - ᾱ_t) · x_0 (Salimans & Ho 2022, section 4).
    VPrediction,
    /// ε - x_0, the velocity of rectified flow x_t = (1 - σ_t) · x_0 + σ_t · ε (Liu et al. 2023,
    /// equation 1); diffusers' name for it is that of its `DPMSolverMultistepScheduler`.
    #[serde(rename = "flow_prediction")]
    Velocity,
}

impl PredictionType {
    /// (a, b) of y = a · x_0 + b · ε, what a network of this kind is to predict at `level`: ε or
    /// x_0 (Ho et al. 2020, section 3.2), v = signal · ε - noise · x_0 (Salimans & Ho 2022, section
    /// 4), or the velocity ε - x_0 (Liu et al. 2023, equation 1, who go from noise to images, so
    /// that theirs has the other sign).
    pub fn target_coefficients(self, level: NoiseLevel) -> [f64; 2] {
        match self {
            Self::Epsilon => [0.0, 1.0],
            Self::Sample => [1.0, 0.0],
            Self::VPrediction => [-level.noise, level.signal],
            Self::Velocity => [-1.0, 1.0],
        }
    }

    /// The rows of the inverse of x_t = signal · x_0 + noise · ε, y = a · x_0 + b · ε: coefficients
    /// of x_t and y in x_0, and in ε.
    ///
    /// Any level will do for v and velocity; ε needs a signal above 0, and x_0 noise above 0.
    fn inverse(self, level: NoiseLevel) -> [[f64; 2]; 2] {
        let NoiseLevel { signal, noise, .. } = level;
        let [a, b] = self.target_coefficients(level);
        let det = signal * b - noise * a;
        [[b / det, -noise / det], [-a / det, signal / det]]
    }

    /// x_0 and ε of `x_t` at `level`, for which a network said `y`; all are
    /// `[batch, channels, height, width]`. x_0 is clamped to [-1, 1] if `clip` is set.
    pub fn x0_and_eps<B: Kernels>(
        self,
        x_t: Tensor<B, 4>,
        y: Tensor<B, 4>,
        level: NoiseLevel,
        clip: bool,
    ) -> [Tensor<B, 4>; 2] {
        x0_and_eps(x_t, y, self.inverse(level), clip)
    }

    /// (a, b) of x_0 = a · x_t + b · y for what is predicted, y, at `level`; ε needs a signal above 0.
    pub fn x0_coefficients(self, level: NoiseLevel) -> [f64; 2] {
        let [x0, _] = self.inverse(level);
        x0
    }

    /// (a, b) of ε = a · x_t + b · y for what is predicted, y, at `level`; x_0 needs noise above 0.
    pub fn eps_coefficients(self, level: NoiseLevel) -> [f64; 2] {
        let [_, eps] = self.inverse(level);
        eps
    }

    /// ∂x_0 / ∂y at `level`: how much of an error in what the network predicts becomes an error in
    /// x_0, e.g. -noise / signal for ε (Ho et al. 2020, equation 15).
    pub fn x0_sensitivity(self, level: NoiseLevel) -> f64 {
        let [[_, y_coef], _] = self.inverse(level);
        y_coef
    }
}

/// What a network says about x_t; tensors are `[batch, channels, height, width]`.
#[derive(Debug, Clone)]
pub struct ModelOutput<B: Backend> {
    /// ε, x_0, v or velocity, as its [`PredictionType`] says.
    pub values: Tensor<B, 4>,
    /// Where the variance of the reverse step is learned, improved-diffusion's `model_var_values`:
    /// from -1 for the smallest sensible one, β̃, to 1 for the largest, β, on a logarithmic scale
    /// (Nichol & Dhariwal 2021, equation 15).
    pub var_values: Option<Tensor<B, 4>>,
}

impl<B: Backend> ModelOutput<B> {
    /// From all channels of a network's output for an x_t of `channels`: more than those are the
    /// variance's.
    pub fn split(output: Tensor<B, 4>, channels: usize) -> Self {
        let all = output.dims()[1];
        if all == channels {
            return Self {
                values: output,
                var_values: None,
            };
        }
        Self {
            values: output.clone().narrow(1, 0, channels),
            var_values: Some(output.narrow(1, channels, all - channels)),
        }
    }
}

/// What a network's output means.
#[derive(Debug, Clone)]
pub struct Prediction<B: Backend> {
    /// The estimate of x_0, within its limits.
    pub pred_x0: Tensor<B, 4>,
    /// The estimate of ε, of before x_0 was limited, as diffusers has it.
    pub eps: Tensor<B, 4>,
    /// See [`ModelOutput::var_values`].
    pub var_values: Option<Tensor<B, 4>>,
}

impl<B: Kernels> Prediction<B> {
    /// Reads `output`, given for `x_t` at `level`.
    pub fn read(
        output: ModelOutput<B>,
        prediction_type: PredictionType,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        clipping: X0Clipping,
    ) -> Self {
        let clip = clipping == X0Clipping::Clip;
        let [x_0, eps] = prediction_type.x0_and_eps(x_t, output.values, level, clip);
        Self {
            pred_x0: if clip { x_0 } else { clipping.apply(x_0) },
            eps,
            var_values: output.var_values,
        }
    }
}
