//! The forward process: how images become noise.

use super::Schedule;

/// x_t = √ᾱ_t · x_0 + √(1 - ᾱ_t) · ε, a sample of q(x_t | x_0) in closed form
/// (Ho et al. 2020, equation 4).
///
/// `x_0` and `eps` are of equal length, in any layout, `x_0` in [-1, 1].
pub fn q_sample<'a>(
    schedule: &Schedule,
    x_0: &'a [f32],
    eps: &'a [f32],
    t: usize,
) -> impl Iterator<Item = f32> + 'a {
    let alpha_cumprod = schedule.alphas_cumprod[t];
    let signal = alpha_cumprod.sqrt() as f32;
    let noise = (1.0 - alpha_cumprod).sqrt() as f32;
    x_0.iter()
        .zip(eps)
        .map(move |(x, eps)| signal * x + noise * eps)
}

/// x_t = √(1 - β_t) · x_{t-1} + √β_t · ε, one step of the Markov chain: a sample of
/// q(x_t | x_{t-1}) (Ho et al. 2020, equation 2), in place.
pub fn q_step(schedule: &Schedule, x: &mut [f32], eps: &[f32], t: usize) {
    let beta = schedule.betas[t];
    let keep = (1.0 - beta).sqrt() as f32;
    let noise = beta.sqrt() as f32;
    for (x, eps) in x.iter_mut().zip(eps) {
        *x = keep * *x + noise * eps;
    }
}
