//! Pseudocodes 1 to 5 of Nakkiran et al. 2024 ("Step-by-Step Diffusion: An Elementary Tutorial", arXiv
//! 2406.08929), written out for images and compared number by number with what trains and samples here.
//! Their process is not scaled: x̃_t = x_0 + σ_q √t · ε. Ours is x_t = x̃_t / √(1 + σ_q² t).

use burn::tensor::{Tensor, TensorData};
use unnoise::{
    backend::Flex,
    denoiser::{Denoiser, IdealDenoiser},
    diffusion::{
        BetaSchedule, LossWeighting, Objective, PredictionType, Schedule, SchedulerConfig,
        TERMINAL_SIGMA, VarianceType,
        forward::{q_sample, q_sample_coefs, q_step},
        objective::LossInputs,
    },
    random::{Random, Stream},
    sampler::{Noise, SamplerConfig, SamplingOptions, SeededNoise},
};

const SHAPE: [usize; 4] = [3, 3, 4, 4];
const LENGTH: usize = 48;
const COUNT: usize = 3 * LENGTH;
/// T, and Δt = 1 / T.
const STEPS: usize = 40;

fn config(prediction_type: PredictionType) -> SchedulerConfig {
    SchedulerConfig {
        num_train_timesteps: STEPS,
        beta_schedule: BetaSchedule::VarianceExploding,
        prediction_type,
        clip_sample: false,
        ..Default::default()
    }
}

fn numbers(step: u32) -> Vec<f32> {
    Random::new(9).normals(Stream::Weights, step, 0, COUNT)
}

fn images() -> Vec<f32> {
    numbers(0)
        .iter()
        .map(|x| (0.5 * x).clamp(-1.0, 1.0))
        .collect()
}

fn tensor(values: &[f32]) -> Tensor<Flex, 4> {
    let data = TensorData::new(values.to_vec(), SHAPE);
    Tensor::from_data(data, &Default::default())
}

fn values(tensor: Tensor<Flex, 4>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

fn ideal() -> IdealDenoiser<Flex> {
    IdealDenoiser::new(tensor(&images()))
}

/// The time of timestep `t`: their chain starts at 0, before our first timestep.
fn time(t: usize) -> f64 {
    (t + 1) as f64 / STEPS as f64
}

/// x̃_t / x_t at `time`.
fn scale(time: f64) -> f64 {
    (1.0 + TERMINAL_SIGMA * TERMINAL_SIGMA * time).sqrt()
}

#[track_caller]
fn assert_close(actual: &[f64], expected: &[f64], what: &str) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        let tolerance = 2e-4 * (1.0 + expected.abs());
        assert!(
            (actual - expected).abs() < tolerance,
            "{what}: {actual}, not {expected}"
        );
    }
}

#[test]
fn the_variance_explodes_evenly_in_time() {
    let schedule = Schedule::new(&config(PredictionType::Sample)).unwrap();
    let (x_0, eps) = (images(), numbers(1));
    for t in [0, 7, STEPS - 1] {
        let ours: Vec<f64> = q_sample(&schedule, &x_0, &eps, t)
            .map(|x| x as f64 * scale(time(t)))
            .collect();
        let sigma = TERMINAL_SIGMA * time(t).sqrt();
        let theirs: Vec<f64> = x_0
            .iter()
            .zip(&eps)
            .map(|(x_0, eps)| *x_0 as f64 + sigma * *eps as f64)
            .collect();
        assert_close(&ours, &theirs, "closed form");
        // x̃_t = x̃_{t-Δt} + σ_q √Δt · ε
        let mut x = numbers(2);
        let before = x.clone();
        q_step(&schedule, &mut x, &eps, t);
        let ours: Vec<f64> = x.iter().map(|x| *x as f64 * scale(time(t))).collect();
        let from = scale(t as f64 / STEPS as f64);
        let theirs: Vec<f64> = before
            .iter()
            .zip(&eps)
            .map(|(x, eps)| {
                from * *x as f64 + TERMINAL_SIGMA * (1.0 / STEPS as f64).sqrt() * *eps as f64
            })
            .collect();
        assert_close(&ours, &theirs, "a step of the chain");
    }
}

