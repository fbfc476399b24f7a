//! The variational bound against improved-diffusion's formulas in float64, with the U-Nets of
//! `unet_cases.json`.

use std::sync::Arc;

use pollster::block_on;
use safetensors::SafeTensors;
use serde::Deserialize;
use unnoise::{
    backend::Flex,
    denoiser::NetworkDenoiser,
    diffusion::{Schedule, SchedulerConfig},
    model::{UNet, UNetConfig, Weights},
    train::{Dataset, dataset::bytes_from_pixels},
    vlb::{Bound, Evaluation, EvaluationNoise},
};

use crate::golden;

#[derive(Deserialize)]
struct Golden<T> {
    cases: Vec<T>,
}

#[derive(Deserialize)]
struct UNetCase {
    name: String,
    file: String,
    config: serde_json::Value,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    unet: String,
    scheduler: SchedulerConfig,
    total_bpd: f64,
    prior_bpd: f64,
    vb: Vec<f64>,
    x0_mse: Vec<f64>,
    eps_mse: Vec<f64>,
}

fn network(case: &UNetCase, config: &SchedulerConfig) -> NetworkDenoiser<Flex> {
    let unet = UNet::new(UNetConfig::from_diffusers(&case.config).unwrap()).unwrap();
    let bytes = golden::bytes(&case.file);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let values = golden::weights(&file, &unet);
    NetworkDenoiser {
        weights: Weights::from_diffusers(unet.parameters(), &values, &Default::default()),
        unet: Arc::new(unet),
        prediction_type: config.prediction_type,
    }
}

#[test]
fn every_term_agrees() {
    let unets: Golden<UNetCase> = golden::json("unet_cases.json");
    let golden: Golden<Case> = golden::json("elbo.json");
    let bytes = golden::bytes("elbo.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (shape, x_0) = golden::tensor(&file, "x_0");
    let (_, eps) = golden::tensor(&file, "eps");
    let bytes = bytes_from_pixels(&x_0, shape[2] * shape[3], shape[1]);
    let images = Dataset::from_rgb(&bytes, shape[0], shape[2]).unwrap();
    assert_eq!(golden.cases.len(), 5);
    for case in golden.cases {
        let unet = unets.cases.iter().find(|unet| unet.name == case.unet);
        let bound = Bound {
            schedule: Schedule::new(&case.scheduler).unwrap(),
            variance_type: case.scheduler.variance_type,
            clipping: case.scheduler.clipping(),
        };
        let evaluation = Evaluation::<Flex>::new(
            bound,
            Box::new(network(unet.unwrap(), &case.scheduler)),
            images.clone(),
            EvaluationNoise::Given(eps.clone()),
            Default::default(),
        )
        .unwrap();
        let elbo = block_on(evaluation.finish(|_| {})).unwrap();
        let check = |what: &str, actual: &[f64], expected: &[f64]| {
            assert_eq!(actual.len(), expected.len());
            for (t, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                let name = &case.name;
                assert!(
                    (actual - expected).abs() < 1e-4_f64.max(1e-4 * expected.abs()),
                    "{name} {what}[{t}]: {actual}, but {expected}"
                );
            }
        };
        check("total_bpd", &[elbo.total_bpd], &[case.total_bpd]);
        check("prior_bpd", &[elbo.prior_bpd], &[case.prior_bpd]);
        check("vb", &elbo.vb, &case.vb);
        check("x0_mse", &elbo.x0_mse, &case.x0_mse);
        check("eps_mse", &elbo.eps_mse, &case.eps_mse);
    }
}
