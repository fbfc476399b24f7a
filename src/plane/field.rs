//! What is drawn as arrows in the plane.

use super::{FieldKind, Plane, PlaneDenoiser, Point};
use crate::diffusion::{NoiseLevel, PredictionType};

impl Plane {
    /// The score or the velocity at each of `x_t` at `level`.
    ///
    /// The score is (signal · E[x_0 | x_t] - x_t) / noise² where noise is normal (Robbins 1956;
    /// Efron 2011, "Tweedie's formula and selection bias"). The velocity is that of DDIM's ODE:
    /// -(signal' · E[x_0 | x_t] + noise' · E[x_1 | x_t]) with derivatives by time (Nakkiran et al.
    /// 2024, equation 64).
    pub fn field(
        &self,
        denoiser: PlaneDenoiser,
        kind: FieldKind,
        x_t: &[Point],
        level: NoiseLevel,
    ) -> Vec<Point> {
        /// Of the difference that stands for the derivative.
        const STEP: f64 = 1e-3;
        let time = self.process.time(level).max(2.0 * STEP);
        let level = self.process.level(time);
        let before = self.process.level(time - STEP);
        let estimates = self.estimate(denoiser, x_t, level);
        let [x, x_0] = match kind {
            FieldKind::Score => {
                let variance = level.noise * level.noise;
                [-1.0 / variance, level.signal / variance]
            }
            FieldKind::Velocity => {
                // x_1 = (x_t - signal · x_0) / noise
                let [a, b] = PredictionType::Sample.eps_coefficients(level);
                let signal = (before.signal - level.signal) / STEP;
                let noise = (before.noise - level.noise) / STEP;
                [noise * a, signal + noise * b]
            }
        };
        let arrow = |(x_t, estimate): (&Point, &Point)| {
            [0, 1].map(|axis| (x * x_t[axis] as f64 + x_0 * estimate[axis] as f64) as f32)
        };
        x_t.iter().zip(&estimates).map(arrow).collect()
    }
}
