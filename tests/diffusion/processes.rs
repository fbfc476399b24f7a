//! Schedules, posteriors and the forward process.

use unnoise::{
    diffusion::{
        BetaSchedule, NoiseLevel, Posterior, PredictionType, Process, Schedule, SchedulerConfig,
        TimestepSpacing,
        forward::{q_sample, q_step},
    },
    random::{Random, Stream},
};

fn configs() -> Vec<SchedulerConfig> {
    let mut configs = Vec::new();
    for num_train_timesteps in [10, 100, 1000, 4000] {
        for beta_schedule in [
            BetaSchedule::Linear,
            BetaSchedule::ScaledLinear,
            BetaSchedule::SquaredcosCapV2,
            BetaSchedule::Sigmoid,
            BetaSchedule::VarianceExploding,
        ] {
            configs.push(SchedulerConfig {
                num_train_timesteps,
                beta_schedule,
                ..Default::default()
            });
            configs.push(SchedulerConfig {
                num_train_timesteps,
                beta_schedule,
                rescale_betas_zero_snr: true,
                prediction_type: PredictionType::VPrediction,
                ..Default::default()
            });
        }
        configs.push(SchedulerConfig {
            num_train_timesteps,
            prediction_type: PredictionType::Velocity,
            shift: 3.0,
            ..Default::default()
        });
    }
    configs
}

#[test]
fn noise_only_grows() {
    for config in configs() {
        let schedule = Schedule::new(&config).unwrap();
        let snr: Vec<f64> = (0..schedule.num_train_timesteps())
            .map(|t| schedule.snr(t))
            .collect();
        assert!(snr.windows(2).all(|pair| pair[1] < pair[0]), "{config:?}");
        assert!(
            schedule
                .betas
                .iter()
                .all(|beta| 0.0 < *beta && *beta <= 1.0)
        );
        let ends_in_noise =
            config.rescale_betas_zero_snr || schedule.process() == Process::RectifiedFlow;
        assert_eq!(*snr.last().unwrap() == 0.0, ends_in_noise);
    }
}

#[test]
fn every_spacing_visits_distinct_timesteps_in_order() {
    for config in configs() {
        let schedule = Schedule::new(&config).unwrap();
        let count = schedule.num_train_timesteps();
        for spacing in [
            TimestepSpacing::Leading,
            TimestepSpacing::Trailing,
            TimestepSpacing::Linspace,
        ] {
            for steps in [1, 2, 7, 10, count / 3 + 1, count] {
                let timesteps = schedule.timesteps(steps, spacing).unwrap();
                assert_eq!(timesteps.len(), steps);
                assert!(timesteps.windows(2).all(|pair| pair[1] < pair[0]));
                assert!(timesteps[0] < count);
            }
        }
        assert!(
            schedule
                .timesteps(count + 1, TimestepSpacing::Leading)
                .is_err()
        );
    }
}

/// q(x_s | x_0) follows from q(x_t | x_0) and q(x_s | x_t, x_0), and the KL coefficient of the
/// bound is half the difference of the SNRs (Kingma et al. 2021, equation 13).
#[test]
fn posteriors_fit_the_marginals() {
    for config in configs() {
        let schedule = Schedule::new(&config).unwrap();
        let count = schedule.num_train_timesteps();
        for (t, s) in [
            (count - 1, Some(count - 2)),
            (count / 2, Some(1)),
            (5, Some(4)),
            (3, None),
        ] {
            let (level, previous) = (schedule.level(Some(t)), schedule.level(s));
            let posterior = Posterior::between(level, previous);
            let mean = posterior.mean_coef1 + posterior.mean_coef2 * level.signal;
            let variance = posterior.variance + (posterior.mean_coef2 * level.noise).powi(2);
            assert!((mean - previous.signal).abs() < 1e-10, "{config:?} {t}");
            assert!(
                (variance - previous.noise.powi(2)).abs() < 1e-10,
                "{config:?} {t}"
            );
            if s.is_some() {
                let weight = posterior.mean_coef1.powi(2) / posterior.variance;
                let difference = previous.snr() - level.snr();
                assert!((weight / difference - 1.0).abs() < 1e-8, "{config:?} {t}");
            } else {
                assert_eq!(posterior.variance, 0.0);
                assert!((posterior.mean_coef1 - 1.0).abs() < 1e-12);
            }
        }
        assert_eq!(schedule.level(None), NoiseLevel::CLEAN);
    }
}

fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|v| *v as f64).sum::<f64>() / count;
    let squares = values.iter().map(|v| (*v as f64 - mean).powi(2));
    (mean, squares.sum::<f64>() / count)
}

/// Mean and variance of q(x_t | x_0), in closed form and step by step, to five standard errors.
#[test]
fn chain_and_closed_form_are_one_distribution() {
    const COUNT: usize = 20_000;
    let random = Random::new(4);
    for config in configs() {
        if config.num_train_timesteps != 10 {
            continue;
        }
        let schedule = Schedule::new(&config).unwrap();
        let x_0 = vec![0.7f32; COUNT];
        let mut x = x_0.clone();
        for t in 0..10 {
            let noise = |stream| random.normals(stream, t as u32, 0, COUNT);
            q_step(&schedule, &mut x, &noise(Stream::ForwardNoise), t);
            let eps = noise(Stream::TrainingNoise);
            let closed: Vec<f32> = q_sample(&schedule, &x_0, &eps, t).collect();
            let level = schedule.level(Some(t));
            let (mean, variance) = (0.7 * level.signal, level.noise.powi(2));
            for values in [&x, &closed] {
                let (actual_mean, actual_variance) = moments(values);
                let mean_error = 5.0 * level.noise / (COUNT as f64).sqrt();
                let variance_error = 5.0 * variance * (2.0 / COUNT as f64).sqrt();
                assert!(
                    (actual_mean - mean).abs() < mean_error + 1e-6,
                    "{config:?} {t}"
                );
                assert!(
                    (actual_variance - variance).abs() < variance_error + 1e-6,
                    "{config:?} {t}"
                );
            }
        }
    }
}

#[test]
fn betas_scaled_to_the_number_of_steps_end_alike() {
    let config = |num_train_timesteps| SchedulerConfig {
        num_train_timesteps,
        ..Default::default()
    };
    let last = |config: SchedulerConfig| {
        let schedule = Schedule::new(&config.scaled_to_steps()).unwrap();
        *schedule.alphas_cumprod.last().unwrap()
    };
    let (long, short) = (last(config(4000)), last(config(250)));
    assert!(
        (long.ln() / short.ln() - 1.0).abs() < 0.05,
        "{long} {short}"
    );
    assert_eq!(config(1000).scaled_to_steps(), config(1000));
    // Even where the last β would be above 1.
    assert!(last(config(10)) < long);
}

#[test]
fn processes_that_cannot_be_are_refused() {
    let refused = |change: &dyn Fn(&mut SchedulerConfig), word: &str| {
        let mut config = SchedulerConfig::default();
        change(&mut config);
        let error = Schedule::new(&config).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    refused(&|c| c.rescale_betas_zero_snr = true, "v_prediction");
    refused(
        &|c| c.dynamic_thresholding_ratio = 1.5,
        "dynamic_thresholding_ratio",
    );
    refused(&|c| c.sample_max_value = 0.5, "sample_max_value");
    refused(&|c| c.shift = 0.0, "shift");
}
