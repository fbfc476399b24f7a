//! Every sampler with every choice of noise levels: finite, or refused with a reason.

use burn::tensor::{Tensor, TensorData};
use unnoise::{
    backend::Flex,
    denoiser::IdealDenoiser,
    diffusion::{PredictionType, SchedulerConfig, TimestepSpacing as Spacing, VarianceType},
    sampler::{SamplerConfig, SamplingOptions, SeededNoise, Trajectory},
};

const TIMESTEPS: usize = 20;

fn processes() -> impl Iterator<Item = SchedulerConfig> {
    let config = |prediction_type, rescale_betas_zero_snr| {
        SchedulerConfig {
            num_train_timesteps: TIMESTEPS,
            prediction_type,
            rescale_betas_zero_snr,
            ..Default::default()
        }
        .scaled_to_steps()
    };
    [
        config(PredictionType::Epsilon, false),
        config(PredictionType::VPrediction, true),
        config(PredictionType::Velocity, false),
    ]
    .into_iter()
}

/// Every sampler, with each choice of noise levels of its own.
fn samplers() -> impl Iterator<Item = SamplerConfig> {
    let of_karras = [None, Some(true), Some(false)].map(|use_karras_sigmas| {
        [
            SamplerConfig::Heun { use_karras_sigmas },
            SamplerConfig::DpmPp2M { use_karras_sigmas },
        ]
    });
    let others = [
        SamplerConfig::Ddpm {
            variance: Some(VarianceType::FixedLarge),
        },
        SamplerConfig::Ddim {
            eta: 0.5,
            use_clipped_model_output: false,
        },
        SamplerConfig::EulerFlow,
    ];
    others.into_iter().chain(of_karras.into_iter().flatten())
}

/// The largest magnitude of the images that `options` lead to.
fn largest(options: &SamplingOptions, config: &SchedulerConfig) -> f32 {
    let images: Vec<f32> = (0..2 * 12).map(|i| i as f32 / 12.0 - 1.0).collect();
    let device = Default::default();
    let images = Tensor::<Flex, 4>::from_data(TensorData::new(images, [2, 3, 2, 2]), &device);
    let noise = SeededNoise {
        first: 0,
        seed: 1,
        shape: [2, 3, 2, 2],
        device,
    };
    let sampler = options.sampler(config).unwrap();
    let ideal = Box::new(IdealDenoiser::new(images));
    let mut run = Trajectory::new(sampler, ideal, Box::new(noise));
    let mut x_0 = None;
    while let Some(frame) = run.advance().unwrap() {
        x_0 = Some(frame.x_t);
    }
    let values: Vec<f32> = x_0.unwrap().into_data().to_vec().unwrap();
    values.iter().fold(0.0, |most, value| {
        assert!(value.is_finite(), "{options:?} {config:?}");
        value.abs().max(most)
    })
}

#[test]
fn every_sampler_takes_every_spacing_and_number_of_steps() {
    for config in processes() {
        for sampler in samplers() {
            for spacing in [Spacing::Leading, Spacing::Trailing, Spacing::Linspace] {
                for steps in [1, 2, 9, TIMESTEPS - 1, TIMESTEPS] {
                    let options = SamplingOptions {
                        sampler,
                        steps,
                        clip: Some(true),
                        timestep_spacing: Some(spacing),
                        ..Default::default()
                    };
                    if options.sampler::<Flex>(&config).is_err() {
                        let solver = matches!(sampler, SamplerConfig::DpmPp2M { .. });
                        let last = solver && steps == TIMESTEPS;
                        assert!(last && spacing != Spacing::Trailing, "{options:?}");
                        continue;
                    }
                    // A single step from far up still holds noise; nothing is ever far off.
                    assert!(largest(&options, &config) < 6.0, "{options:?} {config:?}");
                }
            }
        }
    }
}

#[test]
fn the_spacing_asked_for_overrides_the_models_own() {
    let config = SchedulerConfig::default();
    let first = |timestep_spacing| {
        let options = SamplingOptions {
            steps: 10,
            timestep_spacing,
            ..Default::default()
        };
        options.sampler::<Flex>(&config).unwrap().levels()[0].t
    };
    assert_eq!(first(None), 999.0);
    assert_eq!(first(Some(Spacing::Leading)), 900.0);
}
