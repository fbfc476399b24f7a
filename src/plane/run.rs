//! Runs of a sampler in the plane, and what they get wrong.

use burn::tensor::Tensor;

use super::{
    BaseKind, Plane, PlaneDenoiser, PlaneErrors, PlaneRun, PlaneRunOptions, Point, ProcessKind,
    Spacing, check_count, ideal,
};
use crate::{
    backend::Flex,
    denoiser::Denoiser,
    diffusion::NoiseLevel,
    error::{Error, Result},
    random::Stream,
    sampler::{Noise, SamplerConfig, SeededNoise},
};

/// Steps of Heun's method that count as no discretisation.
const REFERENCE_STEPS: usize = 100;
/// Points whose errors are looked at, and where the ideal denoiser looks at pairs.
const ERROR_POINTS: [usize; 2] = [200, 64];

impl Plane {
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

pub(super) fn distance(a: Point, b: Point) -> f64 {
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
