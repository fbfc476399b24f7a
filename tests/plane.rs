//! The plane against theory: moments of normal distributions after any number of steps, claims 2
//! and 4 of Nakkiran et al. 2024 ("Step-by-Step Diffusion: An Elementary Tutorial", arXiv
//! 2406.08929), and what the network learns.
#![cfg(feature = "flex")]

use burn::tensor::{Tensor, TensorData};
use unnoise::{
    backend::Flex,
    denoiser::{Denoiser, IdealDenoiser},
    diffusion::{NoiseLevel, Posterior, VarianceType, X0Clipping},
    plane::{
        Base, BaseKind, Distribution, FieldKind, Gaussian, IdealOfPoints, Plane, PlaneConfig,
        PlaneDenoiser, PlaneRunOptions, Point, Process, ProcessKind, Spacing, TERMINAL_SIGMA,
        Target, dark_pixels, nearest_distance,
    },
    random::{Random, Stream},
    sampler::{Noise, SamplerConfig},
};
use web_time::Duration;

const PROCESSES: [ProcessKind; 3] = [
    ProcessKind::VariancePreserving,
    ProcessKind::VarianceExploding,
    ProcessKind::RectifiedFlow,
];

const DDIM: SamplerConfig = SamplerConfig::Ddim {
    eta: 0.0,
    use_clipped_model_output: false,
};
const HEUN: SamplerConfig = SamplerConfig::Heun {
    use_karras_sigmas: None,
};

fn tensor(points: &[Point]) -> Tensor<Flex, 4> {
    let data = TensorData::new(points.concat(), [points.len(), 2, 1, 1]);
    Tensor::from_data(data, &Default::default())
}

fn points(tensor: Tensor<Flex, 4>) -> Vec<Point> {
    let values: Vec<f32> = tensor.into_data().to_vec().unwrap();
    values.chunks_exact(2).map(|x| [x[0], x[1]]).collect()
}

fn normals(count: usize, stream: Stream, step: u32) -> Vec<Point> {
    let numbers = Random::new(7).normals(stream, step, 0, 2 * count);
    numbers.chunks_exact(2).map(|x| [x[0], x[1]]).collect()
}

/// Mean and covariance (xx, xy, yy).
fn moments(points: &[Point]) -> ([f64; 2], [f64; 3]) {
    let count = points.len() as f64;
    let mean = [0, 1].map(|axis| points.iter().map(|x| x[axis] as f64).sum::<f64>() / count);
    let product = |a: usize, b: usize| {
        let centred = |x: &Point| (x[a] as f64 - mean[a]) * (x[b] as f64 - mean[b]);
        points.iter().map(centred).sum::<f64>() / count
    };
    (mean, [product(0, 0), product(0, 1), product(1, 1)])
}

/// Normal points whose mean is 0 and whose covariance is 1, exactly.
fn whitened(count: usize) -> Vec<Point> {
    let raw = normals(count, Stream::InitialNoise, 0);
    let (mean, [xx, xy, yy]) = moments(&raw);
    // The Cholesky factor, inverted.
    let l11 = xx.sqrt();
    let l21 = xy / l11;
    let l22 = (yy - l21 * l21).sqrt();
    raw.iter()
        .map(|x| {
            let a = (x[0] as f64 - mean[0]) / l11;
            let b = (x[1] as f64 - mean[1] - l21 * a) / l22;
            [a as f32, b as f32]
        })
        .collect()
}

/// The given x_T, and z from a seed.
struct Start(Vec<Point>);

impl Noise<Flex> for Start {
    fn x_t(&self) -> unnoise::error::Result<Tensor<Flex, 4>> {
        Ok(tensor(&self.0))
    }

    fn z(&self, index: usize) -> unnoise::error::Result<Tensor<Flex, 4>> {
        Ok(tensor(&normals(
            self.0.len(),
            Stream::SamplerNoise,
            index as u32,
        )))
    }
}

