//! Conversions between what a network may predict. ε, x_0, v and the flow's velocity are views of
//! one thing, because x_t = signal · x_0 + noise · ε.
//!
//! Tensors are `[batch, channels, height, width]`. v belongs to variance-preserving processes
//! (signal² + noise² = 1), velocity to rectified flow (signal + noise = 1), and there their
//! conversions to and from ε and x_0 hold; the two from one to the other hold at any level. Liu et
//! al. 2023 go from noise to images, so their velocity has the other sign. Conversions that divide
//! by `signal` or `noise` need it above 0.

use burn::tensor::Tensor;

use super::{NoiseLevel, PredictionType};
use crate::ops::{Kernels, weighted_sum};

/// x_0 = (x_t - noise · ε) / signal (Ho et al. 2020, equation 15).
pub fn x0_from_eps<B: Kernels>(
    x_t: Tensor<B, 4>,
    eps: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, 1.0 / level.signal, eps, -level.noise / level.signal)
}

/// x_0 = signal · x_t - noise · v (Salimans & Ho 2022, appendix D).
pub fn x0_from_v<B: Kernels>(
    x_t: Tensor<B, 4>,
    v: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, level.signal, v, -level.noise)
}

/// x_0 = x_t - noise · velocity (Liu et al. 2023, equation 1).
pub fn x0_from_velocity<B: Kernels>(
    x_t: Tensor<B, 4>,
    velocity: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, 1.0, velocity, -level.noise)
}

/// ε = (x_t - signal · x_0) / noise (Salimans & Ho 2022, equation 9).
pub fn eps_from_x0<B: Kernels>(
    x_t: Tensor<B, 4>,
    x_0: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, 1.0 / level.noise, x_0, -level.signal / level.noise)
}

/// ε = signal · v + noise · x_t (Salimans & Ho 2022, appendix D).
pub fn eps_from_v<B: Kernels>(
    x_t: Tensor<B, 4>,
    v: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, level.noise, v, level.signal)
}

/// ε = x_t + signal · velocity (by x_0 = ε - velocity, Liu et al. 2023, equation 1).
pub fn eps_from_velocity<B: Kernels>(
    x_t: Tensor<B, 4>,
    velocity: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, 1.0, velocity, level.signal)
}

/// v = (ε - noise · x_t) / signal, [`eps_from_v`] solved for v (Salimans & Ho 2022, appendix D).
pub fn v_from_eps<B: Kernels>(
    x_t: Tensor<B, 4>,
    eps: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, -level.noise / level.signal, eps, 1.0 / level.signal)
}

/// v = (signal · x_t - x_0) / noise, [`x0_from_v`] solved for v (Salimans & Ho 2022, appendix D).
pub fn v_from_x0<B: Kernels>(
    x_t: Tensor<B, 4>,
    x_0: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, level.signal / level.noise, x_0, -1.0 / level.noise)
}

/// velocity = (ε - x_t) / signal, [`eps_from_velocity`] solved for velocity (by Liu et al. 2023,
/// equation 1).
pub fn velocity_from_eps<B: Kernels>(
    x_t: Tensor<B, 4>,
    eps: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, -1.0 / level.signal, eps, 1.0 / level.signal)
}

/// velocity = (x_t - x_0) / noise, [`x0_from_velocity`] solved for velocity (Liu et al. 2023,
/// equation 1).
pub fn velocity_from_x0<B: Kernels>(
    x_t: Tensor<B, 4>,
    x_0: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    weighted_sum(x_t, 1.0 / level.noise, x_0, -1.0 / level.noise)
}

/// v = ((signal - noise) · x_t + (signal² + noise²) · velocity) / (signal + noise) at any level.
///
/// By x_t = signal · x_0 + noise · ε, velocity = ε - x_0 (Liu et al. 2023, equation 1) and
/// v = signal · ε - noise · x_0 (Salimans & Ho 2022, section 4).
pub fn v_from_velocity<B: Kernels>(
    x_t: Tensor<B, 4>,
    velocity: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    let NoiseLevel { signal, noise, .. } = level;
    let sum = signal + noise;
    let squares = signal * signal + noise * noise;
    weighted_sum(x_t, (signal - noise) / sum, velocity, squares / sum)
}

/// velocity = ((noise - signal) · x_t + (signal + noise) · v) / (signal² + noise²) at any level,
/// [`v_from_velocity`] solved for velocity.
pub fn velocity_from_v<B: Kernels>(
    x_t: Tensor<B, 4>,
    v: Tensor<B, 4>,
    level: NoiseLevel,
) -> Tensor<B, 4> {
    let NoiseLevel { signal, noise, .. } = level;
    let squares = signal * signal + noise * noise;
    let (of_x, of_v) = ((noise - signal) / squares, (signal + noise) / squares);
    weighted_sum(x_t, of_x, v, of_v)
}

impl PredictionType {
    /// (a, b) of a · x_0 + b · ε, which is what a network of this kind is to predict: ε or x_0
    /// (Ho et al. 2020, section 3.2), v = signal · ε - noise · x_0 (Salimans & Ho 2022, section 4), or
    /// velocity = ε - x_0 (Liu et al. 2023, equation 1).
    pub fn target_coefficients(self, level: NoiseLevel) -> [f64; 2] {
        match self {
            Self::Epsilon => [0.0, 1.0],
            Self::Sample => [1.0, 0.0],
            Self::VPrediction => [-level.noise, level.signal],
            Self::FlowPrediction => [-1.0, 1.0],
        }
    }
}
