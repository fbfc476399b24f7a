//! The plane: diffusion of points in two dimensions, where all of it can be seen at once.
//!
//! A point is an image of two channels and one pixel, so that the samplers are those of images,
//! [`crate::sampler`]. Denoisers are the ideal one in closed form, and a small network that learns
//! beside it: what a run with the ideal one gets wrong is due to its steps, discretisation, and
//! what a run with the network gets wrong on top of that is due to its training.
//!
//! With them run pseudocodes 1 to 5 of Nakkiran et al. 2024, "Step-by-Step Diffusion: An Elementary
//! Tutorial" (arXiv 2406.08929): 1 is [`Target::Previous`] and [`Target::Sample`] of the
//! variance-exploding process; 2 is DDPM with the variance `fixed_large`, whose β is their σ_q² Δt,
//! but for the noise of the last step, which we leave out; 3 is DDIM with η = 0, whose step is
//! theirs with λ = √t / (√(t - Δt) + √t); 4 is [`Target::Velocity`] of the rectified flow, and 5 is
//! Euler's method.

mod claims;
mod distribution;
mod field;
mod ideal;
mod learning;
mod mlp;
mod options;
mod process;
mod run;

pub use claims::{Claim2, Claim4};
pub use distribution::{Distribution, Gaussian, MAX_POINTS, Point, dark_pixels, gaussian_ring};
pub use ideal::{Base, IdealOfPoints};
pub use mlp::{BATCH, Mlp, Target};
pub use options::{
    BaseKind, FieldKind, PlaneConfig, PlaneDenoiser, PlaneErrors, PlaneRun, PlaneRunOptions,
};
pub use process::{MAX_STEPS, Process, ProcessKind, Spacing, TERMINAL_SIGMA};
pub use run::{mean_distance, nearest_distance};

use crate::{
    diffusion::NoiseLevel,
    error::{Error, Result},
    random::{Random, Stream},
};

/// Points that are sampled at most.
pub const MAX_COUNT: usize = 10_000;

/// Points of a distribution that the ideal denoiser knows and the network learns from.
const TRAINING_POINTS: usize = 512;
/// The same where noise is no normal distribution: the ideal denoiser looks at each with each part
/// of the noise.
const TRAINING_POINTS_OF_PAIRS: usize = 144;

/// Steps of draws, see [`Stream::PlanePoints`], that no optimizer step takes.
const TRAINING_SET: u32 = u32::MAX;
const SHOWN: u32 = u32::MAX - 1;

/// A distribution, a process, the ideal denoiser and a network.
pub struct Plane {
    config: PlaneConfig,
    process: Process,
    base: Base,
    training_set: Vec<Point>,
    ideal: IdealOfPoints,
    mlp: Mlp,
}

impl Plane {
    /// A plane whose network has learnt nothing.
    ///
    /// # Errors
    /// [`Error::Config`] for given points that make no sense, and for noise that is not normal in a
    /// process that is.
    pub fn new(config: PlaneConfig) -> Result<Self> {
        config.distribution.validate()?;
        let pairs = config.base != BaseKind::Gaussian;
        if pairs && config.process != ProcessKind::RectifiedFlow {
            return Err(Error::Config(
                "only a rectified flow can start from anything but a normal distribution.".into(),
            ));
        }
        let random = Random::new(config.seed);
        let training_set = match &config.distribution {
            Distribution::Points { points } if points.len() <= TRAINING_POINTS && !pairs => {
                points.clone()
            }
            distribution => {
                let count = if pairs {
                    TRAINING_POINTS_OF_PAIRS
                } else {
                    TRAINING_POINTS
                };
                distribution.sample(count, &random, TRAINING_SET)
            }
        };
        let base = config.base.base();
        let ideal = match config.distribution {
            // Its density is known; that of the others is that of the points.
            Distribution::Gaussians => IdealOfPoints::of_mixture(gaussian_ring(), base.clone()),
            _ => IdealOfPoints::of_points(training_set.clone(), base.clone()),
        };
        let process = Process::new(config.process)?;
        let target = config.target.unwrap_or(Target::of(config.process));
        if pairs && target == Target::Previous {
            return Err(Error::Config(
                "only normal noise is a chain, whose previous step can be a target.".into(),
            ));
        }
        let mlp = Mlp::new(process.clone(), target, config.seed);
        Ok(Self {
            config,
            process,
            base,
            training_set,
            ideal,
            mlp,
        })
    }

    /// The points that the ideal denoiser knows and the network learns from.
    pub fn training_set(&self) -> &[Point] {
        &self.training_set
    }

    /// The forward process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The network.
    pub fn mlp(&self) -> &Mlp {
        &self.mlp
    }

    /// `count` points of the noise, x_1, those of `seed` at a step of `stream`.
    fn noise(&self, count: usize, seed: u64, stream: Stream, step: u32) -> Vec<Point> {
        let random = Random::new(seed);
        let normals = random.normals(stream, step, 0, 2 * count);
        let Base { means, deviation } = &self.base;
        (0..count)
            .map(|i| {
                // Numbers of the same stream and place that no normal one is made of.
                let far = (1 << 48) + i as u64;
                let mean = means[random.below(means.len(), stream, step, far)];
                [0, 1].map(|axis| mean[axis] + *deviation as f32 * normals[2 * i + axis])
            })
            .collect()
    }

    /// The cloud x_t of `count` points at each of `times`: always the same points and noise.
    ///
    /// # Errors
    /// [`Error::Config`] for a number of points out of range.
    pub fn forward(&self, count: usize, times: &[f64], seed: u64) -> Result<Vec<Vec<Point>>> {
        check_count(count)?;
        let x_0 = match self.config.distribution {
            Distribution::Gaussians => {
                let random = Random::new(seed);
                self.config.distribution.sample(count, &random, SHOWN)
            }
            _ => (0..count)
                .map(|i| self.training_set[i % self.training_set.len()])
                .collect(),
        };
        let x_1 = self.noise(count, seed, Stream::ForwardNoise, 0);
        let cloud = |time: &f64| {
            let level = self.process.level(*time);
            let [signal, noise] = crate::diffusion::forward::q_sample_coefs(level);
            let mix = |(x_0, x_1): (&Point, &Point)| {
                [0, 1].map(|axis| signal * x_0[axis] + noise * x_1[axis])
            };
            x_0.iter().zip(&x_1).map(mix).collect()
        };
        Ok(times.iter().map(cloud).collect())
    }
    /// E[x_0 | x_t] for each of `x_t` at `level`, or the network's estimate.
    pub fn estimate(&self, kind: PlaneDenoiser, x_t: &[Point], level: NoiseLevel) -> Vec<Point> {
        match kind {
            PlaneDenoiser::Ideal => self.ideal.estimate(x_t, level),
            PlaneDenoiser::Mlp => self.mlp.estimate(x_t, level),
        }
    }
}

fn check_count(count: usize) -> Result<()> {
    if (1..=MAX_COUNT).contains(&count) {
        return Ok(());
    }
    Err(Error::Config(format!(
        "{count} points were asked for, but 1 to {MAX_COUNT} are possible."
    )))
}