/// Every state of a run from x_T = noise · `x_1`.
fn run(
    sampler: SamplerConfig,
    levels: &[NoiseLevel],
    ideal: &IdealOfPoints,
    x_1: &[Point],
) -> Vec<Vec<Point>> {
    let scale = levels[0].noise as f32;
    let x_t: Vec<Point> = x_1.iter().map(|x| x.map(|x| scale * x)).collect();
    let noise = Start(x_t.clone());
    let mut sampler = sampler.over::<Flex>(levels.to_vec()).unwrap();
    let mut frames = vec![x_t];
    for index in 0..levels.len() {
        let x_t = tensor(frames.last().unwrap());
        let step = sampler.step(ideal, index, x_t, &noise).unwrap();
        frames.push(points(step.x_prev));
    }
    frames
}

/// How a coordinate of variance `v` goes through a run, in x / signal, where noise has the variance
/// σ²: what its distance from the mean is multiplied by, and its variance.
///
/// Within a normal distribution E[x_0 | x_t] - m = v / (v + σ²) · (x_t / signal - m), so that each
/// step of each sampler is a factor and, for DDPM, a variance of its own.
fn theory(sampler: SamplerConfig, levels: &[NoiseLevel], v: f64) -> (f64, f64) {
    let sigma = |level: NoiseLevel| level.noise / level.signal.max(1e-9);
    let first = sigma(levels[0]);
    let (mut shrunk, mut variance) = (1.0, first * first);
    for (i, level) in levels.iter().enumerate() {
        let from = sigma(*level);
        let to = levels.get(i + 1).map_or(0.0, |level| sigma(*level));
        let slope = |sigma: f64| sigma / (v + sigma * sigma);
        let (factor, added) = match sampler {
            SamplerConfig::Ddim { .. } | SamplerConfig::EulerFlow => {
                ((v + from * to) / (v + from * from), 0.0)
            }
            SamplerConfig::Heun { .. } => {
                let h = to - from;
                let euler = 1.0 + h * slope(from);
                let second = 1.0 + 0.5 * h * (slope(from) + euler * slope(to));
                (if to > 0.0 { second } else { euler }, 0.0)
            }
            SamplerConfig::Ddpm { .. } => {
                let ratio = (to / from).powi(2);
                let factor = (v + to * to) / (v + from * from);
                (factor, ratio * (from * from - to * to))
            }
            SamplerConfig::DpmPp2M { .. } => unreachable!("it is not asked about"),
        };
        shrunk *= factor;
        variance = factor * factor * variance + added;
    }
    (shrunk, variance)
}

#[test]
fn moments_after_any_steps_are_those_of_theory() {
    let (mean, variances) = ([0.4, -0.3], [0.5, 0.02]);
    let gaussian = Gaussian {
        weight: 1.0,
        mean,
        covariance: [variances[0], 0.0, variances[1]],
    };
    let ideal = IdealOfPoints::of_mixture(vec![gaussian], Base::standard());
    for kind in PROCESSES {
        let process = Process::new(kind).unwrap();
        for (sampler, steps, count) in [
            (DDIM, 5, 4000),
            (DDIM, 40, 4000),
            (SamplerConfig::EulerFlow, 10, 4000),
            (HEUN, 8, 4000),
            (HEUN, 30, 4000),
            (SamplerConfig::Ddpm { variance: None }, 20, 200_000),
        ] {
            if sampler == SamplerConfig::EulerFlow && kind != ProcessKind::RectifiedFlow {
                continue;
            }
            // σ is finite everywhere.
            let levels = process.levels(steps, Spacing::Time).unwrap();
            let levels = process.with_signal(levels);
            let frames = run(sampler, &levels, &ideal, &whitened(count));
            let (actual_mean, [xx, xy, yy]) = moments(frames.last().unwrap());
            for (axis, actual) in [xx, yy].into_iter().enumerate() {
                let (shrunk, variance) = theory(sampler, &levels, variances[axis]);
                let name = format!("{kind:?} {} {steps} axis {axis}", sampler.name());
                assert!(
                    (actual / variance - 1.0).abs() < 0.01,
                    "{name}: variance {actual}, not {variance}"
                );
                let expected = mean[axis] * (1.0 - shrunk);
                let tolerance = 0.01 * variance.sqrt().max(mean[axis].abs());
                assert!(
                    (actual_mean[axis] - expected).abs() < tolerance,
                    "{name}: mean {}, not {expected}",
                    actual_mean[axis]
                );
            }
            assert!(xy.abs() < 0.01 * (xx * yy).sqrt(), "{kind:?}: {xy}");
        }
    }
}

