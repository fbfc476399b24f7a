//! Claims 2 and 4 of Nakkiran et al. 2024 ("Step-by-Step Diffusion: An Elementary Tutorial", arXiv
//! 2406.08929), measured in the plane: both hold where the variance explodes, and in no other process.

use super::{
    BaseKind, Distribution, Plane, PlaneDenoiser, PlaneRunOptions, Point, ProcessKind, Spacing,
    gaussian_ring, run::distance,
};
use crate::{
    diffusion::{NoiseLevel, Posterior},
    error::{Error, Result},
    sampler::SamplerConfig,
};

/// Points of the grid that is integrated over along a side, and how many standard deviations it
/// reaches beyond the arrows.
const GRID: usize = 144;
const MARGIN: f64 = 4.0;

/// Where the expected step of the chain is compared with a share of the way to x_0.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim2 {
    /// t of each frame, from 1 down.
    pub times: Vec<f64>,
    /// E[x_{t-Δt} - x_t | x_t] at each place in each frame, by an integral over x_{t-Δt}.
    pub measured: Vec<Vec<Point>>,
    /// (Δt / t) · E[x_0 - x_t | x_t] at the same places.
    pub claimed: Vec<Vec<Point>>,
    /// The root mean square of the differences in each frame, as a share of that of `measured`.
    pub differences: Vec<f64>,
}

/// Where DDIM is compared with the linear flow whose time is √t.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim4 {
    /// t of each frame, from 1 down to 0.
    pub times: Vec<f64>,
    /// DDIM's points in each frame.
    pub ddim: Vec<Vec<Point>>,
    /// Those of Euler's method, steps of s = √t along dx/ds = (x - E[x_0 | x]) / s, from the same
    /// noise.
    pub flow: Vec<Vec<Point>>,
    /// The mean distance between the two in each frame.
    pub gaps: Vec<f64>,
}

/// A normal distribution around a point, the same in every direction.
struct Component {
    weight: f64,
    mean: [f64; 2],
    variance: f64,
}

impl Plane {
    /// Claim 2 with Δt = 1 / `steps` at `places` within [-`extent`, `extent`]², in at most `frames`
    /// frames.
    ///
    /// # Errors
    /// [`Error::Config`] for fewer than 2 steps or too many, and for noise that is not normal.
    pub fn claim_2(
        &self,
        steps: usize,
        frames: usize,
        places: &[Point],
        extent: f64,
    ) -> Result<Claim2> {
        self.check_claim(steps)?;
        let levels = self.process.levels(steps, Spacing::Time)?;
        // The last step ends at x_0 itself, where there is nothing to compare.
        let pairs: Vec<[NoiseLevel; 2]> =
            levels.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        let frames = frames.clamp(1, pairs.len());
        let mut claim = Claim2 {
            times: Vec::new(),
            measured: Vec::new(),
            claimed: Vec::new(),
            differences: Vec::new(),
        };
        for frame in 0..frames {
            let [level, previous] = pairs[frame * (pairs.len() - 1) / (frames - 1).max(1)];
            let time = self.process.time(level);
            let share = (time - self.process.time(previous)) / time;
            let measured = self.mean_steps(places, [level, previous], extent);
            let x_0 = self.estimate(PlaneDenoiser::Ideal, places, level);
            let claimed: Vec<Point> = places
                .iter()
                .zip(&x_0)
                .map(|(x, x_0)| [0, 1].map(|axis| share as f32 * (x_0[axis] - x[axis])))
                .collect();
            let squares = |arrow: &dyn Fn(usize) -> f64| -> f64 {
                (0..places.len()).map(|i| arrow(i).powi(2)).sum()
            };
            let difference = squares(&|i| distance(measured[i], claimed[i]));
            let size = squares(&|i| distance(measured[i], [0.0; 2]));
            claim.times.push(time);
            claim
                .differences
                .push((difference / size.max(1e-12)).sqrt());
            claim.measured.push(measured);
            claim.claimed.push(claimed);
        }
        Ok(claim)
    }

