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

mod distribution;
mod ideal;
mod mlp;
mod process;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use web_time::{Duration, Instant};

pub use distribution::{Distribution, Gaussian, MAX_POINTS, Point, dark_pixels, gaussian_ring};
pub use ideal::{Base, IdealOfPoints};
pub use mlp::{BATCH, Mlp, Target};
pub use process::{MAX_STEPS, Process, ProcessKind, Spacing, TERMINAL_SIGMA};

use crate::{
    backend::Flex,
    denoiser::Denoiser,
    diffusion::{NoiseLevel, PredictionType},
    error::{Error, Result},
    random::{Random, Stream},
    sampler::{Noise, SamplerConfig, SeededNoise},
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

/// Steps of Heun's method that count as no discretisation.
const REFERENCE_STEPS: usize = 100;
/// Points whose errors are looked at, and where the ideal denoiser looks at pairs.
const ERROR_POINTS: [usize; 2] = [200, 64];

/// What noise a flow starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseKind {
    /// A standard normal distribution.
    #[default]
    Gaussian,
    /// A ring around the data: normal distributions on a circle, too close to be told apart.
    Annulus,
}

impl BaseKind {
    fn base(self) -> Base {
        const COUNT: usize = 32;
        const RADIUS: f64 = 1.6;
        match self {
            Self::Gaussian => Base::standard(),
            Self::Annulus => Base {
                means: (0..COUNT)
                    .map(|i| {
                        let angle = std::f64::consts::TAU * i as f64 / COUNT as f64;
                        let (sin, cos) = libm::sincos(angle);
                        [(RADIUS * cos) as f32, (RADIUS * sin) as f32]
                    })
                    .collect(),
                deviation: 0.16,
            },
        }
    }
}

/// What a plane is made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneConfig {
    /// What x_0 is drawn from; in JSON `distribution` and `points`, beside the others.
    #[serde(flatten)]
    pub distribution: Distribution,
    /// The forward process.
    pub process: ProcessKind,
    /// Where noise is from.
    #[serde(default)]
    pub base: BaseKind,
    /// What the network learns; without it, what suits the process.
    #[serde(default)]
    pub target: Option<Target>,
    /// Of the points and of the network.
    #[serde(default)]
    pub seed: u64,
}

/// What denoises in a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaneDenoiser {
    /// The ideal denoiser of the distribution.
    Ideal,
    /// The network.
    Mlp,
}

/// A run of a sampler in a plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneRunOptions {
    /// The sampler and its own options; in JSON beside the others.
    #[serde(flatten)]
    pub sampler: SamplerConfig,
    /// 1 to [`MAX_STEPS`].
    pub steps: usize,
    /// Number of points, 1 to [`MAX_COUNT`].
    pub count: usize,
    /// Of x_T and of every z.
    #[serde(default)]
    pub seed: u64,
    /// What denoises.
    pub denoiser: PlaneDenoiser,
    /// Whether noise levels are spaced evenly in σ^(1/7) and not in time (Karras et al. 2022,
    /// equation 5); without it they are for Heun's method, but not in a flow.
    #[serde(default)]
    pub karras: Option<bool>,
}

/// A run: the points at each of its levels, and at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneRun {
    /// Where each step starts, noisiest first.
    pub levels: Vec<NoiseLevel>,
    /// One more than there are levels: the points, first x_T and last x_0.
    pub frames: Vec<Vec<Point>>,
}

/// What is drawn as arrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// ∇ log p_t(x).
    Score,
    /// dx/dt of the probability-flow ODE, but with time running towards the data.
    Velocity,
}