#[test]
fn with_many_steps_the_moments_are_those_of_the_data() {
    // Correlated, so that the axes are not each other's.
    let gaussian = Gaussian {
        weight: 1.0,
        mean: [0.2, 0.1],
        covariance: [0.3, 0.12, 0.1],
    };
    let ideal = IdealOfPoints::of_mixture(vec![gaussian], Base::standard());
    for kind in PROCESSES {
        let process = Process::new(kind).unwrap();
        let levels = process.with_signal(process.levels(200, Spacing::Karras).unwrap());
        let frames = run(HEUN, &levels, &ideal, &whitened(2000));
        let (mean, covariance) = moments(frames.last().unwrap());
        // The variance-exploding process starts without the data's own variance and mean, at σ_q.
        let tolerance = match kind {
            ProcessKind::VarianceExploding => 0.1,
            _ => 0.01,
        };
        for (actual, expected) in covariance.iter().zip(gaussian.covariance) {
            assert!(
                (actual / expected - 1.0).abs() < tolerance,
                "{kind:?} {actual}"
            );
        }
        if kind != ProcessKind::VarianceExploding {
            for (actual, expected) in mean.iter().zip(gaussian.mean) {
                assert!((actual - expected).abs() < 0.01, "{kind:?} {actual}");
            }
        }
    }
}

#[test]
fn points_are_denoised_as_images_are() {
    let data = normals(100, Stream::Weights, 0);
    let ideal = IdealOfPoints::of_points(data.clone(), Base::standard());
    let images = IdealDenoiser::<Flex>::new(tensor(&data));
    // As a mixture whose parts are nearly points.
    let mixture = data.iter().map(|point| Gaussian {
        weight: 0.01,
        mean: point.map(f64::from),
        covariance: [1e-9, 0.0, 1e-9],
    });
    let mixture = IdealOfPoints::of_mixture(mixture.collect(), Base::standard());
    for noise in [0.1, 0.5, 2.0] {
        for signal in [1.0, 0.3] {
            let level = NoiseLevel {
                t: 0.0,
                signal,
                noise,
            };
            let x_t = normals(50, Stream::ForwardNoise, 1);
            let expected = images.predict(tensor(&x_t), level, None, X0Clipping::None);
            let expected = points(expected.pred_x0);
            for ideal in [&ideal, &mixture] {
                for (a, b) in ideal.estimate(&x_t, level).iter().zip(&expected) {
                    assert!(
                        (a[0] - b[0]).abs() < 5e-4 && (a[1] - b[1]).abs() < 5e-4,
                        "{a:?} {b:?}"
                    );
                }
            }
        }
    }
}

fn config(distribution: Distribution, process: ProcessKind) -> PlaneConfig {
    PlaneConfig {
        distribution,
        process,
        base: BaseKind::Gaussian,
        target: None,
        seed: 0,
    }
}

fn options(sampler: SamplerConfig, steps: usize, count: usize) -> PlaneRunOptions {
    PlaneRunOptions {
        sampler,
        steps,
        count,
        seed: 3,
        denoiser: PlaneDenoiser::Ideal,
        karras: None,
    }
}

#[test]
fn samples_of_points_are_those_points() {
    let given = vec![[0.8, 0.1], [-0.6, 0.5], [0.0, -0.9], [-0.4, -0.2]];
    for kind in PROCESSES {
        let distribution = Distribution::Points {
            points: given.clone(),
        };
        let plane = Plane::new(config(distribution, kind)).unwrap();
        for sampler in [DDIM, HEUN, SamplerConfig::Ddpm { variance: None }] {
            let options = PlaneRunOptions {
                karras: Some(true),
                ..options(sampler, 60, 400)
            };
            let run = plane.run(&options).unwrap();
            let end = run.frames.last().unwrap();
            let distance = nearest_distance(end, &given);
            assert!(distance < 0.01, "{kind:?} {}: {distance}", sampler.name());
            // And all of them are reached.
            for point in &given {
                assert!(
                    nearest_distance(&[*point], end) < 0.02,
                    "{kind:?} {point:?}"
                );
            }
        }
    }
}

