//! What a step of the reverse process costs in bits: a KL divergence, and for the last step the
//! negative log-likelihood of the decoder.
//!
//! As improved-diffusion's `_vb_terms_bpd` (Nichol & Dhariwal 2021): the variance of the first
//! step, where the posterior has none, is that of the second; and the decoder of the last step is a
//! normal distribution integrated over the 1/255 around each of the 256 levels of a pixel (Ho et
//! al. 2020, equation 13).

use std::f64::consts::{FRAC_2_PI, LN_2};

use burn::tensor::{Tensor, TensorData, activation::log_sigmoid, backend::Backend};

use super::{Posterior, Schedule};

/// Probabilities of pixels count as at least this.
const LEAST_PROBABILITY: f64 = 1e-12;

/// Logarithm of the variance of p(x_{t-1} | x_t) at each item's t, `[batch, channels, height,
/// width]`, where the network says `var_values` of that shape (Nichol & Dhariwal 2021, equation
/// 15). As in improved-diffusion β̃_0, which is 0, is clipped to β̃_1.
pub fn learned_log_variance<B: Backend>(
    schedule: &Schedule,
    timesteps: &[usize],
    var_values: Tensor<B, 4>,
) -> Tensor<B, 4> {
    let device = var_values.device();
    let row = |t| {
        let smallest = schedule.posterior_log_variance_clipped(t);
        Posterior::learned_log_variance(smallest, schedule.log_beta(t))
    };
    var_values * per_item(timesteps, &|t| row(t)[0], &device)
        + per_item(timesteps, &|t| row(t)[1], &device)
}

/// Bits per dimension of the step from each item's t, `[batch]`: the divergence of
/// p(x_{t-1} | x_t) from q(x_{t-1} | x_t, x_0), and at t = 0 the negative log-likelihood of x_0
/// (L_{t-1} and L_0 of Ho et al. 2020, equation 5).
///
/// `x_0` and `error` = pred_x0 - x_0 are `[batch, channels, height, width]`, `log_variance` is p's,
/// of that shape or of one that broadcasts to it.
pub fn vlb_terms<B: Backend>(
    schedule: &Schedule,
    timesteps: &[usize],
    x_0: Tensor<B, 4>,
    error: Tensor<B, 4>,
    log_variance: Tensor<B, 4>,
) -> Tensor<B, 1> {
    let device = x_0.device();
    let per_item = |value: &dyn Fn(usize) -> f64| per_item(timesteps, value, &device);
    let log_posterior = per_item(&|t| schedule.posterior_log_variance_clipped(t));
    let log_mean_coef1 = per_item(&|t| 2.0 * schedule.posterior(t).mean_coef1.ln());
    // The divergence of two normal distributions (Rasmussen & Williams 2006, "Gaussian processes
    // for machine learning", appendix A.5) whose means are mean_coef1 · error apart (by Ho et al.
    // 2020, equation 7).
    let squared = error.clone() * error.clone();
    let divergence = (log_variance.clone() - log_posterior.clone()
        + (log_posterior - log_variance.clone()).exp()
        + squared * (log_mean_coef1 - log_variance.clone()).exp()
        - 1.0)
        / 2.0;
    let mut terms = mean_per_item(divergence) / LN_2;
    if timesteps.contains(&0) {
        let nll = -discretized_gaussian_log_likelihood(x_0, error, log_variance / 2.0);
        let first = per_item(&|t| if t == 0 { 1.0 } else { 0.0 }).reshape([timesteps.len() as i32]);
        terms = terms.mask_where(first.greater_elem(0.5), mean_per_item(nll) / LN_2);
    }
    terms
}

/// Log-likelihood of pixels `x_0`, levels k / 127.5 - 1, under a normal distribution with mean
/// `x_0 + error` and standard deviation exp(`log_scale`) (Ho et al. 2020, equation 13).
///
/// The integral is approximated by (1 + tanh(√(2/π) · (z + 0.044715 · z³))) / 2 (Page 1977,
/// "Approximations to the cumulative normal function and its inverse for use on a pocket
/// calculator"; with these numbers Hendrycks & Gimpel 2016, section 2), as in improved-diffusion.
///
/// (1 + tanh(y)) / 2 is σ(2y) with the logistic function σ. The difference σ(a) - σ(b), which f32
/// could not take in the tails, is written as its equal σ(a) · σ(-b) · (1 - e^(b-a)).
fn discretized_gaussian_log_likelihood<B: Backend>(
    x_0: Tensor<B, 4>,
    error: Tensor<B, 4>,
    log_scale: Tensor<B, 4>,
) -> Tensor<B, 4> {
    const HALF_LEVEL: f64 = 1.0 / 255.0;
    const CUBIC: f64 = 0.044715;
    let slope = 2.0 * FRAC_2_PI.sqrt();
    let inv_std = (-log_scale).exp();
    let above = (-error.clone() + HALF_LEVEL) * inv_std.clone();
    let below = (-error - HALF_LEVEL) * inv_std.clone();
    let logit = |z: Tensor<B, 4>| (z.clone() + z.clone() * z.clone() * z * CUBIC) * slope;
    // a - b, by above³ - below³ = (above - below) · squares.
    let width = inv_std * (2.0 * HALF_LEVEL);
    let squares = above.clone() * above.clone()
        + above.clone() * below.clone()
        + below.clone() * below.clone();
    let gap = (width.clone() + width * squares * CUBIC) * slope;
    let log_cdf_above = log_sigmoid(logit(above));
    let log_rest_below = log_sigmoid(-logit(below));
    let inside = log_cdf_above.clone() + log_rest_below.clone() + log_one_minus_exp(gap);
    // The outermost levels reach to infinity.
    inside
        .mask_where(x_0.clone().lower_elem(-0.999), log_cdf_above)
        .mask_where(x_0.greater_elem(0.999), log_rest_below)
        .clamp_min(LEAST_PROBABILITY.ln())
}

/// log(1 - e^-x) for x > 0, one way for small x and another for large (Mächler 2012, "Accurately
/// computing log(1 - exp(-|a|))", equation 7). Tensors have no expm1: for small x it is the series
/// log x - x / 2 + x² / 24 …, whose third term and those after it come to less than 5e-6.
fn log_one_minus_exp<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let small = x.clone().lower_elem(0.01);
    let large = (-(-x.clone().clamp_min(0.01)).exp() + 1.0).log();
    let series = x.clone().clamp_min(1e-20).log() - x / 2.0;
    large.mask_where(small, series)
}

/// A number for each item: `[batch, 1, 1, 1]`.
pub(crate) fn per_item<B: Backend>(
    timesteps: &[usize],
    value: &dyn Fn(usize) -> f64,
    device: &B::Device,
) -> Tensor<B, 4> {
    let values: Vec<f32> = timesteps.iter().map(|t| value(*t) as f32).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count, 1, 1, 1]), device)
}

/// `[batch]`, one axis at a time: burn sums an axis with one thread per output, so a sum of
/// everything at once would be a single thread's work on a GPU.
pub(crate) fn mean_per_item<B: Backend>(values: Tensor<B, 4>) -> Tensor<B, 1> {
    let [batch, channels, height, width] = values.dims();
    let sum = values.sum_dim(3).sum_dim(2).sum_dim(1);
    sum.reshape([batch as i32]) / (channels * height * width) as f64
}
