//! Whole trajectories of Heun, DPM-Solver++(2M) and Euler for flows against diffusers, from the
//! same noise, with an analytic denoiser in place of a network.

use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use serde::Deserialize;
use unnoise::{
    backend::Flex,
    diffusion::{PredictionType, SchedulerConfig},
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
    timesteps: Vec<f64>,
}

#[test]
fn trajectories_agree() {
    let golden: Golden = golden::json("solvers.json");
    let bytes = golden::bytes("solvers.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut checked = [0; 3];
    for case in golden.cases {
        let name = &case.name;
        let mut fields = case.scheduler.clone();
        fields
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let mut config: SchedulerConfig = serde_json::from_value(fields).unwrap();
        let use_karras_sigmas = case.scheduler["use_karras_sigmas"].as_bool();
        let (kind, sampler) = match case.scheduler["_class_name"].as_str() {
            Some("HeunDiscreteScheduler") => (0, SamplerConfig::Heun { use_karras_sigmas }),
            Some("DPMSolverMultistepScheduler") => {
                // It only limits where it thresholds.
                config.clip_sample = false;
                (1, SamplerConfig::DpmPp2M { use_karras_sigmas })
            }
            _ => {
                config.prediction_type = PredictionType::Velocity;
                (2, SamplerConfig::EulerFlow)
            }
        };
        let options = SamplingOptions {
            sampler,
            steps: case.num_inference_steps,
            ..Default::default()
        };
        let steps = options.sampler::<Flex>(&config).unwrap();
        assert_eq!(steps.levels().len(), case.timesteps.len());
        for (level, expected) in steps.levels().iter().zip(&case.timesteps) {
            assert!(
                (level.t - expected).abs() < 1e-6,
                "{name}: {} {expected}",
                level.t
            );
        }
        let (shape, x_t) = golden::tensor(&file, "x_T");
        let noise = GivenNoise {
            x_t: Tensor::from_data(TensorData::new(x_t, shape), &Default::default()),
            z: None,
        };
        let denoiser = Analytic::for_model(&config);
        let mut trajectory = Trajectory::new(steps, Box::new(denoiser), Box::new(noise));
        trajectory.advance().unwrap();

        let (_, expected) = golden::tensor(&file, &format!("{name}.trajectory"));
        let (_, expected_x0) = golden::tensor(&file, &format!("{name}.pred_original_sample"));
        let size = expected.len() / case.num_inference_steps;
        while let Some(frame) = trajectory.advance().unwrap() {
            let index = frame.index - 1;
            let check = |actual: Tensor<Flex, 4>, expected: &[f32], quantity: &str| {
                let actual: Vec<f32> = actual.into_data().to_vec().unwrap();
                let expected = &expected[index * size..][..size];
                let difference = golden::max_difference(&actual, expected);
                assert!(
                    difference < TOLERANCE,
                    "{quantity} of {name} in step {index}: {difference}"
                );
            };
            check(frame.x_t, &expected, "x");
            check(frame.pred_x0.unwrap(), &expected_x0, "pred_x0");
        }
        checked[kind] += 1;
    }
    assert_eq!(checked, [13, 16, 3]);
}