/// Points and times of the claims.
fn claims() -> (Vec<Point>, Vec<Point>) {
    let data = vec![[0.7, 0.2], [-0.5, 0.6], [-0.1, -0.8]];
    let places = vec![[0.3, 0.1], [-0.9, 1.2], [1.5, -0.4], [0.0, 0.0]];
    (data, places)
}

/// E[x_{t-Δt} | x_t = `x`] by integrating over x_{t-Δt} on a grid.
fn mean_of_previous(data: &[Point], x: Point, level: NoiseLevel, previous: NoiseLevel) -> [f64; 2] {
    const SIDE: usize = 500;
    const EXTENT: f64 = 5.0;
    let scale = level.signal / previous.signal;
    // The variance of q(x_t | x_{t-Δt}), from the two marginals.
    let step = level.noise.powi(2) - (scale * previous.noise).powi(2);
    let mut sums = [0.0; 3];
    for i in 0..SIDE * SIDE {
        let place = [i % SIDE, i / SIDE].map(|k| EXTENT * (2.0 * k as f64 / SIDE as f64 - 1.0));
        let squares = |centre: [f64; 2], at: [f64; 2]| {
            (at[0] - centre[0]).powi(2) + (at[1] - centre[1]).powi(2)
        };
        let marginal: f64 = data
            .iter()
            .map(|point| {
                let centre = point.map(|x| previous.signal * x as f64);
                (-squares(centre, place) / (2.0 * previous.noise.powi(2))).exp()
            })
            .sum();
        let forward = squares(place.map(|y| scale * y), x.map(f64::from));
        let weight = marginal * (-forward / (2.0 * step)).exp();
        sums[0] += weight;
        sums[1] += weight * place[0];
        sums[2] += weight * place[1];
    }
    [sums[1] / sums[0], sums[2] / sums[0]]
}

#[test]
fn claim_2_the_previous_step_is_a_share_of_the_way_to_x_0() {
    let (data, places) = claims();
    let ideal = IdealOfPoints::of_points(data.clone(), Base::standard());
    let process = Process::new(ProcessKind::VarianceExploding).unwrap();
    for (t, dt) in [(0.8, 0.1), (0.3, 0.05), (0.3, 0.2)] {
        let level = process.level(t);
        for x in &places {
            let previous = mean_of_previous(&data, *x, level, process.level(t - dt));
            let x_0 = ideal.estimate(&[*x], level)[0];
            for axis in [0, 1] {
                let left = previous[axis] - x[axis] as f64;
                let right = dt / t * (x_0[axis] - x[axis]) as f64;
                assert!((left - right).abs() < 1e-4, "t = {t}: {left} {right}");
            }
        }
    }
    // Where the signal shrinks too, it is the posterior's mean, and no longer that share.
    let process = Process::new(ProcessKind::VariancePreserving).unwrap();
    let (t, dt) = (0.5, 0.1);
    let (level, before) = (process.level(t), process.level(t - dt));
    let posterior = Posterior::between(level, before);
    let mut largest: f64 = 0.0;
    for x in &places {
        let previous = mean_of_previous(&data, *x, level, before);
        let x_0 = ideal.estimate(&[*x], level)[0];
        for axis in [0, 1] {
            let [x, x_0] = [x[axis] as f64, x_0[axis] as f64];
            let expected = posterior.mean_coef1 * x_0 + posterior.mean_coef2 * x;
            assert!((previous[axis] - expected).abs() < 1e-4);
            largest = largest.max((previous[axis] - x - dt / t * (x_0 - x)).abs());
        }
    }
    assert!(largest > 0.05, "{largest}");
}

/// The largest distance of the states of a run from the line between its ends.
fn bend(frames: &[Vec<Point>], index: usize) -> f64 {
    let at = |frame: &Vec<Point>| frame[index].map(f64::from);
    let (a, b) = (at(&frames[0]), at(frames.last().unwrap()));
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = (along[0].powi(2) + along[1].powi(2)).sqrt();
    let off = |frame: &Vec<Point>| {
        let x = at(frame);
        ((x[0] - a[0]) * along[1] - (x[1] - a[1]) * along[0]).abs() / length
    };
    frames.iter().map(off).fold(0.0, f64::max)
}