/// The mean squared difference of a network's `f` from x̃_{t-Δt}, whatever it predicts, and of its x_0.
#[test]
fn pseudocode_1_is_training_with_the_previous_step_or_x_0_as_target() {
    let timesteps = [0, 11, STEPS - 1];
    let (x_0, eps, z) = (images(), numbers(1), numbers(2));
    let output: Vec<f32> = numbers(3).iter().map(|x| 0.4 * x).collect();
    for prediction_type in [
        PredictionType::Sample,
        PredictionType::Epsilon,
        PredictionType::VPrediction,
    ] {
        let schedule = Schedule::new(&config(prediction_type)).unwrap();
        let objective = |weighting| Objective {
            schedule: schedule.clone(),
            prediction_type,
            variance_type: VarianceType::FixedSmall,
            weighting,
            min_snr_gamma: 5.0,
            min_snr_floor: 0.0,
            vlb_weight: 0.0,
        };
        let loss = |objective: &Objective| {
            let mut target = Vec::new();
            for (i, t) in timesteps.into_iter().enumerate() {
                let [a, b] = objective.target_coefs(t);
                let noise = objective.target_noise(t) as f32;
                let at = i * LENGTH..(i + 1) * LENGTH;
                target.extend(at.map(|i| a * x_0[i] + b * eps[i] + noise * z[i]));
            }
            let inputs = LossInputs {
                target: tensor(&target),
                loss_weights: (objective.loss_weights(&timesteps))
                    .map(|data| Tensor::from_data(data, &Default::default())),
                x_0: tensor(&x_0),
                timesteps: &timesteps,
            };
            objective.loss(tensor(&output), inputs).into_scalar() as f64
        };

        let dt = 1.0 / STEPS as f64;
        let mut squares = 0.0;
        let mut x_0_squares = 0.0;
        for (i, t) in timesteps.into_iter().enumerate() {
            let (level, now) = (schedule.level(Some(t)), time(t));
            let before = (now - dt).max(0.0);
            // f's share of the way to the x_0 that the output means, by claim 2.
            let [a, b] = prediction_type.x0_coefficients(level);
            for at in i * LENGTH..(i + 1) * LENGTH {
                let [x_0, eps, z, y] = [x_0[at], eps[at], z[at], output[at]].map(f64::from);
                let x_t = x_0 + TERMINAL_SIGMA * now.sqrt() * eps;
                let pred_x0 = a * x_t / scale(now) + b * y;
                let f = x_t + dt / now * (pred_x0 - x_t);
                // x̃_{t-Δt}, drawn given both ends of a walk with normal steps.
                let mean = x_0 + before / now * (x_t - x_0);
                let deviation = TERMINAL_SIGMA * (before * (now - before) / now).sqrt();
                squares += (f - mean - deviation * z).powi(2);
                x_0_squares += (pred_x0 - x_0).powi(2);
            }
        }
        let expected = squares / (COUNT as f64 * TERMINAL_SIGMA * TERMINAL_SIGMA * dt);
        let actual = loss(&objective(LossWeighting::Previous));
        assert!(
            (actual / expected - 1.0).abs() < 1e-4,
            "{prediction_type:?}: {actual}, not {expected}"
        );
        if prediction_type == PredictionType::Sample {
            let actual = loss(&objective(LossWeighting::Simple));
            let expected = x_0_squares / COUNT as f64;
            assert!(
                (actual / expected - 1.0).abs() < 1e-4,
                "{actual}, not {expected}"
            );
        }
    }
}

/// A noisy target moves the mean loss by a constant alone: what is learnt from it is the same.
#[test]
fn a_noisy_target_adds_a_constant_to_the_loss() {
    for prediction_type in [PredictionType::Sample, PredictionType::VPrediction] {
        let objective = Objective {
            schedule: Schedule::new(&config(prediction_type)).unwrap(),
            prediction_type,
            variance_type: VarianceType::FixedSmall,
            weighting: LossWeighting::Previous,
            min_snr_gamma: 5.0,
            min_snr_floor: 0.0,
            vlb_weight: 0.0,
        };
        for t in 0..STEPS {
            // t / (t + 1) of a step's variance: what x̃_{t-Δt} varies by, given both ends.
            let expected = t as f64 / (t + 1) as f64;
            let actual = objective.loss_of_target_noise(t);
            assert!(
                (actual - expected).abs() < 1e-6,
                "{t}: {actual}, not {expected}"
            );
        }
    }
}

