//! Whole trajectories of DDPM and DDIM against diffusers, from the same noise, with an analytic
//! denoiser in place of a network.

use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use serde::Deserialize;
use unnoise::{
    backend::Flex,
    diffusion::{NoiseLevel, Schedule, SchedulerConfig, VarianceType},
    sampler::{GivenNoise, SamplerConfig, SamplingOptions, Trajectory},
};

use crate::{analytic::Analytic, golden};

/// The bar: maximum difference from diffusers.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    scheduler: serde_json::Value,
    num_inference_steps: usize,
    eta: Option<f64>,
    timesteps: Vec<f64>,
}

fn values<const D: usize>(tensor: Tensor<Flex, D>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}

#[test]
fn trajectories_agree() {
    let golden: Golden = golden::json("trajectories.json");
    let bytes = golden::bytes("trajectories.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| {
        let (shape, values) = golden::tensor(&file, name);
        TensorData::new(values, shape)
    };
    let device = Default::default();
    let mut checked = [0, 0];
    for case in golden.cases {
        let config: SchedulerConfig = serde_json::from_value(case.scheduler.clone()).unwrap();
        let sampler = match case.scheduler["_class_name"].as_str() {
            Some("DDPMScheduler") => SamplerConfig::Ddpm { variance: None },
            Some("DDIMScheduler") => SamplerConfig::Ddim {
                eta: case.eta.unwrap_or(0.0),
                use_clipped_model_output: false,
            },
            other => panic!("{other:?}"),
        };
        let options = SamplingOptions {
            sampler,
            steps: case.num_inference_steps,
            ..Default::default()
        };
        let steps = options.sampler::<Flex>(&config).unwrap();
        let timesteps: Vec<f64> = steps.levels().iter().map(|level| level.t).collect();
        assert_eq!(timesteps, case.timesteps, "{}", case.name);
        let z = Tensor::<Flex, 5>::from_data(tensor("z"), &device);
        let noise = GivenNoise {
            x_t: Tensor::from_data(tensor("x_T"), &device),
            z: Some(z.clone()),
        };
        let mut trajectory = Trajectory::new(
            steps,
            Box::new(Analytic::for_model(&config)),
            Box::new(noise),
        );

        let (_, expected) = golden::tensor(&file, &format!("{}.trajectory", case.name));
        let (_, expected_x0) =
            golden::tensor(&file, &format!("{}.pred_original_sample", case.name));
        let size = expected.len() / (case.num_inference_steps + 1);
        // diffusers draws noise wherever t > 0, so with trailing spacing the last step of
        // `fixed_large` ends in plain noise. Ours returns the mean, as the paper's algorithm does.
        let ancestral = matches!(sampler, SamplerConfig::Ddpm { .. });
        let noisy_end = ancestral
            && config.variance_type == VarianceType::FixedLarge
            && *case.timesteps.last().unwrap() > 0.0;
        while let Some(frame) = trajectory.advance().unwrap() {
            let what = format!("{} after {} steps", case.name, frame.index);
            let mut expected = expected[frame.index * size..][..size].to_vec();
            if noisy_end && frame.index == case.num_inference_steps {
                let last = *case.timesteps.last().unwrap() as usize;
                let sigma = Schedule::new(&config).unwrap().level(Some(last)).noise as f32;
                let z = values(z.clone().narrow(0, frame.index - 1, 1));
                for (expected, z) in expected.iter_mut().zip(z) {
                    *expected -= sigma * z;
                }
            }
            let check = |actual: Tensor<Flex, 4>, expected: &[f32], quantity: &str| {
                let difference = golden::max_difference(&values(actual), expected);
                assert!(difference < TOLERANCE, "{quantity} of {what}: {difference}");
            };
            check(frame.x_t, &expected, "x");
            if let Some(pred_x0) = frame.pred_x0 {
                check(
                    pred_x0,
                    &expected_x0[(frame.index - 1) * size..][..size],
                    "pred_x0",
                );
            }
        }
        checked[usize::from(!ancestral)] += 1;
    }
    assert_eq!(checked, [30, 21]);
}

/// With ε derived from the clamped pred_x0, x_t is made up of the two before and after the step.
#[test]
fn ddim_can_keep_eps_and_clamped_x0_consistent() {
    let device = Default::default();
    let config = SchedulerConfig::default();
    let options = SamplingOptions {
        sampler: SamplerConfig::Ddim {
            eta: 0.0,
            use_clipped_model_output: true,
        },
        steps: 10,
        ..Default::default()
    };
    let x_t = Tensor::<Flex, 4>::from_data(
        TensorData::new(
            (0..48).map(|i| i as f32 / 12.0 - 2.0).collect(),
            [1, 3, 4, 4],
        ),
        &device,
    );
    let noise = GivenNoise { x_t, z: None };
    let sampler = options.sampler::<Flex>(&config).unwrap();
    let levels = sampler.levels().to_vec();
    let mut trajectory = Trajectory::new(
        sampler,
        Box::new(Analytic::for_model(&config)),
        Box::new(noise),
    );
    let mut before = trajectory.advance().unwrap().unwrap();
    let mut clamped = 0;
    while let Some(after) = trajectory.advance().unwrap() {
        let pred_x0 = values(after.pred_x0.clone().unwrap());
        clamped += pred_x0.iter().filter(|x| x.abs() == 1.0).count();
        let parts = |level: Option<&NoiseLevel>| {
            let level = level.copied().unwrap_or(NoiseLevel::CLEAN);
            (level.signal as f32, level.noise as f32)
        };
        let (signal, sigma) = parts(levels.get(before.index));
        let (signal_after, sigma_after) = parts(levels.get(after.index));
        let expected: Vec<f32> = values(before.x_t)
            .iter()
            .zip(&pred_x0)
            .map(|(x_t, x_0)| signal_after * x_0 + sigma_after * (x_t - signal * x_0) / sigma)
            .collect();
        assert!(golden::max_difference(&values(after.x_t.clone()), &expected) < TOLERANCE);
        before = after;
    }
    assert!(clamped > 0);
}