#[test]
fn claim_4_ddim_is_the_linear_flow_in_the_root_of_time_where_the_variance_explodes() {
    let (data, places) = claims();
    let ideal = IdealOfPoints::of_points(data, Base::standard());
    let largest_gap = |kind: ProcessKind| {
        let process = Process::new(kind).unwrap();
        let levels = process.levels(10, Spacing::Time).unwrap();
        let mut sampler = DDIM.over::<Flex>(levels.clone()).unwrap();
        let mut gap: f64 = 0.0;
        // The last step ends at x_0's estimate whatever the path.
        for index in 0..9 {
            let [s, s_next] = [0, 1].map(|i| process.time(levels[index + i]).sqrt());
            let noise = Start(places.clone());
            let step = sampler
                .step(&ideal, index, tensor(&places), &noise)
                .unwrap();
            let estimates = ideal.estimate(&places, levels[index]);
            for ((x, x_0), actual) in places.iter().zip(&estimates).zip(points(step.x_prev)) {
                for axis in [0, 1] {
                    let [x, x_0] = [x[axis] as f64, x_0[axis] as f64];
                    // Euler's method on dx/ds = (x - x_0) / s with s = √t.
                    let linear = x + (s_next - s) * (x - x_0) / s;
                    gap = gap.max((actual[axis] as f64 - linear).abs());
                    // Pseudocode 3, whose f is E[x_{t-Δt} | x_t], by claim 2.
                    if kind == ProcessKind::VarianceExploding {
                        let (t, before) = (s * s, s_next * s_next);
                        let f = x + (t - before) / t * (x_0 - x);
                        let lambda = t.sqrt() / (before.sqrt() + t.sqrt());
                        let pseudocode = x + lambda * (f - x);
                        assert!((actual[axis] as f64 - pseudocode).abs() < 1e-5);
                    }
                }
            }
        }
        gap
    };
    let gap = largest_gap(ProcessKind::VarianceExploding);
    assert!(gap < 1e-5, "{gap}");
    let gap = largest_gap(ProcessKind::VariancePreserving);
    assert!(gap > 0.05, "{gap}");

    // Towards one point the path is x_0 + √t · (x_1 - x_0), a line; of the preserving process it is
    // an arc.
    let single = vec![[0.9, -0.7]];
    let ideal = IdealOfPoints::of_points(single.clone(), Base::standard());
    let x_1 = normals(20, Stream::InitialNoise, 2);
    let process = Process::new(ProcessKind::VarianceExploding).unwrap();
    let levels = process.levels(25, Spacing::Time).unwrap();
    let frames = run(DDIM, &levels, &ideal, &x_1);
    for (frame, level) in frames.iter().zip(&levels) {
        let root = process.time(*level).sqrt();
        for (x, start) in frame.iter().zip(&frames[0]) {
            for axis in [0, 1] {
                let x_0 = single[0][axis] as f64;
                let expected = x_0 + root * (start[axis] as f64 - x_0);
                assert!((x[axis] as f64 - expected).abs() < 1e-4);
            }
        }
    }
    let most = (0..20).map(|i| bend(&frames, i)).fold(0.0, f64::max);
    assert!(most < 1e-4, "{most}");
    let process = Process::new(ProcessKind::VariancePreserving).unwrap();
    let levels = process.levels(25, Spacing::Time).unwrap();
    let frames = run(DDIM, &levels, &ideal, &x_1);
    let most = (0..20).map(|i| bend(&frames, i)).fold(0.0, f64::max);
    assert!(most > 0.1, "{most}");
}

#[test]
fn pseudocode_2_is_ddpm_with_the_larger_variance() {
    let process = Process::new(ProcessKind::VarianceExploding).unwrap();
    let steps = 8;
    let levels = process.levels(steps, Spacing::Time).unwrap();
    let (data, places) = claims();
    let ideal = IdealOfPoints::of_points(data, Base::standard());
    let noise = Start(places.clone());
    let variance = Some(VarianceType::FixedLarge);
    let mut sampler = SamplerConfig::Ddpm { variance }
        .over::<Flex>(levels.clone())
        .unwrap();
    let dt = 1.0 / steps as f64;
    for (index, level) in levels.iter().enumerate().take(steps - 1) {
        let t = process.time(*level);
        let step = sampler
            .step(&ideal, index, tensor(&places), &noise)
            .unwrap();
        let z = points(noise.z(index).unwrap());
        let estimates = ideal.estimate(&places, *level);
        for (i, actual) in points(step.x_prev).iter().enumerate() {
            for axis in [0, 1] {
                let [x, x_0] = [places[i][axis] as f64, estimates[i][axis] as f64];
                let f = x + dt / t * (x_0 - x);
                let expected = f + TERMINAL_SIGMA * dt.sqrt() * z[i][axis] as f64;
                assert!((actual[axis] as f64 - expected).abs() < 1e-4);
            }
        }
    }
}

