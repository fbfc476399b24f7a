//! The ideal denoiser of points and of mixtures of normal distributions, in closed form.

use std::array::from_fn;

use burn::tensor::{Tensor, TensorData};

use super::distribution::{Gaussian, Point};
use crate::{
    backend::Flex,
    denoiser::Denoiser,
    diffusion::{ModelOutput, NoiseLevel, PredictionType},
    ops::cpu::exp::exp,
};

/// Points that are looked at together: a vector of the processor, or two.
const LANES: usize = 8;

/// Noise counts as at least this: nothing is to be divided by 0 at time 0.
const LEAST_NOISE: f64 = 1e-4;

/// Where noise comes from: equally many normal distributions of one `deviation` around `means`.
///
/// A standard normal distribution is one of them, around 0; a ring of them is an annulus.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// The middles.
    pub means: Vec<Point>,
    /// Above 0.
    pub deviation: f64,
}

impl Base {
    /// The standard normal distribution.
    pub fn standard() -> Self {
        Self {
            means: vec![[0.0; 2]],
            deviation: 1.0,
        }
    }
}

/// E[x_0 | x_t] where x_0 is one of finitely many points or a mixture of normal distributions, and
/// x_t = signal · x_0 + noise · x_1 with x_1 from a [`Base`].
///
/// Of points it is what [`crate::denoiser::IdealDenoiser`] is of images (Karras et al. 2022,
/// equation 57). The probability of each component, given x_t, is weighted by the density that it
/// gives x_t; within a component x_0 and x_t are normal together (Bishop 2006, "Pattern recognition
/// and machine learning", equations 2.81 and 2.113 to 2.117).
#[derive(Debug, Clone)]
pub struct IdealOfPoints {
    data: Data,
    base: Base,
}

#[derive(Debug, Clone)]
enum Data {
    Points(Vec<Point>),
    Mixture(Vec<Gaussian>),
}

impl IdealOfPoints {
    /// Of points, each as likely; at least one.
    pub fn of_points(points: Vec<Point>, base: Base) -> Self {
        Self {
            data: Data::Points(points),
            base,
        }
    }

    /// Of a mixture of normal distributions; at least one.
    pub fn of_mixture(mixture: Vec<Gaussian>, base: Base) -> Self {
        Self {
            data: Data::Mixture(mixture),
            base,
        }
    }

    /// E[x_0 | x_t] for each of `x_t` at `level`.
    pub fn estimate(&self, x_t: &[Point], level: NoiseLevel) -> Vec<Point> {
        let level = NoiseLevel {
            noise: level.noise.max(LEAST_NOISE),
            ..level
        };
        match &self.data {
            Data::Points(points) => {
                let candidates = Candidates::new(points, &self.base, level);
                let mut weights = Vec::new();
                let mut mean = |x: &Point| candidates.mean(*x, &mut weights);
                x_t.iter().map(&mut mean).collect()
            }
            Data::Mixture(mixture) => {
                let parts: Vec<Part> = mixture
                    .iter()
                    .flat_map(|gaussian| {
                        let means = self.base.means.iter();
                        means.map(|mean| Part::new(gaussian, *mean, self.base.deviation, level))
                    })
                    .collect();
                x_t.iter().map(|x| mean_of_parts(&parts, *x)).collect()
            }
        }
    }
}

/// Where x_t would be without the normal part of its noise, for each point and each middle of the
/// base, and the point. Lists of one length, a multiple of [`LANES`], so that loops over them are
/// vectorised.
struct Candidates {
    /// x and y of where x_t would be; far away in what only fills up.
    centres: [Vec<f32>; 2],
    /// x and y of the points.
    points: [Vec<f32>; 2],
    /// 1 / (2 · variance of x_t around a candidate)
    factor: f32,
}

impl Candidates {
    fn new(points: &[Point], base: &Base, level: NoiseLevel) -> Self {
        let count = (points.len() * base.means.len()).next_multiple_of(LANES);
        let of_axis = |axis: usize| {
            let centre = |mean: &Point, point: &Point| {
                (level.signal * point[axis] as f64 + level.noise * mean[axis] as f64) as f32
            };
            let means = base.means.iter();
            let pairs = means.flat_map(|mean| points.iter().map(move |point| (mean, point)));
            let mut centres: Vec<f32> = pairs.map(|(mean, point)| centre(mean, point)).collect();
            let repeated = points.iter().map(|point| point[axis]).cycle();
            let mut points: Vec<f32> = repeated.take(centres.len()).collect();
            centres.resize(count, 1e9);
            points.resize(count, 0.0);
            [centres, points]
        };
        let [[centres_x, points_x], [centres_y, points_y]] = [of_axis(0), of_axis(1)];
        let deviation = level.noise * base.deviation;
        Self {
            centres: [centres_x, centres_y],
            points: [points_x, points_y],
            factor: (0.5 / (deviation * deviation)) as f32,
        }
    }

