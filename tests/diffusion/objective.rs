//! What training minimises.

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData, backend::Backend},
};
use unnoise::{
    backend::Flex,
    diffusion::{
        LossWeighting, Objective, PredictionType, Schedule, SchedulerConfig, VarianceType,
        losses::vlb_terms, objective::LossInputs,
    },
    random::{Random, Stream},
};

const SHAPE: [usize; 4] = [4, 3, 2, 2];
const LENGTH: usize = 48;
const TIMESTEPS: [usize; 4] = [0, 3, 17, 24];

fn objective(prediction_type: PredictionType, weighting: LossWeighting) -> Objective {
    let config = SchedulerConfig {
        num_train_timesteps: 25,
        beta_start: 0.004,
        beta_end: 0.5,
        prediction_type,
        ..Default::default()
    };
    Objective {
        schedule: Schedule::new(&config).unwrap(),
        prediction_type,
        variance_type: config.variance_type,
        weighting,
        min_snr_gamma: 5.0,
        min_snr_floor: 0.0,
        vlb_weight: 1e-3,
    }
}

fn numbers(step: u32, count: usize) -> Vec<f32> {
    Random::new(8).normals(Stream::Weights, step, 0, count)
}

fn x_0() -> Vec<f32> {
    let levels = numbers(0, LENGTH);
    levels
        .iter()
        .map(|x| ((x * 60.0 + 127.5).clamp(0.0, 255.0)).round() / 127.5 - 1.0)
        .collect()
}

/// What `objective` compares with for `x_0` and `eps` of [`SHAPE`] at [`TIMESTEPS`].
fn target<B: Backend>(objective: &Objective, x_0: &[f32], eps: &[f32]) -> LossInputs<'static, B> {
    let device = Default::default();
    let tensor = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, SHAPE), &device);
    let length = LENGTH / TIMESTEPS.len();
    let target = (x_0.iter().zip(eps).enumerate()).map(|(at, (x_0, eps))| {
        let [x0_coef, eps_coef] = objective.target_coefs(TIMESTEPS[at / length]);
        x0_coef * x_0 + eps_coef * eps
    });
    LossInputs {
        target: tensor(target.collect()),
        loss_weights: (objective.loss_weights(&TIMESTEPS))
            .map(|data| Tensor::from_data(data, &device)),
        x_0: tensor(x_0.to_vec()),
        timesteps: &TIMESTEPS,
    }
}

/// The weights of Hang et al. 2023 and of the bound, for each prediction.
#[test]
fn weights_are_those_of_the_papers() {
    use PredictionType::*;
    for prediction_type in [Epsilon, Sample, VPrediction, Velocity] {
        let of = |weighting| objective(prediction_type, weighting);
        let simple = of(LossWeighting::Simple);
        for t in 1..24 {
            let (level, snr) = (simple.schedule.level(Some(t)), simple.schedule.snr(t));
            let (min_snr, x0_coef) = match prediction_type {
                Epsilon => (snr.min(5.0) / snr, 1.0 / snr),
                Sample => (snr.min(5.0), 1.0),
                VPrediction => (snr.min(5.0) / (snr + 1.0), 1.0 / (snr + 1.0)),
                Velocity => (snr.min(5.0) * level.noise.powi(2), level.noise.powi(2)),
            };
            let previous = simple.schedule.snr(t - 1);
            let vlb = 25.0 * (previous - snr) / 2.0 * x0_coef;
            for (weighting, expected) in [
                (LossWeighting::Simple, 1.0),
                (LossWeighting::MinSnr, min_snr),
                (LossWeighting::Vlb, vlb),
            ] {
                let actual = of(weighting).weight(t);
                assert!(
                    (actual / expected - 1.0).abs() < 1e-8,
                    "{prediction_type:?} {t}"
                );
            }
        }
    }
}

/// The floor is added to the weights of min-SNR, and to no others.
#[test]
fn the_floor_raises_every_weight_of_min_snr() {
    for prediction_type in [PredictionType::Epsilon, PredictionType::VPrediction] {
        for weighting in [
            LossWeighting::Simple,
            LossWeighting::MinSnr,
            LossWeighting::Vlb,
        ] {
            let plain = objective(prediction_type, weighting);
            let raised = Objective {
                min_snr_floor: 0.2,
                ..plain.clone()
            };
            let floor = if weighting == LossWeighting::MinSnr {
                0.2
            } else {
                0.0
            };
            for t in TIMESTEPS {
                assert_eq!(raised.weight(t), plain.weight(t) + floor);
            }
        }
    }
}