#[test]
fn a_marginal_flow_takes_an_annulus_to_a_spiral() {
    let plane = Plane::new(PlaneConfig {
        base: BaseKind::Annulus,
        ..config(Distribution::Spiral, ProcessKind::RectifiedFlow)
    })
    .unwrap();
    let run = plane
        .run(&options(SamplerConfig::EulerFlow, 50, 300))
        .unwrap();
    let radius = |x: &Point| (x[0] as f64).hypot(x[1] as f64);
    for x in &run.frames[0] {
        assert!((0.9..2.3).contains(&radius(x)), "{x:?}");
    }
    let end = run.frames.last().unwrap();
    assert!(nearest_distance(end, plane.training_set()) < 0.02);
    // Nowhere in the spiral is left out.
    assert!(nearest_distance(plane.training_set(), end) < 0.08);
    let refused = plane.run(&options(SamplerConfig::Ddpm { variance: None }, 50, 300));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("adds normal noise")
    );
    let preserving = Plane::new(PlaneConfig {
        base: BaseKind::Annulus,
        ..config(Distribution::Spiral, ProcessKind::VariancePreserving)
    });
    assert!(preserving.is_err());
}

#[test]
fn discretisation_is_told_from_training() {
    let mut plane =
        Plane::new(config(Distribution::Moons, ProcessKind::VariancePreserving)).unwrap();
    let errors = |plane: &Plane, steps, denoiser| {
        let options = PlaneRunOptions {
            denoiser,
            ..options(DDIM, steps, 300)
        };
        plane
            .errors(&options, &plane.run(&options).unwrap())
            .unwrap()
    };
    let [few, many] = [4, 60].map(|steps| errors(&plane, steps, PlaneDenoiser::Ideal));
    assert_eq!(few.training, None);
    assert!(
        many.discretisation.unwrap() < 0.3 * few.discretisation.unwrap(),
        "{few:?} {many:?}"
    );
    // A network adds an error of its own, which training takes away, and steps do not.
    let untrained = errors(&plane, 60, PlaneDenoiser::Mlp);
    assert_eq!(untrained.discretisation, many.discretisation);
    let before: f64 = plane.excess(200, &[0.1, 0.3, 0.6]).unwrap().iter().sum();
    let losses = plane.train(Duration::from_secs(600), 1500);
    assert_eq!((losses.len(), plane.mlp().step()), (1500, 1500));
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    assert!(
        mean(&losses[1400..]) < 0.6 * mean(&losses[..5]),
        "{losses:?}"
    );
    let after: f64 = plane.excess(200, &[0.1, 0.3, 0.6]).unwrap().iter().sum();
    assert!(after < 0.1 * before, "{before} {after}");
    let trained = errors(&plane, 60, PlaneDenoiser::Mlp);
    assert!(
        trained.training.unwrap() < 0.4 * untrained.training.unwrap(),
        "{untrained:?} {trained:?}"
    );
    assert!(trained.nearest < 0.1, "{trained:?}");
}

#[test]
fn predicting_the_previous_step_learns_the_same_with_more_variance() {
    let learn = |target: Target| {
        let mut plane = Plane::new(PlaneConfig {
            target: Some(target),
            ..config(Distribution::Gaussians, ProcessKind::VarianceExploding)
        })
        .unwrap();
        let times = [0.2, 0.5, 0.9];
        let before: f64 = plane.excess(200, &times).unwrap().iter().sum();
        let losses = plane.train(Duration::from_secs(600), 600);
        let after: f64 = plane.excess(200, &times).unwrap().iter().sum();
        (losses[500..].iter().sum::<f32>() / 100.0, before, after)
    };
    let (sample_loss, before, after) = learn(Target::Sample);
    assert!(after < 0.1 * before, "{before} {after}");
    let (previous_loss, untrained, noisier) = learn(Target::Previous);
    assert!(noisier < 0.6 * untrained, "{untrained} {noisier}");
    // What is left of the loss is the variance of the target: of a step's noise about 1 in each
    // coordinate, however well it is learnt; of x_0 less than the data have.
    assert!((1.5..2.3).contains(&previous_loss), "{previous_loss}");
    assert!(sample_loss < 0.75, "{sample_loss}");
    assert!(after < noisier, "{after} {noisier}");
}

