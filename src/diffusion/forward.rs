//! The forward process q(x_t | x_0) and q(x_t | x_{t-1}): images become noise.

use burn::tensor::{Tensor, backend::Backend};

use super::{NoiseLevel, Posterior, Schedule};
use crate::ops::noised_batch::mix;

/// (signal, noise) of x_t = signal · x_0 + noise · ε (Ho et al. 2020, equation 4).
pub fn q_sample_coefs(level: NoiseLevel) -> [f32; 2] {
    [level.signal as f32, level.noise as f32]
}

/// x_t = signal · x_0 + noise · ε, a sample of q(x_t | x_0) in closed form
/// (Ho et al. 2020, equation 4).
///
/// `x_0` and `eps` are of equal length, in any layout, `x_0` in [-1, 1].
pub fn q_sample<'a>(
    schedule: &Schedule,
    x_0: &'a [f32],
    eps: &'a [f32],
    t: usize,
) -> impl Iterator<Item = f32> + 'a {
    mix(x_0, eps, q_sample_coefs(schedule.level(Some(t))))
}

/// One step of the Markov chain: a sample of q(x_t | x_{t-1}), in place. On variance-preserving
/// schedules x_t = √(1 - β_t) · x_{t-1} + √β_t · ε (Ho et al. 2020, equation 2).
pub fn q_step(schedule: &Schedule, x: &mut [f32], eps: &[f32], t: usize) {
    let (level, previous) = (schedule.level(Some(t)), schedule.level(t.checked_sub(1)));
    let alpha_ratio = (level.signal / previous.signal) as f32;
    let noise = schedule.posterior(t).beta.sqrt() as f32;
    for (x, eps) in x.iter_mut().zip(eps) {
        *x = alpha_ratio * *x + noise * eps;
    }
}

/// x_t = signal · x_0 + noise · ε, a sample of q(x_t | x_0) at any level (Kingma et al. 2021,
/// equation 1). Tensors are of any shape, the same for both.
pub fn q_sample_at<B: Backend, const D: usize>(
    x_0: Tensor<B, D>,
    eps: Tensor<B, D>,
    level: NoiseLevel,
) -> Tensor<B, D> {
    x_0 * level.signal + eps * level.noise
}

/// A sample of q(x_t | x_s) for x_s at `from` and x_t at the noisier `to`, however many steps of
/// the chain lie between them (Kingma et al. 2021, equations 20 to 22). Tensors are `[batch,
/// channels, height, width]`.
pub fn q_between<B: Backend>(
    x_s: Tensor<B, 4>,
    eps: Tensor<B, 4>,
    from: NoiseLevel,
    to: NoiseLevel,
) -> Tensor<B, 4> {
    let beta = Posterior::between(to, from).beta;
    x_s * (to.signal / from.signal) + eps * beta.max(0.0).sqrt()
}
