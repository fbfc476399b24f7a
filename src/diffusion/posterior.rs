//! The posterior of the forward process, which the reverse process imitates.

use super::VarianceType;

/// q(x_s | x_t, x_0) for s < t: a normal distribution with mean
/// `mean_coef1 · x_0 + mean_coef2 · x_t` and variance `variance`
/// (Ho et al. 2020, equations 6 and 7, with α_t read as ᾱ_t / ᾱ_s so that steps may be skipped).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// √ᾱ_s · β / (1 - ᾱ_t)
    pub mean_coef1: f64,
    /// √α · (1 - ᾱ_s) / (1 - ᾱ_t)
    pub mean_coef2: f64,
    /// β̃ = (1 - ᾱ_s) / (1 - ᾱ_t) · β
    pub variance: f64,
    /// β = 1 - ᾱ_t / ᾱ_s
    pub beta: f64,
}

impl Posterior {
    /// From `alpha_cumprod` ᾱ_t to `alpha_cumprod_prev` ᾱ_s.
    pub fn between(alpha_cumprod: f64, alpha_cumprod_prev: f64) -> Self {
        let alpha = alpha_cumprod / alpha_cumprod_prev;
        let beta = 1.0 - alpha;
        Self {
            mean_coef1: alpha_cumprod_prev.sqrt() * beta / (1.0 - alpha_cumprod),
            mean_coef2: alpha.sqrt() * (1.0 - alpha_cumprod_prev) / (1.0 - alpha_cumprod),
            variance: (1.0 - alpha_cumprod_prev) / (1.0 - alpha_cumprod) * beta,
            beta,
        }
    }

    /// Standard deviation σ_t of the reverse step.
    pub fn sigma(&self, variance_type: VarianceType) -> f64 {
        match variance_type {
            VarianceType::FixedSmall => self.variance.sqrt(),
            VarianceType::FixedLarge => self.beta.sqrt(),
        }
    }
}