#[test]
fn flow_matching_learns_and_is_a_function_of_its_seed() {
    let train = || {
        let mut plane = Plane::new(config(
            Distribution::Checkerboard,
            ProcessKind::RectifiedFlow,
        ))
        .unwrap();
        (plane.train(Duration::from_secs(600), 300), plane)
    };
    let ((losses, plane), (again, _)) = (train(), train());
    assert_eq!(losses, again);
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    assert!(mean(&losses[250..]) < mean(&losses[..5]));
    let excess = plane.excess(200, &[0.5]).unwrap()[0];
    assert!(excess < 0.1, "{excess}");
}

#[test]
fn fields_point_where_points_go() {
    for kind in PROCESSES {
        let plane = Plane::new(config(Distribution::Moons, kind)).unwrap();
        let process = plane.process();
        let level = process.level(0.4);
        let x_t = normals(20, Stream::ForwardNoise, 3);
        let velocity = plane.field(PlaneDenoiser::Ideal, FieldKind::Velocity, &x_t, level);
        let score = plane.field(PlaneDenoiser::Ideal, FieldKind::Score, &x_t, level);
        let levels = vec![level, process.level(0.399)];
        let mut sampler = DDIM.over::<Flex>(levels).unwrap();
        let ideal = IdealOfPoints::of_points(plane.training_set().to_vec(), Base::standard());
        let step = sampler
            .step(&ideal, 0, tensor(&x_t), &Start(x_t.clone()))
            .unwrap();
        for (i, next) in points(step.x_prev).iter().enumerate() {
            for axis in [0, 1] {
                let moved = (next[axis] - x_t[i][axis]) as f64 / 1e-3;
                let tolerance = 0.02 * moved.abs() + 0.01;
                assert!(
                    (velocity[i][axis] as f64 - moved).abs() < tolerance,
                    "{kind:?}"
                );
                // Tweedie's formula.
                let x_0 = ideal.estimate(&[x_t[i]], level)[0][axis] as f64;
                let tweedie = (x_t[i][axis] as f64 + level.noise.powi(2) * score[i][axis] as f64)
                    / level.signal;
                assert!((tweedie - x_0).abs() < 1e-3, "{kind:?}");
            }
        }
    }
}

#[test]
fn the_cloud_goes_from_the_data_to_noise() {
    for (kind, deviation) in [
        (ProcessKind::VariancePreserving, 1.0),
        (
            ProcessKind::VarianceExploding,
            (TERMINAL_SIGMA.powi(2) + 0.32).sqrt(),
        ),
        (ProcessKind::RectifiedFlow, 1.0),
    ] {
        let plane = Plane::new(config(Distribution::Gaussians, kind)).unwrap();
        let clouds = plane.forward(5000, &[0.0, 1.0], 0).unwrap();
        assert!(nearest_distance(&clouds[0], plane.training_set()) < 0.05);
        let (_, [xx, _, yy]) = moments(&clouds[1]);
        for variance in [xx, yy] {
            assert!(
                (variance.sqrt() / deviation - 1.0).abs() < 0.03,
                "{kind:?} {variance}"
            );
        }
    }
}