/// Every step of `sampler` from arbitrary states, and what `theirs` makes of x̃_t, E[x_0 | x_t], t, Δt
/// and z.
fn compare_steps(
    sampler: SamplerConfig,
    steps: usize,
    what: &str,
    theirs: impl Fn(f64, f64, f64, f64, f64) -> f64,
) {
    let options = SamplingOptions {
        sampler,
        steps,
        ..Default::default()
    };
    let mut sampler = options
        .sampler::<Flex>(&config(PredictionType::Sample))
        .unwrap();
    let noise = SeededNoise::<Flex> {
        seed: 5,
        first: 0,
        shape: SHAPE,
        device: Default::default(),
    };
    let dt = 1.0 / steps as f64;
    let levels = sampler.levels().to_vec();
    // The last step ends at the mean, where theirs adds noise.
    for (index, level) in levels.into_iter().enumerate().take(steps - 1) {
        let now = time(level.t as usize);
        // Near enough to the images for an estimate that is none of them alone.
        let [signal, spread] = q_sample_coefs(level);
        let x_t: Vec<f32> = numbers(4 + index as u32)
            .iter()
            .zip(images())
            .map(|(eps, x_0)| signal * x_0 + spread * eps)
            .collect();
        let estimates = values(ideal().output(tensor(&x_t), level, None).values);
        let step = sampler.step(&ideal(), index, tensor(&x_t), &noise).unwrap();
        let z = values(noise.z(index).unwrap());
        let ours: Vec<f64> = values(step.x_prev)
            .iter()
            .map(|x| x * scale(now - dt))
            .collect();
        let theirs: Vec<f64> = (0..COUNT)
            .map(|i| theirs(x_t[i] as f64 * scale(now), estimates[i], now, dt, z[i]))
            .collect();
        assert_close(&ours, &theirs, &format!("{what}, step {index} of {steps}"));
    }
}

#[test]
fn pseudocode_2_is_ddpm_with_the_noise_of_the_forward_step() {
    let ddpm = SamplerConfig::Ddpm {
        variance: Some(VarianceType::FixedForward),
    };
    for steps in [STEPS, 8] {
        compare_steps(ddpm, steps, "DDPM", |x, x_0, t, dt, z| {
            let f = x + dt / t * (x_0 - x);
            f + TERMINAL_SIGMA * dt.sqrt() * z
        });
    }
}

#[test]
fn an_infinite_variance_is_refused() {
    let options = SamplingOptions {
        sampler: SamplerConfig::Ddpm {
            variance: Some(VarianceType::FixedForward),
        },
        steps: 8,
        ..Default::default()
    };
    let flow = options.sampler::<Flex>(&config(PredictionType::Velocity));
    let error = flow.err().unwrap().to_string();
    assert!(error.contains("choose fixed_small"), "{error}");
}

#[test]
fn pseudocode_3_is_ddim() {
    let ddim = SamplerConfig::Ddim {
        eta: 0.0,
        use_clipped_model_output: false,
    };
    for steps in [STEPS, 8] {
        compare_steps(ddim, steps, "DDIM", |x, x_0, t, dt, _| {
            let f = x + dt / t * (x_0 - x);
            let lambda = t.sqrt() / ((t - dt).sqrt() + t.sqrt());
            x + lambda * (f - x)
        });
    }
}

#[test]
fn pseudocodes_4_and_5_are_flow_prediction_and_eulers_method() {
    let config = SchedulerConfig {
        beta_schedule: BetaSchedule::Linear,
        ..config(PredictionType::Velocity)
    };
    let schedule = Schedule::new(&config).unwrap();
    let objective = Objective {
        schedule: schedule.clone(),
        prediction_type: PredictionType::Velocity,
        variance_type: VarianceType::FixedSmall,
        weighting: LossWeighting::Simple,
        min_snr_gamma: 5.0,
        min_snr_floor: 0.0,
        vlb_weight: 0.0,
    };
    for t in 0..STEPS {
        // x_t on the line from x_0 to x_1, and x_0 - x_1 but for its sign.
        let [signal, noise] = q_sample_coefs(schedule.level(Some(t)));
        assert_eq!([signal, noise], [(1.0 - time(t)) as f32, time(t) as f32]);
        assert_eq!(objective.target_coefs(t), [-1.0, 1.0]);
        assert_eq!(objective.weight(t), 1.0);
    }

    let options = SamplingOptions {
        sampler: SamplerConfig::EulerFlow,
        steps: STEPS,
        ..Default::default()
    };
    let mut sampler = options.sampler::<Flex>(&config).unwrap();
    let noise = SeededNoise::<Flex> {
        seed: 5,
        first: 0,
        shape: SHAPE,
        device: Default::default(),
    };
    let mut x = numbers(1);
    for (index, level) in sampler.levels().to_vec().into_iter().enumerate() {
        let t = level.noise;
        let estimates = values(ideal().output(tensor(&x), level, None).values);
        let step = sampler.step(&ideal(), index, tensor(&x), &noise).unwrap();
        let theirs: Vec<f64> = x
            .iter()
            .zip(&estimates)
            .map(|(x, x_0)| {
                // f(x_t, t) = E[x_0 - x_1 | x_t], on the line x_t.
                let f = (x_0 - *x as f64) / t;
                *x as f64 + f / STEPS as f64
            })
            .collect();
        assert_close(
            &values(step.x_prev.clone()),
            &theirs,
            &format!("step {index}"),
        );
        x = step.x_prev.into_data().to_vec().unwrap();
    }
}