/// How far the end of a run is from what it should be: mean distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneErrors {
    /// From a sampled point to the nearest training point.
    pub nearest: f64,
    /// Between points that the ideal denoiser samples with these steps and with 100 of Heun's
    /// method, from the same noise; `None` where steps add noise.
    pub discretisation: Option<f64>,
    /// Between points that the network and the ideal denoiser sample with these steps and the same
    /// noise; `None` where no network takes part.
    pub training: Option<f64>,
}

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

    /// Samples.
    ///
    /// # Errors
    /// [`Error::Config`] for numbers out of range, and for steps that add noise where noise is not
    /// normal.
    pub fn run(&self, options: &PlaneRunOptions) -> Result<PlaneRun> {
        check_count(options.count)?;
        let levels = self.levels(options)?;
        if options.sampler.is_stochastic() && self.config.base != BaseKind::Gaussian {
            return Err(Error::Config(format!(
                "{} adds normal noise, but this flow starts from other noise; choose a sampler that \
                 adds none.",
                options.sampler.name()
            )));
        }
        let mut sampler = options.sampler.over::<Flex>(levels.clone())?;
        let denoiser = self.denoiser(options.denoiser);
        let noise = self.start(options, levels[0]);
        let mut x_t = noise.x_t()?;
        let mut frames = vec![ideal::points_of(x_t.clone())];
        for index in 0..levels.len() {
            x_t = sampler.step(denoiser, index, x_t, &noise)?.x_prev;
            frames.push(ideal::points_of(x_t.clone()));
        }
        Ok(PlaneRun { levels, frames })
    }

    fn levels(&self, options: &PlaneRunOptions) -> Result<Vec<NoiseLevel>> {
        let heun = matches!(options.sampler, SamplerConfig::Heun { .. });
        let flow = self.process.kind() == ProcessKind::RectifiedFlow;
        let spacing = if options.karras.unwrap_or(heun && !flow) {
            Spacing::Karras
        } else {
            Spacing::Time
        };
        let levels = self.process.levels(options.steps, spacing)?;
        let divides = heun || matches!(options.sampler, SamplerConfig::DpmPp2M { .. });
        Ok(if divides {
            self.process.with_signal(levels)
        } else {
            levels
        })
    }

    fn denoiser(&self, kind: PlaneDenoiser) -> &dyn Denoiser<Flex> {
        match kind {
            PlaneDenoiser::Ideal => &self.ideal,
            PlaneDenoiser::Mlp => &self.mlp,
        }
    }

    /// x_T, and the z of the steps.
    fn start(&self, options: &PlaneRunOptions, level: NoiseLevel) -> StartNoise {
        let count = options.count;
        // What little is left of x_0 at that level is not known to whoever samples.
        let scale = level.noise as f32;
        let x_1 = self.noise(count, options.seed, Stream::InitialNoise, 0);
        let x_t: Vec<Point> = x_1.iter().map(|x| x.map(|x| scale * x)).collect();
        StartNoise {
            x_t: ideal::tensor_of(&x_t),
            steps: SeededNoise {
                seed: options.seed,
                first: 0,
                shape: [count, 2, 1, 1],
                device: Default::default(),
            },
        }
    }

    /// E[x_0 | x_t] for each of `x_t` at `level`, or the network's estimate.
    pub fn estimate(&self, kind: PlaneDenoiser, x_t: &[Point], level: NoiseLevel) -> Vec<Point> {
        match kind {
            PlaneDenoiser::Ideal => self.ideal.estimate(x_t, level),
            PlaneDenoiser::Mlp => self.mlp.estimate(x_t, level),
        }
    }

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

    /// Trains the network for about as long as `time`, at least a step and at most `max_steps`:
    /// the loss of each.
    pub fn train(&mut self, time: Duration, max_steps: usize) -> Vec<f32> {
        let start = Instant::now();
        let mut losses = Vec::new();
        while losses.len() < max_steps.max(1) {
            losses.push(self.train_step());
            if start.elapsed() >= time {
                break;
            }
        }
        losses
    }

    fn train_step(&mut self) -> f32 {
        let step = self.mlp.step() as u32;
        let x_0 = self.training_batch(&Random::new(self.config.seed), step);
        let x_1 = self.noise(BATCH, self.config.seed, Stream::PlaneNoise, step);
        self.mlp.train(&x_0, &x_1)
    }

    fn training_batch(&self, random: &Random, step: u32) -> Vec<Point> {
        if self.config.distribution == Distribution::Gaussians {
            return self.config.distribution.sample(BATCH, random, step);
        }
        let count = self.training_set.len();
        let chosen = |i| random.below(count, Stream::PlaneTraining, step, (1 << 32) + i as u64);
        (0..BATCH).map(|i| self.training_set[chosen(i)]).collect()
    }

    /// The mean squared error of the network's estimate of x_0 beyond that of the ideal denoiser:
    /// the mean of ‖difference‖² over `count` points of the forward process at each of `times`.
    ///
    /// # Errors
    /// [`Error::Config`] for a number of points out of range.
    pub fn excess(&self, count: usize, times: &[f64]) -> Result<Vec<f64>> {
        let clouds = self.forward(count, times, self.config.seed ^ 1)?;
        let excess = |(time, x_t): (&f64, &Vec<Point>)| {
            let level = self.process.level(*time);
            let ideal = self.ideal.estimate(x_t, level);
            let learnt = self.mlp.estimate(x_t, level);
            let squares = ideal
                .iter()
                .zip(&learnt)
                .map(|(a, b)| distance(*a, *b).powi(2));
            squares.sum::<f64>() / count as f64
        };
        Ok(times.iter().zip(&clouds).map(excess).collect())
    }

    /// How far the end of `run`, made with `options`, is from what it should be: errors of its first
    /// points stand for those of all.
    ///
    /// # Errors
    /// As for [`Plane::run`].
    pub fn errors(&self, options: &PlaneRunOptions, run: &PlaneRun) -> Result<PlaneErrors> {
        let end = last(run);
        let most = ERROR_POINTS[usize::from(self.config.base != BaseKind::Gaussian)];
        // The first points are the same however many there are.
        let options = &PlaneRunOptions {
            count: options.count.min(most),
            ..options.clone()
        };
        let ideal = match options.denoiser {
            PlaneDenoiser::Ideal => None,
            PlaneDenoiser::Mlp => Some(self.run(&PlaneRunOptions {
                denoiser: PlaneDenoiser::Ideal,
                ..options.clone()
            })?),
        };
        let discretisation = if options.sampler.is_stochastic() {
            None
        } else {
            let reference = self.run(&PlaneRunOptions {
                sampler: SamplerConfig::Heun {
                    use_karras_sigmas: None,
                },
                steps: REFERENCE_STEPS,
                denoiser: PlaneDenoiser::Ideal,
                karras: None,
                ..options.clone()
            })?;
            Some(mean_distance(
                last(ideal.as_ref().unwrap_or(run)),
                last(&reference),
            ))
        };
        Ok(PlaneErrors {
            nearest: nearest_distance(end, &self.training_set),
            discretisation,
            training: ideal.map(|ideal| mean_distance(end, last(&ideal))),
        })
    }
}

