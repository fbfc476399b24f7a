//! The U-Net's output against `UNet2DModel` with the same random weights.

use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use serde::Deserialize;
use unnoise::{
    backend,
    model::{UNet, UNetConfig, Weights, embedding::timestep_embedding},
    ops::Kernels,
};

use crate::golden;

/// The bar: maximum difference from diffusers.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    file: String,
    config: serde_json::Value,
    timesteps: Vec<f64>,
    class_labels: Option<Vec<usize>>,
    num_parameters: usize,
}

fn check<B: Kernels>() {
    let device = Default::default();
    let golden: Golden = golden::json("unet_cases.json");
    let mut checked = 0;
    for case in golden.cases {
        let config = UNetConfig::from_diffusers(&case.config).unwrap();
        let unet = UNet::new(config).unwrap();
        assert_eq!(unet.parameter_count(), case.num_parameters, "{}", case.name);

        let bytes = golden::bytes(&case.file);
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let values = golden::weights(&file, &unet);
        let weights = Weights::<B>::from_diffusers(unet.parameters(), &values, &device);
        let (shape, x) = golden::tensor(&file, "x");
        let x = Tensor::<B, 4>::from_data(TensorData::new(x, shape), &device);
        let output = unet.forward(&weights, x, &case.timesteps, case.class_labels.as_deref());
        let (shape, expected) = golden::tensor(&file, "output");
        assert_eq!(output.dims().to_vec(), shape);
        let actual: Vec<f32> = output.into_data().to_vec().unwrap();
        let difference = golden::max_difference(&actual, &expected);
        assert!(difference < TOLERANCE, "{}: {difference}", case.name);
        checked += 1;
    }
    assert!(checked >= 10);
}

#[test]
#[cfg(feature = "flex")]
fn output_agrees_on_flex() {
    check::<backend::Flex>();
}

#[test]
#[cfg(feature = "candle")]
fn output_agrees_on_candle() {
    check::<backend::Candle>();
}

#[test]
#[cfg(feature = "webgpu")]
fn output_agrees_on_webgpu() {
    check::<backend::WebGpu>();
}

#[test]
fn time_embedding_agrees() {
    #[derive(Deserialize)]
    struct Golden {
        timesteps: Vec<f64>,
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        dim: usize,
        flip_sin_to_cos: bool,
        freq_shift: f64,
        embedding: Vec<Vec<f32>>,
    }
    let golden: Golden = golden::json("embedding.json");
    assert!(!golden.cases.is_empty());
    for case in golden.cases {
        let actual = timestep_embedding(
            &golden.timesteps,
            case.dim,
            case.flip_sin_to_cos,
            case.freq_shift,
        );
        let difference = golden::max_difference(&actual, &case.embedding.concat());
        // One ulp of an angle near 1000 is 6e-5.
        assert!(difference < 7e-5, "dim {}: {difference}", case.dim);
    }
}
