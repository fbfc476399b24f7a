//! An exponential that the compiler can vectorise.

/// `e^x` to about 1 ulp for `x` in [-87, 88], without branches or table: `f32::exp` is a call per
/// number.
///
/// Outside that range the result is the one at its nearest end, which is all a sigmoid needs: at
/// -87.3 the exponential is the smallest normal number. NaN stays NaN.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// Adding it leaves the nearest integer in the low bits of the significand.
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2^23
    /// ln 2 in two parts; products of the first with integers up to 2^15 are exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;

    // Comparisons this way round, unlike `clamp`, keep NaN and are one instruction each.
    let x = if x < -87.336_54 { -87.336_54 } else { x };
    let x = if x > 88.3 { 88.3 } else { x };

    // x = n · ln 2 + r with |r| ≤ ln 2 / 2, so e^x = 2^n · e^r.
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;

    // Minimax polynomial of (e^r - 1 - r) / r² by S. Moshier (Cephes, expf).
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let e_r = p * (r * r) + r + 1.0;

    // The low bits of `shifted` are n: moved to the exponent field and biased, they are 2^n.
    let two_to_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    e_r * two_to_n
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::{exp, sigmoid};

    #[test]
    fn exp_is_accurate_to_two_units_in_the_last_place() {
        let mut worst = 0.0f64;
        // Every 97th float in ±[2^-30, 87]: about 2.5 million.
        for magnitude in (2f32.powi(-30).to_bits()..=87f32.to_bits()).step_by(97) {
            for x in [f32::from_bits(magnitude), -f32::from_bits(magnitude)] {
                let exact = (x as f64).exp();
                let rounded = exact as f32;
                let unit = f32::from_bits(rounded.to_bits() + 1) as f64 - rounded as f64;
                worst = worst.max((exp(x) as f64 - exact).abs() / unit);
            }
        }
        assert!(worst < 2.0, "off by {worst} units in the last place");
    }

    #[test]
    fn exp_at_special_values() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(f32::INFINITY) > 1e38);
        assert!(exp(f32::NEG_INFINITY) < 2e-38);
    }

    #[test]
    fn sigmoid_has_its_limits() {
        assert_eq!(sigmoid(0.0), 0.5);
        assert_eq!(sigmoid(100.0), 1.0);
        assert!((0.0..1e-37).contains(&sigmoid(-100.0)));
        assert!(sigmoid(f32::NAN).is_nan());
    }
}