    /// E[x_{t-Δt} - x_t | x_t] at each of `places`: x_{t-Δt} weighted by how likely it is and how likely
    /// the chain goes from it to x_t, summed over a grid.
    fn mean_steps(
        &self,
        places: &[Point],
        [level, previous]: [NoiseLevel; 2],
        extent: f64,
    ) -> Vec<Point> {
        let scale = level.signal / previous.signal;
        let beta = Posterior::between(level, previous).beta;
        let reach = extent / scale.max(0.1) + MARGIN * beta.sqrt();
        let at = |k: usize| reach * (2.0 * k as f64 / (GRID - 1) as f64 - 1.0);
        // Every factor is a product of one of x and one of y.
        let normal = |centre: f64, variance: f64, factor: f64| -> Vec<f64> {
            (0..GRID)
                .map(|k| (-(factor * at(k) - centre).powi(2) / (2.0 * variance)).exp())
                .collect()
        };
        let mut density = vec![0.0; GRID * GRID];
        for Component {
            weight,
            mean,
            variance,
        } in self.components(previous)
        {
            let [x, y] = mean.map(|centre| normal(centre, variance, 1.0));
            for (row, y) in density.chunks_exact_mut(GRID).zip(&y) {
                let factor = weight * y / variance;
                // Far away it adds nothing.
                if factor > 1e-300 {
                    row.iter_mut()
                        .zip(&x)
                        .for_each(|(sum, x)| *sum += factor * x);
                }
            }
        }
        places
            .iter()
            .map(|place| {
                let [x, y] = place.map(|place| normal(place as f64, beta, scale));
                let mut sums = [0.0; 3];
                for (k, (row, y)) in density.chunks_exact(GRID).zip(&y).enumerate() {
                    let (mut sum, mut moment) = (0.0, 0.0);
                    for (j, (density, x)) in row.iter().zip(&x).enumerate() {
                        let weight = density * x;
                        sum += weight;
                        moment += weight * at(j);
                    }
                    sums[0] += y * sum;
                    sums[1] += y * moment;
                    sums[2] += y * sum * at(k);
                }
                let mean = [1, 2].map(|i| sums[i] / sums[0]);
                [0, 1].map(|axis| (mean[axis] - place[axis] as f64) as f32)
            })
            .collect()
    }

    /// The density of all x_t at `level`.
    fn components(&self, level: NoiseLevel) -> Vec<Component> {
        let component = |weight: f64, mean: [f64; 2], own: f64| Component {
            weight,
            mean: mean.map(|x| level.signal * x),
            variance: level.signal * level.signal * own + level.noise * level.noise,
        };
        if self.config.distribution == Distribution::Gaussians {
            let ring = gaussian_ring();
            let parts = ring.iter();
            return parts
                .map(|part| component(part.weight, part.mean, part.covariance[0]))
                .collect();
        }
        let points = self.training_set.iter();
        points
            .map(|point| component(1.0, point.map(f64::from), 0.0))
            .collect()
    }

    /// Claim 4 with `steps` steps of `count` points from the noise of `seed`.
    ///
    /// # Errors
    /// [`Error::Config`] for numbers out of range, and for noise that is not normal.
    pub fn claim_4(&self, steps: usize, count: usize, seed: u64) -> Result<Claim4> {
        self.check_claim(steps)?;
        let run = self.run(&PlaneRunOptions {
            sampler: SamplerConfig::Ddim {
                eta: 0.0,
                use_clipped_model_output: false,
            },
            steps,
            count,
            seed,
            denoiser: PlaneDenoiser::Ideal,
            karras: Some(false),
        })?;
        let times = run.levels.iter().map(|level| self.process.time(*level));
        let times: Vec<f64> = times.chain([0.0]).collect();
        let mut flow = vec![run.frames[0].clone()];
        for (index, level) in run.levels.iter().enumerate() {
            let x = &flow[index];
            let [s, next] = [times[index].sqrt(), times[index + 1].sqrt()];
            let x_0 = self.estimate(PlaneDenoiser::Ideal, x, *level);
            let step = ((next - s) / s) as f32;
            let moved = |(x, x_0): (&Point, &Point)| {
                [0, 1].map(|axis| x[axis] + step * (x[axis] - x_0[axis]))
            };
            flow.push(x.iter().zip(&x_0).map(moved).collect());
        }
        let gaps = run.frames.iter().zip(&flow);
        Ok(Claim4 {
            gaps: gaps.map(|(a, b)| super::mean_distance(a, b)).collect(),
            times,
            ddim: run.frames,
            flow,
        })
    }

    fn check_claim(&self, steps: usize) -> Result<()> {
        if self.config.base != BaseKind::Gaussian
            || self.process.kind() == ProcessKind::RectifiedFlow
        {
            return Err(Error::Config(
                "the claims are about chains of normal noise; choose the process that preserves \
                 the variance or the one whose variance explodes."
                    .into(),
            ));
        }
        if steps < 2 {
            return Err(Error::Config(
                "the claims need 2 steps or more, since they compare one with the next.".into(),
            ));
        }
        Ok(())
    }
}
