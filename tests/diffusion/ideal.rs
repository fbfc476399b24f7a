//! The ideal denoiser: samples are training images, and no network does better.

use burn::tensor::{Tensor, TensorData};
use unnoise::{
    backend::Flex,
    denoiser::{Denoiser, IdealDenoiser},
    diagnostics::optimal_loss,
    diffusion::{
        LossWeighting, NoiseLevel, Objective, PredictionType, Schedule, SchedulerConfig,
        objective::LossInputs,
    },
    random::{Random, Stream},
    sampler::{SamplerConfig, SamplingOptions, SeededNoise, Trajectory},
};

const COUNT: usize = 12;
const SHAPE: [usize; 4] = [COUNT, 3, 8, 8];
const LENGTH: usize = 192;

fn pixels() -> Vec<f32> {
    let numbers = Random::new(2).normals(Stream::Weights, 0, 0, COUNT * LENGTH);
    numbers.iter().map(|x| (0.5 * x).clamp(-1.0, 1.0)).collect()
}

fn ideal() -> IdealDenoiser<Flex> {
    let data = TensorData::new(pixels(), SHAPE);
    IdealDenoiser::new(Tensor::from_data(data, &Default::default()))
}

#[test]
fn estimates_are_posterior_means() {
    let images = pixels();
    let level = NoiseLevel::variance_preserving(1.0, 0.05);
    let x_t = Random::new(3).normals(Stream::InitialNoise, 0, 0, LENGTH);
    let log_weights: Vec<f64> = images
        .chunks_exact(LENGTH)
        .map(|image| {
            let squares = x_t
                .iter()
                .zip(image)
                .map(|(x, y)| (*x as f64 - level.signal * *y as f64).powi(2));
            -squares.sum::<f64>() / (2.0 * level.noise.powi(2))
        })
        .collect();
    let most = log_weights.iter().copied().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = log_weights.iter().map(|w| (w - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    let data = TensorData::new(x_t, [1, 3, 8, 8]);
    let output = ideal().output(Tensor::from_data(data, &Default::default()), level, None);
    let actual: Vec<f32> = output.values.into_data().to_vec().unwrap();
    for (i, actual) in actual.iter().enumerate() {
        let expected: f64 = (0..COUNT)
            .map(|image| weights[image] / total * images[image * LENGTH + i] as f64)
            .sum();
        assert!(
            (*actual as f64 - expected).abs() < 1e-4,
            "{actual} {expected}"
        );
    }
}

/// Whatever the sampler and the process, what comes out is a training image, within 0.02 at every
/// pixel, less than three of 255 levels.
#[test]
fn every_sampler_returns_training_images() {
    let images = pixels();
    for prediction_type in [PredictionType::Epsilon, PredictionType::Velocity] {
        let config = SchedulerConfig {
            prediction_type,
            ..Default::default()
        };
        for sampler in SamplerConfig::ALL {
            let options = SamplingOptions {
                sampler,
                steps: match sampler {
                    SamplerConfig::Ddpm { .. } => 1000,
                    _ => 100,
                },
                ..Default::default()
            };
            let noise = SeededNoise {
                first: 0,
                seed: 5,
                shape: [8, 3, 8, 8],
                device: Default::default(),
            };
            let sampler_of = options.sampler::<Flex>(&config).unwrap();
            let mut run = Trajectory::new(sampler_of, Box::new(ideal()), Box::new(noise));
            let mut x_0 = None;
            while let Some(frame) = run.advance().unwrap() {
                x_0 = Some(frame.x_t);
            }
            let samples: Vec<f32> = x_0.unwrap().into_data().to_vec().unwrap();
            let mut seen = std::collections::BTreeSet::new();
            for sample in samples.chunks_exact(LENGTH) {
                let distances = images.chunks_exact(LENGTH).map(|image| {
                    let differences = sample.iter().zip(image).map(|(a, b)| (a - b).abs());
                    differences.fold(0f32, f32::max)
                });
                let (nearest, distance) = distances
                    .enumerate()
                    .min_by(|a, b| a.1.total_cmp(&b.1))
                    .unwrap();
                assert!(
                    distance < 0.02,
                    "{sampler:?} {prediction_type:?}: {distance}"
                );
                seen.insert(nearest);
            }
            assert!(seen.len() > 2, "{sampler:?} {prediction_type:?}");
        }
    }
}

fn objective(prediction_type: PredictionType) -> Objective {
    let config = SchedulerConfig {
        num_train_timesteps: 100,
        beta_end: 0.2,
        prediction_type,
        ..Default::default()
    };
    Objective {
        schedule: Schedule::new(&config).unwrap(),
        prediction_type,
        variance_type: config.variance_type,
        weighting: LossWeighting::Simple,
        min_snr_gamma: 5.0,
        min_snr_floor: 0.0,
        vlb_weight: 1e-3,
    }
}

/// The optimal loss is what the ideal denoiser's own predictions cost, and those of anything else
/// more.
#[test]
fn the_optimal_loss_is_the_ideal_denoisers_loss() {
    const SAMPLES: usize = 600;
    let (images, ideal) = (pixels(), ideal());
    for prediction_type in [
        PredictionType::Epsilon,
        PredictionType::Sample,
        PredictionType::VPrediction,
        PredictionType::Velocity,
    ] {
        let objective = objective(prediction_type);
        for t in [20, 50, 80, 98] {
            let level = objective.schedule.level(Some(t));
            let random = Random::new(11);
            let x_0: Vec<f32> = (0..SAMPLES as u64)
                .flat_map(|i| {
                    let image = random.below(COUNT, Stream::Order, t as u32, i);
                    images[image * LENGTH..][..LENGTH].to_vec()
                })
                .collect();
            let eps = random.normals(Stream::TrainingNoise, t as u32, 0, SAMPLES * LENGTH);
            let shape = [SAMPLES, 3, 8, 8];
            let tensor = |values: &[f32]| {
                Tensor::<Flex, 4>::from_data(
                    TensorData::new(values.to_vec(), shape),
                    &Default::default(),
                )
            };
            let x_t = tensor(&x_0) * level.signal + tensor(&eps) * level.noise;
            let loss = |x_0_hat: Tensor<Flex, 4>| {
                let eps_hat = (x_t.clone() - x_0_hat.clone() * level.signal) / level.noise;
                let output = match prediction_type {
                    PredictionType::Epsilon => eps_hat,
                    PredictionType::Sample => x_0_hat,
                    PredictionType::VPrediction => eps_hat * level.signal - x_0_hat * level.noise,
                    PredictionType::Velocity => eps_hat - x_0_hat,
                };
                let [x0_coef, eps_coef] = objective.target_coefs(t);
                let target = LossInputs {
                    target: tensor(&x_0) * x0_coef + tensor(&eps) * eps_coef,
                    loss_weights: None,
                    x_0: tensor(&x_0),
                    timesteps: &[t; SAMPLES],
                };
                objective.loss(output, target).into_scalar() as f64
            };
            let estimate = ideal.output(x_t.clone(), level, None).values;
            let own = loss(estimate.clone());
            let optimum = optimal_loss(&ideal, &objective, t, SAMPLES, 1).into_scalar() as f64;
            // Both are means over samples of a probability's spread: a tenth of the largest.
            let spread = 0.02 / objective.prediction_type.x0_sensitivity(level).powi(2);
            assert!(
                (own - optimum).abs() < 0.1 * optimum + 0.1 * spread,
                "{prediction_type:?} {t}: {own} {optimum}"
            );
            assert!(loss(estimate.clone() * 0.9) > own);
            assert!(loss(estimate + 0.05) > own);
        }
    }
}
