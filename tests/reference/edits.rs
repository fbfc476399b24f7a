//! SDEdit and RePaint against diffusers, from the same noise, with an analytic denoiser in place of
//! a network.

use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use serde::Deserialize;
use unnoise::{
    backend::Flex,
    diffusion::SchedulerConfig,
    sampler::{Edit, GivenNoise, Resampling, SamplerConfig, SamplingOptions, Trajectory},
};

use crate::{analytic::Analytic, golden};

/// The bar: maximum difference from diffusers.
const TOLERANCE: f32 = 1e-4;
const SHAPE: [usize; 4] = [2, 3, 4, 4];

#[derive(Deserialize)]
struct Golden {
    redrawn: Vec<Redrawn>,
    filled: Vec<Filled>,
}

#[derive(Deserialize)]
struct Redrawn {
    name: String,
    scheduler: SchedulerConfig,
    num_inference_steps: usize,
    eta: Option<f64>,
    strength: f64,
}

#[derive(Deserialize)]
struct Filled {
    name: String,
    scheduler: SchedulerConfig,
    num_inference_steps: usize,
    #[serde(flatten)]
    resampling: Resampling,
    eta: f64,
    timesteps: Vec<f64>,
}

/// Makes `edit` and compares every x with what diffusers has. Gives the timesteps x was at.
fn compare(
    file: &SafeTensors,
    name: &str,
    edit: &Edit,
    options: &SamplingOptions,
    config: &SchedulerConfig,
) -> Vec<f64> {
    let device = Default::default();
    let tensor = |name: &str| {
        let (shape, values) = golden::tensor(file, name);
        TensorData::new(values, shape)
    };
    let noise = GivenNoise {
        x_t: Tensor::from_data(tensor("x_T"), &device),
        z: Some(Tensor::from_data(tensor("z"), &device)),
    };
    let run = Trajectory::<Flex>::new(
        options.sampler(config).unwrap(),
        Box::new(Analytic::for_model(config)),
        Box::new(noise),
    );
    let mut run = edit.apply(run, options, SHAPE, &device).unwrap();
    let (_, expected) = golden::tensor(file, &format!("{name}.trajectory"));
    let mut points = expected.chunks_exact(SHAPE.iter().product());
    assert_eq!(points.len(), run.total() + 1, "{name}");
    let mut timesteps = Vec::new();
    while let Some(frame) = run.advance().unwrap() {
        let x_t: Vec<f32> = frame.x_t.into_data().to_vec().unwrap();
        let difference = golden::max_difference(&x_t, points.next().unwrap());
        assert!(
            difference < TOLERANCE,
            "{name} after {} steps: {difference}",
            frame.index
        );
        timesteps.extend(frame.t);
    }
    timesteps
}

fn ddim(eta: f64) -> SamplerConfig {
    SamplerConfig::Ddim {
        eta,
        use_clipped_model_output: false,
    }
}

#[test]
fn edits_agree() {
    let golden: Golden = golden::json("edits.json");
    let bytes = golden::bytes("edits.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (_, image) = golden::tensor(&file, "image");
    for case in golden.redrawn {
        let options = SamplingOptions {
            sampler: match case.eta {
                Some(eta) => ddim(eta),
                None => SamplerConfig::Ddpm { variance: None },
            },
            steps: case.num_inference_steps,
            ..Default::default()
        };
        let edit = Edit::Img2Img {
            image: image.clone(),
            strength: case.strength,
        };
        compare(&file, &case.name, &edit, &options, &case.scheduler);
    }
    let (_, mask) = golden::tensor(&file, "mask");
    for case in golden.filled {
        let options = SamplingOptions {
            sampler: ddim(case.eta),
            steps: case.num_inference_steps,
            ..Default::default()
        };
        let edit = Edit::Inpaint {
            image: image.clone(),
            fill: mask.iter().map(|keep| *keep == 0.0).collect(),
            resampling: case.resampling,
        };
        let timesteps = compare(&file, &case.name, &edit, &options, &case.scheduler);
        assert_eq!(timesteps, case.timesteps, "{}", case.name);
    }
}