#[test]
fn distributions_stay_in_view_and_bad_points_are_refused() {
    for distribution in [
        Distribution::Moons,
        Distribution::Spiral,
        Distribution::Checkerboard,
        Distribution::Gaussians,
        Distribution::Annulus,
    ] {
        let drawn = distribution.sample(2000, &Random::new(1), 0);
        assert!(
            drawn.iter().flatten().all(|x| x.abs() < 1.25),
            "{distribution:?}"
        );
        let (mean, [xx, _, yy]) = moments(&drawn);
        assert!(
            mean.iter().all(|x| x.abs() < 0.25),
            "{distribution:?} {mean:?}"
        );
        assert!(xx > 0.1 && yy > 0.05, "{distribution:?} {xx} {yy}");
        assert_eq!(drawn, distribution.sample(2000, &Random::new(1), 0));
    }
    for points in [
        vec![],
        vec![[f32::NAN, 0.0]],
        vec![[0.0, 9.0]],
        vec![[0.0; 2]; 5000],
    ] {
        assert!(Distribution::Points { points }.validate().is_err());
    }
}

#[test]
fn dark_pixels_become_points() {
    // White, but for the upper left quarter.
    let (width, height) = (20, 10);
    let rgb: Vec<u8> = (0..width * height)
        .flat_map(|i| {
            let dark = i % width < width / 2 && i / width < height / 2;
            [if dark { 0 } else { 255 }; 3]
        })
        .collect();
    let drawn = dark_pixels(&rgb, [width, height], 300, 0).unwrap();
    assert_eq!(drawn.len(), 300);
    for [x, y] in drawn {
        assert!(
            (-1.0..=0.0).contains(&x) && (0.0..=0.5).contains(&y),
            "{x} {y}"
        );
    }
    assert!(dark_pixels(&[255; 300], [10, 10], 5, 0).is_err());
    assert!(dark_pixels(&rgb, [19, 10], 5, 0).is_err());
    assert!(dark_pixels(&rgb, [width, height], 0, 0).is_err());
}

/// The figures of the claims: what they show is what the claims say, of both processes.
#[test]
fn the_claims_are_measured() {
    let plane = |distribution, kind| Plane::new(config(distribution, kind)).unwrap();
    let places: Vec<Point> = (0..49)
        .map(|i| [i % 7, i / 7].map(|k| 2.4 * (k as f32 / 3.0 - 1.0)))
        .collect();
    for distribution in [Distribution::Moons, Distribution::Gaussians] {
        for steps in [4, 30, 200] {
            let exploding = plane(distribution.clone(), ProcessKind::VarianceExploding);
            let claim = exploding.claim_2(steps, 6, &places, 2.4).unwrap();
            assert_eq!(claim.times.len(), 6.min(steps - 1));
            assert_eq!(claim.times[0], 1.0);
            for difference in &claim.differences {
                assert!(*difference < 2e-3, "{distribution:?} {steps}: {claim:?}");
            }
            let claim = exploding.claim_4(steps, 60, 1).unwrap();
            assert_eq!((claim.ddim.len(), claim.flow.len()), (steps + 1, steps + 1));
            assert!(claim.gaps.iter().all(|gap| *gap < 1e-4), "{:?}", claim.gaps);

            let preserving = plane(distribution.clone(), ProcessKind::VariancePreserving);
            let claim = preserving.claim_2(steps, 6, &places, 2.4).unwrap();
            let most = claim.differences.iter().copied().fold(0.0, f64::max);
            assert!(most > 0.2, "{distribution:?} {steps}: {most}");
            let claim = preserving.claim_4(steps, 60, 1).unwrap();
            let most = claim.gaps.iter().copied().fold(0.0, f64::max);
            assert!(most > 0.1, "{distribution:?} {steps}: {most}");
        }
    }
    // The integral against that of another grid, where the claim does not hold.
    let (data, _) = claims();
    let given = Distribution::Points {
        points: data.clone(),
    };
    let preserving = plane(given, ProcessKind::VariancePreserving);
    let claim = preserving.claim_2(10, 1, &places, 2.4).unwrap();
    let levels = preserving.process().levels(10, Spacing::Time).unwrap();
    for i in [8, 24, 31] {
        let expected = mean_of_previous(&data, places[i], levels[0], levels[1]);
        for axis in [0, 1] {
            let step = expected[axis] - places[i][axis] as f64;
            assert!((claim.measured[0][i][axis] as f64 - step).abs() < 1e-3);
        }
    }

    let flow = plane(Distribution::Moons, ProcessKind::RectifiedFlow);
    assert!(flow.claim_2(10, 1, &places, 2.4).is_err());
    assert!(flow.claim_4(10, 5, 0).is_err());
}