/// A weighted loss is the mean of weighted squared errors.
#[test]
fn losses_weigh_each_item() {
    for weighting in [
        LossWeighting::Simple,
        LossWeighting::MinSnr,
        LossWeighting::Vlb,
    ] {
        let objective = objective(PredictionType::VPrediction, weighting);
        let (x_0, eps, output) = (x_0(), numbers(1, LENGTH), numbers(2, LENGTH));
        let target = target(&objective, &x_0, &eps);
        let mut expected = 0.0;
        for (i, &t) in TIMESTEPS.iter().enumerate() {
            let part = i * 12..(i + 1) * 12;
            let level = objective.schedule.level(Some(t));
            let [x0_coef, eps_coef] = objective.prediction_type.target_coefficients(level);
            let squares = part.map(|at| {
                let target = x0_coef * x_0[at] as f64 + eps_coef * eps[at] as f64;
                (target - output[at] as f64).powi(2)
            });
            expected += objective.weight(t) * squares.sum::<f64>() / LENGTH as f64;
        }
        let output =
            Tensor::<Flex, 4>::from_data(TensorData::new(output, SHAPE), &Default::default());
        let loss = objective.loss(output, target).into_scalar() as f64;
        assert!(
            (loss / expected - 1.0).abs() < 1e-5,
            "{weighting:?} {loss} {expected}"
        );
    }
}

/// The hybrid loss: its gradient reaches the mean through L_simple alone and the variance through
/// the bound alone, and is that of finite differences.
#[test]
fn hybrid_gradients_keep_mean_and_variance_apart() {
    let mut learned = objective(PredictionType::Epsilon, LossWeighting::Simple);
    learned.variance_type = VarianceType::LearnedRange;
    // So that the bound is worth measuring beside the simple loss.
    learned.vlb_weight = 1.0;
    let fixed = objective(PredictionType::Epsilon, LossWeighting::Simple);
    let (x_0, eps) = (x_0(), numbers(1, LENGTH));
    let device = Default::default();
    let mean: Vec<f32> = eps
        .iter()
        .zip(numbers(2, LENGTH))
        .map(|(eps, error)| eps + 0.3 * error)
        .collect();
    let var_values: Vec<f32> = numbers(3, LENGTH).iter().map(|x| 0.5 * x).collect();
    let leaf = |values: &[f32]| {
        Tensor::<Autodiff<Flex>, 4>::from_data(TensorData::new(values.to_vec(), SHAPE), &device)
            .require_grad()
    };
    let (mean_leaf, var_values_leaf) = (leaf(&mean), leaf(&var_values));
    let output = Tensor::cat(vec![mean_leaf.clone(), var_values_leaf.clone()], 1);
    let grads = learned
        .loss(output, target(&learned, &x_0, &eps))
        .backward();
    let grad = |leaf: &Tensor<Autodiff<Flex>, 4>, grads| -> Vec<f32> {
        leaf.grad(grads).unwrap().into_data().to_vec().unwrap()
    };
    let simple_leaf = leaf(&mean);
    let simple_target = target(&fixed, &x_0, &eps);
    let simple_grads = fixed.loss(simple_leaf.clone(), simple_target).backward();
    let difference = grad(&mean_leaf, &grads)
        .iter()
        .zip(grad(&simple_leaf, &simple_grads))
        .fold(0f32, |max, (a, b)| max.max((a - b).abs()));
    assert!(difference < 1e-7, "{difference}");

    let loss_at = |var_values: &[f32]| -> f64 {
        let tensor = |values: &[f32]| {
            Tensor::<Flex, 4>::from_data(TensorData::new(values.to_vec(), SHAPE), &device)
        };
        let output = Tensor::cat(vec![tensor(&mean), tensor(var_values)], 1);
        let target = target(&learned, &x_0, &eps);
        learned.loss(output, target).into_scalar() as f64
    };
    for (index, grad) in grad(&var_values_leaf, &grads).iter().enumerate().step_by(5) {
        let moved = |by: f32| {
            let mut var_values = var_values.clone();
            var_values[index] += by;
            loss_at(&var_values)
        };
        let slope = (moved(0.05) - moved(-0.05)) / 0.1;
        let error = (slope - *grad as f64).abs();
        assert!(error < 2e-2 * slope.abs() + 2e-4, "{index}: {slope} {grad}");
    }
}

/// With the right mean the bound is least at the posterior's own variance.
#[test]
fn a_perfect_mean_costs_nothing_at_the_posteriors_variance() {
    let schedule = objective(PredictionType::Epsilon, LossWeighting::Simple).schedule;
    let x_0 = Tensor::<Flex, 4>::from_data(TensorData::new(x_0(), SHAPE), &Default::default());
    let cost = |t: usize, more: f64| {
        let log_variance = x_0.zeros_like() + (schedule.posterior_log_variance_clipped(t) + more);
        let terms = vlb_terms(
            &schedule,
            &[t; 4],
            x_0.clone(),
            x_0.zeros_like(),
            log_variance,
        );
        terms.sum().into_scalar()
    };
    for t in [1, 10, 24] {
        assert!(cost(t, 0.0).abs() < 1e-6);
        assert!(cost(t, 0.3) > 1e-3 && cost(t, -0.3) > 1e-3);
    }
}
