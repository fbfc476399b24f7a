//! Conversions between what a network may predict: ε and x_0 are two views of one thing, because
//! x_t = √ᾱ_t · x_0 + √(1 - ᾱ_t) · ε.
//!
//! Tensors are `[batch, channels, height, width]`; `alpha_cumprod` is ᾱ_t in (0, 1).

use burn::tensor::{Tensor, backend::Backend};

/// x_0 = (x_t - √(1 - ᾱ_t) · ε) / √ᾱ_t (Ho et al. 2020, equation 15).
pub fn x0_from_eps<B: Backend>(
    x_t: Tensor<B, 4>,
    eps: Tensor<B, 4>,
    alpha_cumprod: f64,
) -> Tensor<B, 4> {
    (x_t - eps * (1.0 - alpha_cumprod).sqrt()) / alpha_cumprod.sqrt()
}

/// ε = (x_t - √ᾱ_t · x_0) / √(1 - ᾱ_t).
pub fn eps_from_x0<B: Backend>(
    x_t: Tensor<B, 4>,
    x_0: Tensor<B, 4>,
    alpha_cumprod: f64,
) -> Tensor<B, 4> {
    (x_t - x_0 * alpha_cumprod.sqrt()) / (1.0 - alpha_cumprod).sqrt()
}
