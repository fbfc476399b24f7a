//! ε, x_0, v and velocity are views of one thing.

use burn::tensor::{Distribution, Tensor};
use unnoise::{
    backend::Flex,
    diffusion::{
        ModelOutput, NoiseLevel, Prediction, PredictionType, Schedule, SchedulerConfig, X0Clipping,
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

/// What `prediction_type` calls the mixture of `x_0` and `eps`.
fn target(prediction_type: PredictionType, x_0: Image, eps: Image, level: NoiseLevel) -> Image {
    let [a, b] = prediction_type.target_coefficients(level);
    x_0 * a + eps * b
}

/// A network's `y` of type `from`, as one of type `to` would have said it.
fn convert(
    (from, y): (PredictionType, Image),
    to: PredictionType,
    x_t: Image,
    level: NoiseLevel,
) -> Image {
    let [x_0, eps] = from.x0_and_eps(x_t, y, level, false);
    target(to, x_0, eps, level)
}

#[test]
fn conversions_are_inverses() {
    use PredictionType::{Epsilon, Sample, VPrediction, Velocity};
    for (flow, mixed) in [(false, VPrediction), (true, Velocity)] {
        for (level, x_0, eps, x_t) in cases(flow) {
            let y = if flow {
                eps.clone() - x_0.clone()
            } else {
                eps.clone() * level.signal - x_0.clone() * level.noise
            };
            let kinds = [(Epsilon, eps), (Sample, x_0), (mixed, y)];
            for from in &kinds {
                for (to, expected) in &kinds {
                    let actual = convert(from.clone(), *to, x_t.clone(), level);
                    close(actual, expected.clone());
                }
            }
        }
    }
}

#[test]
fn v_and_velocity_convert_at_any_level() {
    use PredictionType::{VPrediction, Velocity};
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
            let of_velocity = (Velocity, velocity.clone());
            close(
                convert(of_velocity, VPrediction, x_t.clone(), level),
                v.clone(),
            );
            close(convert((VPrediction, v), Velocity, x_t, level), velocity);
        }
    }
}

#[test]
fn targets_read_back_as_what_they_were_made_of() {
    for (flow, prediction_type) in [
        (false, PredictionType::Epsilon),
        (false, PredictionType::Sample),
        (false, PredictionType::VPrediction),
        (true, PredictionType::Velocity),
    ] {
        for (level, x_0, eps, x_t) in cases(flow) {
            let target = target(prediction_type, x_0.clone(), eps.clone(), level);
            let read = |values: Image| {
                let output = ModelOutput {
                    values,
                    var_values: None,
                };
                Prediction::read(
                    output,
                    prediction_type,
                    x_t.clone(),
                    level,
                    X0Clipping::None,
                )
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
    for prediction_type in [PredictionType::Epsilon, PredictionType::Velocity] {
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