fn last(run: &PlaneRun) -> &[Point] {
    run.frames.last().map_or(&[], Vec::as_slice)
}

fn check_count(count: usize) -> Result<()> {
    if (1..=MAX_COUNT).contains(&count) {
        return Ok(());
    }
    Err(Error::Config(format!(
        "{count} points were asked for, but 1 to {MAX_COUNT} are possible."
    )))
}

fn distance(a: Point, b: Point) -> f64 {
    let [dx, dy] = [0, 1].map(|axis| (a[axis] - b[axis]) as f64);
    (dx * dx + dy * dy).sqrt()
}

/// The mean distance between points of one place in two lists, as far as both reach.
pub fn mean_distance(a: &[Point], b: &[Point]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| distance(*a, *b)).sum();
    sum / a.len().min(b.len()).max(1) as f64
}

/// The mean distance from each of `points` to the nearest of `others`.
pub fn nearest_distance(points: &[Point], others: &[Point]) -> f64 {
    let nearest = |a: &Point| {
        let square = |b: &Point| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
        others.iter().map(square).fold(f32::MAX, f32::min).sqrt() as f64
    };
    points.iter().map(nearest).sum::<f64>() / points.len().max(1) as f64
}

/// x_T as it is given, and normal z from a seed.
struct StartNoise {
    x_t: Tensor<Flex, 4>,
    steps: SeededNoise<Flex>,
}

impl Noise<Flex> for StartNoise {
    fn x_t(&self) -> Result<Tensor<Flex, 4>> {
        Ok(self.x_t.clone())
    }

    fn z(&self, index: usize) -> Result<Tensor<Flex, 4>> {
        self.steps.z(index)
    }
}
