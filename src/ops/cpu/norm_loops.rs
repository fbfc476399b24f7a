//! The loops of group normalisation over `[pixels, channels]`.

use super::exp::sigmoid;
use super::vectorised::vectorised;

/// Channels in the accumulators of the inner loops: a cache line.
const LANES: usize = 16;

/// Sums over pixels, per channel.
pub struct ChannelSums {
    /// Of the gradient before SiLU.
    pub plain: Vec<f64>,
    /// Of its product with the normalised input.
    pub product: Vec<f64>,
}

/// The gradient of the input is `grad_coef · g + x_coef · x + constant` per channel, g the gradient
/// before SiLU.
pub struct InputCoefficients {
    /// Of g.
    pub grad_coef: Vec<f32>,
    /// Of x.
    pub x_coef: Vec<f32>,
    /// What is added.
    pub constant: Vec<f32>,
}

/// Runs `$block` for blocks of [`LANES`] channels, then of four, then of one: with a constant
/// number of lanes the compiler keeps accumulators in registers.
macro_rules! for_each_channel_block {
    ($channels:expr, |$first:ident, $lanes:ident| $block:block) => {{
        let channels = $channels;
        let wide = channels - channels % LANES;
        let narrow = channels - channels % 4;
        for $first in (0..wide).step_by(LANES) {
            const $lanes: usize = LANES;
            $block
        }
        for $first in (wide..narrow).step_by(4) {
            const $lanes: usize = 4;
            $block
        }
        for $first in narrow..channels {
            const $lanes: usize = 1;
            $block
        }
    }};
}

/// `LANES` numbers of `values` from `start`.
#[inline(always)]
fn block<const N: usize>(values: &[f32], start: usize) -> [f32; N] {
    let mut block = [0.0; N];
    block.copy_from_slice(&values[start..start + N]);
    block
}

vectorised! {
    /// Mean of every channel of `x` `[pixels, c]` and sum of squared distances to it.
    pub fn channel_moments(x: &[f32], mean: &mut [f32], squares: &mut [f32]) {
        let channels = mean.len();
        let pixels = (x.len() / channels) as f32;
        for_each_channel_block!(channels, |first, N| {
            let mut sum = [0.0f32; N];
            for row in x.chunks_exact(channels) {
                let x = block::<N>(row, first);
                for i in 0..N {
                    sum[i] += x[i];
                }
            }
            let centre = sum.map(|sum| sum / pixels);
            let mut sum = [0.0f32; N];
            for row in x.chunks_exact(channels) {
                let x = block::<N>(row, first);
                for i in 0..N {
                    let distance = x[i] - centre[i];
                    sum[i] += distance * distance;
                }
            }
            mean[first..first + N].copy_from_slice(&centre);
            squares[first..first + N].copy_from_slice(&sum);
        });
    }

    /// `y` = `scale · x + shift`, all `[pixels, c]` or `[c]`.
    pub fn affine(x: &[f32], scale: &[f32], shift: &[f32], y: &mut [f32]) {
        let channels = scale.len();
        for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            for_each_channel_block!(channels, |first, N| {
                let x = block::<N>(x, first);
                let (a, b) = (block::<N>(scale, first), block::<N>(shift, first));
                for i in 0..N {
                    y[first + i] = x[i] * a[i] + b[i];
                }
            });
        }
    }

    /// `y` = SiLU(`scale · x + shift`).
    pub fn affine_silu(x: &[f32], scale: &[f32], shift: &[f32], y: &mut [f32]) {
        let channels = scale.len();
        for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            for_each_channel_block!(channels, |first, N| {
                let x = block::<N>(x, first);
                let (a, b) = (block::<N>(scale, first), block::<N>(shift, first));
                let mut result = [0.0; N];
                for i in 0..N {
                    let z = x[i] * a[i] + b[i];
                    result[i] = z * sigmoid(z);
                }
                y[first..first + N].copy_from_slice(&result);
            });
        }
    }

    /// `grad_z` = `grad` · SiLU'(z) at z = `scale · x + shift`.
    pub fn silu_backward(x: &[f32], grad: &[f32], scale: &[f32], shift: &[f32], grad_z: &mut [f32]) {
        let channels = scale.len();
        let rows = x.chunks_exact(channels).zip(grad.chunks_exact(channels));
        for ((x, grad), grad_z) in rows.zip(grad_z.chunks_exact_mut(channels)) {
            for_each_channel_block!(channels, |first, N| {
                let x = block::<N>(x, first);
                let (a, b) = (block::<N>(scale, first), block::<N>(shift, first));
                let grad = block::<N>(grad, first);
                let mut result = [0.0; N];
                for i in 0..N {
                    let z = x[i] * a[i] + b[i];
                    let s = sigmoid(z);
                    result[i] = grad[i] * (s * (1.0 + z * (1.0 - s)));
                }
                grad_z[first..first + N].copy_from_slice(&result);
            });
        }
    }

    /// Sums of `grad` and of `grad` · (`scale · x + shift`) over pixels.
    pub fn grad_sums(x: &[f32], grad: &[f32], scale: &[f32], shift: &[f32]) -> ChannelSums {
        let channels = scale.len();
        let mut sums = ChannelSums {
            plain: vec![0.0; channels],
            product: vec![0.0; channels],
        };
        for_each_channel_block!(channels, |first, N| {
            let (a, b) = (block::<N>(scale, first), block::<N>(shift, first));
            let mut plain = [0.0f32; N];
            let mut product = [0.0f32; N];
            for (x, grad) in x.chunks_exact(channels).zip(grad.chunks_exact(channels)) {
                let (x, grad) = (block::<N>(x, first), block::<N>(grad, first));
                for i in 0..N {
                    plain[i] += grad[i];
                    product[i] += grad[i] * (x[i] * a[i] + b[i]);
                }
            }
            for i in 0..N {
                sums.plain[first + i] = plain[i] as f64;
                sums.product[first + i] = product[i] as f64;
            }
        });
        sums
    }

    /// `total` += `part`.
    pub fn add(total: &mut [f32], part: &[f32]) {
        for (total, part) in total.iter_mut().zip(part) {
            *total += part;
        }
    }

    /// Turns the gradient before SiLU in `grad` `[pixels, c]` into that of the input.
    pub fn combine(grad: &mut [f32], x: &[f32], coefficients: &InputCoefficients) {
        let channels = coefficients.x_coef.len();
        for (grad, x) in grad.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for_each_channel_block!(channels, |first, N| {
                let (x, g) = (block::<N>(x, first), block::<N>(grad, first));
                let grad_coef = block::<N>(&coefficients.grad_coef, first);
                let x_coef = block::<N>(&coefficients.x_coef, first);
                let constant = block::<N>(&coefficients.constant, first);
                let mut result = [0.0; N];
                for i in 0..N {
                    result[i] = grad_coef[i] * g[i] + x_coef[i] * x[i] + constant[i];
                }
                grad[first..first + N].copy_from_slice(&result);
            });
        }
    }
}
