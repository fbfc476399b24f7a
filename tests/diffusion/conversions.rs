//! ε, x_0, v and velocity are views of one thing.

use burn::tensor::{Distribution, Tensor};
use unnoise::{
    backend::Flex,
    diffusion::{
        Limit, ModelOutput, NoiseLevel, Prediction, PredictionType, Schedule, SchedulerConfig,
        parametrisation::*,
    },
};

type Image = Tensor<Flex, 4>;

fn close(a: Image, b: Image) {
    let difference = (a - b).abs().max().into_scalar();
    assert!(difference < 2e-5, "{difference}");
}

/// Levels with a good share of both signal and noise, and an image, noise and what they make.
fn cases(flow: bool) -> Vec<(NoiseLevel, Image, Image, Image)> {
    let device = Default::default();
    let image = || Image::random([2, 3, 4, 4], Distribution::Uniform(-1.0, 1.0), &device);
    [0.2, 0.5, 0.8]
        .map(|share| {
            let level = if flow {
                NoiseLevel {
                    t: 1.0,
                    signal: 1.0 - share,
                    noise: share,
                }
            } else {
                NoiseLevel::variance_preserving(1.0, share)
            };
            let (x_0, eps) = (image(), image());
            let x_t = x_0.clone() * level.signal + eps.clone() * level.noise;
            (level, x_0, eps, x_t)
        })
        .into()
}

#[test]
fn conversions_are_inverses() {
    for (level, x_0, eps, x_t) in cases(false) {
        let v = eps.clone() * level.signal - x_0.clone() * level.noise;
        close(x0_from_eps(x_t.clone(), eps.clone(), level), x_0.clone());
        close(eps_from_x0(x_t.clone(), x_0.clone(), level), eps.clone());
        close(v_from_eps(x_t.clone(), eps.clone(), level), v.clone());
        close(v_from_x0(x_t.clone(), x_0.clone(), level), v.clone());
        close(x0_from_v(x_t.clone(), v.clone(), level), x_0);
        close(eps_from_v(x_t, v, level), eps);
    }
    for (level, x_0, eps, x_t) in cases(true) {
        let velocity = eps.clone() - x_0.clone();
        close(
            velocity_from_eps(x_t.clone(), eps.clone(), level),
            velocity.clone(),
        );
        close(
            velocity_from_x0(x_t.clone(), x_0.clone(), level),
            velocity.clone(),
        );
        close(x0_from_velocity(x_t.clone(), velocity.clone(), level), x_0);
        close(eps_from_velocity(x_t, velocity, level), eps);
    }
}

#[test]
fn v_and_velocity_convert_at_any_level() {
    for (level, x_0, eps, x_t) in cases(false).into_iter().chain(cases(true)) {
        // Halved, a level belongs to neither process.
        for scale in [1.0, 0.5] {
            let level = NoiseLevel {
                signal: level.signal * scale,
                noise: level.noise * scale,
                ..level
            };
            let x_t = x_t.clone() * scale;
            let v = eps.clone() * level.signal - x_0.clone() * level.noise;
            let velocity = eps.clone() - x_0.clone();
            close(
                v_from_velocity(x_t.clone(), velocity.clone(), level),
                v.clone(),
            );
            close(velocity_from_v(x_t, v, level), velocity);
        }
    }
}

#[test]
fn targets_read_back_as_what_they_were_made_of() {
    for (flow, prediction_type) in [
        (false, PredictionType::Epsilon),
        (false, PredictionType::Sample),
        (false, PredictionType::VPrediction),
        (true, PredictionType::FlowPrediction),
    ] {
        for (level, x_0, eps, x_t) in cases(flow) {
            let [of_x0, of_eps] = prediction_type.target_coefficients(level);
            let target = x_0.clone() * of_x0 + eps.clone() * of_eps;
            let read = |values: Image| {
                let output = ModelOutput {
                    values,
                    variance: None,
                };
                Prediction::read(output, prediction_type, x_t.clone(), level, Limit::None)
            };
            let prediction = read(target.clone());
            close(prediction.pred_x0.clone(), x_0);
            close(prediction.eps, eps);
            // A small error in the prediction becomes one of x_0 as the sensitivity says.
            let moved = read(target + 0.01).pred_x0 - prediction.pred_x0;
            let expected = moved.zeros_like() + 0.01 * prediction_type.x0_sensitivity(level);
            close(moved, expected);
        }
    }
}

#[test]
fn levels_are_found_by_their_sigma() {
    for prediction_type in [PredictionType::Epsilon, PredictionType::FlowPrediction] {
        let config = SchedulerConfig {
            prediction_type,
            shift: 2.0,
            ..Default::default()
        };
        let schedule = Schedule::new(&config).unwrap();
        for t in [0, 1, 77, 500, 998] {
            let level = schedule.level(Some(t));
            let found = schedule.level_at_sigma(level.sigma());
            assert!((found.t - level.t).abs() < 1e-6, "{found:?} {level:?}");
            assert!((found.signal - level.signal).abs() < 1e-9);
            assert!((found.noise - level.noise).abs() < 1e-9);
        }
    }
}