    /// The points' mean, weighted by exp(-‖x - centre‖² · factor) over the largest of these.
    /// `weights` is room for as many as there are candidates.
    fn mean(&self, x: Point, weights: &mut Vec<f32>) -> Point {
        let [centres_x, centres_y] = &self.centres;
        weights.clear();
        weights.extend(centres_x.iter().zip(centres_y).map(|(cx, cy)| {
            let (dx, dy) = (x[0] - cx, x[1] - cy);
            dx * dx + dy * dy
        }));
        let least = weights
            .chunks_exact(LANES)
            .fold([f32::MAX; LANES], |least, squares| {
                from_fn(|lane| least[lane].min(squares[lane]))
            });
        let least = least.iter().copied().fold(f32::MAX, f32::min);
        for weight in weights.iter_mut() {
            *weight = exp((least - *weight) * self.factor);
        }
        let mut sums = [[0f32; LANES]; 3];
        let points = self.points[0].chunks_exact(LANES);
        let points = points.zip(self.points[1].chunks_exact(LANES));
        for (weights, (xs, ys)) in weights.chunks_exact(LANES).zip(points) {
            sums = [
                from_fn(|lane| sums[0][lane] + weights[lane]),
                from_fn(|lane| sums[1][lane] + weights[lane] * xs[lane]),
                from_fn(|lane| sums[2][lane] + weights[lane] * ys[lane]),
            ];
        }
        let [total, x, y] = sums.map(|lanes| lanes.iter().sum::<f32>());
        [x / total, y / total]
    }
}

/// One normal distribution of x_0 with one of the base.
struct Part {
    /// Logarithm of its weight over the square root of the determinant of x_t's covariance.
    log_weight: f64,
    mean: [f64; 2],
    /// Mean of x_t.
    centre: [f64; 2],
    /// Inverse of the covariance of x_t, xx, xy and yy.
    precision: [f64; 3],
    /// The gain signal · C · precision, by rows.
    gain: [[f64; 2]; 2],
}

impl Part {
    fn new(gaussian: &Gaussian, base: Point, deviation: f64, level: NoiseLevel) -> Self {
        let NoiseLevel { signal, noise, .. } = level;
        let [xx, xy, yy] = gaussian.covariance;
        let own = (noise * deviation).powi(2);
        let [a, b, d] = [
            signal * signal * xx + own,
            signal * signal * xy,
            signal * signal * yy + own,
        ];
        let determinant = a * d - b * b;
        let precision = [d / determinant, -b / determinant, a / determinant];
        let row = |c: [f64; 2]| {
            [
                signal * (c[0] * precision[0] + c[1] * precision[1]),
                signal * (c[0] * precision[1] + c[1] * precision[2]),
            ]
        };
        Self {
            log_weight: gaussian.weight.ln() - 0.5 * determinant.ln(),
            mean: gaussian.mean,
            centre: [0, 1].map(|axis| signal * gaussian.mean[axis] + noise * base[axis] as f64),
            precision,
            gain: [row([xx, xy]), row([xy, yy])],
        }
    }

    fn offset(&self, x: Point) -> [f64; 2] {
        [x[0] as f64 - self.centre[0], x[1] as f64 - self.centre[1]]
    }

    fn log_density(&self, x: Point) -> f64 {
        let [dx, dy] = self.offset(x);
        let [xx, xy, yy] = self.precision;
        self.log_weight - 0.5 * (dx * dx * xx + 2.0 * dx * dy * xy + dy * dy * yy)
    }

    fn posterior_mean(&self, x: Point) -> [f64; 2] {
        let [dx, dy] = self.offset(x);
        [0, 1].map(|axis| self.mean[axis] + self.gain[axis][0] * dx + self.gain[axis][1] * dy)
    }
}

fn mean_of_parts(parts: &[Part], x: Point) -> Point {
    let most = parts
        .iter()
        .map(|part| part.log_density(x))
        .fold(f64::MIN, f64::max);
    let mut sums = [0.0; 3];
    for part in parts {
        let weight = (part.log_density(x) - most).exp();
        let mean = part.posterior_mean(x);
        sums[0] += weight;
        sums[1] += weight * mean[0];
        sums[2] += weight * mean[1];
    }
    [(sums[1] / sums[0]) as f32, (sums[2] / sums[0]) as f32]
}

/// The points of a tensor `[n, 2, 1, 1]`.
pub(super) fn points_of(tensor: Tensor<Flex, 4>) -> Vec<Point> {
    let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
    values.chunks_exact(2).map(|x| [x[0], x[1]]).collect()
}

/// Points as a tensor `[n, 2, 1, 1]`: images of two channels and one pixel.
pub(super) fn tensor_of(points: &[Point]) -> Tensor<Flex, 4> {
    let data = TensorData::new(points.concat(), [points.len(), 2, 1, 1]);
    Tensor::from_data(data, &Default::default())
}

impl Denoiser<Flex> for IdealOfPoints {
    fn prediction_type(&self) -> PredictionType {
        PredictionType::Sample
    }

    fn output(
        &self,
        x_t: Tensor<Flex, 4>,
        level: NoiseLevel,
        _class_labels: Option<&[usize]>,
    ) -> ModelOutput<Flex> {
        ModelOutput {
            values: tensor_of(&self.estimate(&points_of(x_t), level)),
            var_values: None,
        }
    }
}
