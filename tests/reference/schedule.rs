//! Schedules, posterior coefficients and timestep spacings against diffusers.

use serde::Deserialize;
use unnoise::diffusion::{
    BetaSchedule, PredictionType, Schedule, SchedulerConfig, TimestepSpacing,
};

use crate::golden;

#[derive(Deserialize)]
struct Golden {
    schedules: Vec<ScheduleCase>,
    timesteps: Vec<TimestepsCase>,
}

#[derive(Deserialize)]
struct ScheduleCase {
    name: String,
    num_train_timesteps: usize,
    beta_schedule: BetaSchedule,
    beta_start: f64,
    beta_end: f64,
    rescale_betas_zero_snr: bool,
    indices: Vec<usize>,
    float64: Values,
}

#[derive(Deserialize)]
struct Values {
    betas: Vec<f64>,
    alphas_cumprod: Vec<f64>,
    posterior_variance: Vec<f64>,
    posterior_mean_coef1: Vec<f64>,
    posterior_mean_coef2: Vec<f64>,
    snr: Vec<f64>,
}

#[derive(Deserialize)]
struct TimestepsCase {
    num_train_timesteps: usize,
    num_inference_steps: usize,
    timestep_spacing: TimestepSpacing,
    timesteps: Vec<usize>,
}

#[test]
fn schedules_and_posteriors_agree_in_float64() {
    let golden: Golden = golden::json("schedules.json");
    assert!(golden.schedules.len() >= 10);
    for case in golden.schedules {
        let schedule = Schedule::new(&SchedulerConfig {
            num_train_timesteps: case.num_train_timesteps,
            beta_schedule: case.beta_schedule,
            beta_start: case.beta_start,
            beta_end: case.beta_end,
            rescale_betas_zero_snr: case.rescale_betas_zero_snr,
            // Epsilon would be refused with a terminal SNR of zero.
            prediction_type: PredictionType::VPrediction,
            ..Default::default()
        })
        .unwrap();
        let check = |quantity: &str, expected: &[f64], actual: &dyn Fn(usize) -> f64| {
            assert_eq!(expected.len(), case.indices.len());
            for (&t, expected) in case.indices.iter().zip(expected) {
                let actual = actual(t);
                // Relative: 1 - ᾱ cancels near t = 0, which costs f64 a few digits there.
                assert!(
                    (actual - expected).abs() <= 1e-10 * expected.abs() + 1e-15,
                    "{} {quantity}[{t}]: {actual} but diffusers has {expected}",
                    case.name
                );
            }
        };
        let posterior = |t| schedule.posterior(t);
        let values = &case.float64;
        check("betas", &values.betas, &|t| schedule.betas[t]);
        check("alphas_cumprod", &values.alphas_cumprod, &|t| {
            schedule.alphas_cumprod[t]
        });
        check("snr", &values.snr, &|t| schedule.snr(t));
        check("posterior_variance", &values.posterior_variance, &|t| {
            // diffusers keeps its logarithm finite.
            posterior(t).variance.max(1e-20)
        });
        check("posterior_mean_coef1", &values.posterior_mean_coef1, &|t| {
            posterior(t).mean_coef1
        });
        check("posterior_mean_coef2", &values.posterior_mean_coef2, &|t| {
            posterior(t).mean_coef2
        });
    }
}

#[test]
fn timesteps_are_spaced_alike() {
    let golden: Golden = golden::json("schedules.json");
    assert!(!golden.timesteps.is_empty());
    for case in golden.timesteps {
        let schedule = Schedule::new(&SchedulerConfig {
            num_train_timesteps: case.num_train_timesteps,
            ..Default::default()
        })
        .unwrap();
        assert_eq!(
            schedule
                .timesteps(case.num_inference_steps, case.timestep_spacing)
                .unwrap(),
            case.timesteps,
            "{} of {} {:?}",
            case.num_inference_steps,
            case.num_train_timesteps,
            case.timestep_spacing
        );
    }
}
