//! Noise levels: the factors of image and noise, α_t and σ_t of Kingma et al. 2021.

/// A noise level: x = `signal` · x_0 + `noise` · ε with standard normal ε.
///
/// Variance-preserving processes have `signal`² + `noise`² = 1, rectified flow has
/// `signal` + `noise` = 1, variance-exploding ones `signal` = 1 (Kingma et al. 2021, equation 1 and
/// section 3.1; Liu et al. 2023, equation 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseLevel {
    /// The timestep that the network is given, between timesteps for some samplers.
    pub t: f64,
    /// Factor of x_0, from 1 down to 0.
    pub signal: f64,
    /// Factor of ε, from 0 up: to 1, but where the variance explodes.
    pub noise: f64,
}

impl NoiseLevel {
    /// No noise at all: where sampling ends.
    pub const CLEAN: Self = Self {
        t: 0.0,
        signal: 1.0,
        noise: 0.0,
    };

    /// A level of a variance-preserving process: `alpha_cumprod` is ᾱ (Ho et al. 2020, equation 4).
    pub fn variance_preserving(t: f64, alpha_cumprod: f64) -> Self {
        Self {
            t,
            signal: alpha_cumprod.sqrt(),
            noise: (1.0 - alpha_cumprod).sqrt(),
        }
    }

    /// A level of a rectified flow of `num_train_timesteps` at `sigma` in [0, 1]:
    /// x_t = (1 - σ) · x_0 + σ · ε (Liu et al. 2023, equation 1), t = σ · T.
    pub fn rectified_flow(sigma: f64, num_train_timesteps: usize) -> Self {
        Self {
            t: sigma * num_train_timesteps as f64,
            signal: 1.0 - sigma,
            noise: sigma,
        }
    }

    /// A level of a variance-exploding process: x_t = x_0 + σ · ε (Song et al. 2021b, "Score-based
    /// generative modeling through stochastic differential equations", section 3.4).
    pub fn variance_exploding(t: f64, sigma: f64) -> Self {
        Self {
            t,
            signal: 1.0,
            noise: sigma,
        }
    }

    /// σ = noise / signal, the noise beside an x_0 of full strength (Song et al. 2021, section 4.3;
    /// Karras et al. 2022, section 2).
    ///
    /// Where no signal is left σ would be infinite. It then has the value that diffusers' samplers
    /// take for a terminal SNR of zero: ᾱ = 2⁻²⁴.
    pub fn sigma(&self) -> f64 {
        const LEAST_SIGNAL: f64 = 1.0 / 4096.0;
        if self.signal > 0.0 {
            self.noise / self.signal
        } else {
            (1.0 - LEAST_SIGNAL * LEAST_SIGNAL).sqrt() / LEAST_SIGNAL
        }
    }

    /// SNR = signal² / noise² (Kingma et al. 2021, equation 2).
    pub fn snr(&self) -> f64 {
        (self.signal / self.noise).powi(2)
    }
}
