//! The posterior of the forward process, which the reverse process imitates.

use super::NoiseLevel;

/// q(x_s | x_t, x_0) for a level s less noisy than t: a normal distribution with mean `mean_coef1 ·
/// x_0 + mean_coef2 · x_t` and variance `variance` (Ho et al. 2020, equations 6 and 7, in the form
/// of Kingma et al. 2021, appendix A.2, which lets steps be skipped and signal and noise be
/// anything).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// signal_s · β / noise_t²
    pub mean_coef1: f64,
    /// signal_t / signal_s · noise_s² / noise_t²
    pub mean_coef2: f64,
    /// β̃ = noise_s² / noise_t² · β
    pub variance: f64,
    /// β = noise_t² - (signal_t / signal_s)² · noise_s², the variance of q(x_t | x_s)
    /// (Kingma et al. 2021, equation 22).
    pub beta: f64,
    /// (signal_s / signal_t)² · β, the same in units of x_s; infinite where no signal is left.
    pub forward_variance: f64,
}

impl Posterior {
    /// From `level` t to the less noisy `previous` s.
    pub fn between(level: NoiseLevel, previous: NoiseLevel) -> Self {
        let scale = level.signal / previous.signal;
        let noise_ratio = (previous.noise / level.noise).powi(2);
        let beta = level.noise.powi(2) - (scale * previous.noise).powi(2);
        Self {
            mean_coef1: previous.signal * beta / level.noise.powi(2),
            mean_coef2: scale * noise_ratio,
            variance: noise_ratio * beta,
            beta,
            forward_variance: beta / (scale * scale),
        }
    }

    /// (scale, shift) of scale · v + shift, the logarithm of the variance where a network says v:
    /// `smallest`, that of β̃, at -1 and `largest`, that of β, at 1 (Nichol & Dhariwal 2021,
    /// equation 15).
    ///
    /// At the last step β̃ is 0, and whoever needs its logarithm clips it: improved-diffusion to
    /// that of the step before, to measure the bound
    /// ([`super::Schedule::posterior_log_variance_clipped`]), diffusers β̃ to 1e-20, to sample.
    pub fn learned_log_variance(smallest: f64, largest: f64) -> [f64; 2] {
        [(largest - smallest) / 2.0, (largest + smallest) / 2.0]
    }
}
