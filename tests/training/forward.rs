//! The forward process: the chain of single steps and the closed form are the same distribution.

use unnoise::{
    diffusion::{
        BetaSchedule, Schedule, SchedulerConfig,
        forward::{q_sample, q_step},
    },
    random::{Random, Stream},
};

const COUNT: usize = 20_000;

fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|v| *v as f64).sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|v| (*v as f64 - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, variance)
}

#[test]
fn chain_and_closed_form_have_the_same_moments() {
    let random = Random::new(4);
    for beta_schedule in [
        BetaSchedule::Linear,
        BetaSchedule::SquaredcosCapV2,
        BetaSchedule::Sigmoid,
    ] {
        let schedule = Schedule::new(&SchedulerConfig {
            num_train_timesteps: 40,
            beta_schedule,
            beta_end: 0.2,
            ..Default::default()
        })
        .unwrap();
        let x_0 = vec![0.7f32; COUNT];
        let mut x = x_0.clone();
        for t in 0..40 {
            let eps = random.normals(Stream::ForwardNoise, t as u32, 0, COUNT);
            q_step(&schedule, &mut x, &eps, t);
            let eps = random.normals(Stream::TrainingNoise, t as u32, 0, COUNT);
            let closed: Vec<f32> = q_sample(&schedule, &x_0, &eps, t).collect();

            let alpha_cumprod = schedule.alphas_cumprod[t];
            let (mean, variance) = (0.7 * alpha_cumprod.sqrt(), 1.0 - alpha_cumprod);
            // Five standard errors.
            let mean_error = 5.0 * (variance / COUNT as f64).sqrt();
            let variance_error = 5.0 * variance * (2.0 / COUNT as f64).sqrt();
            for (name, values) in [("chain", &x), ("closed form", &closed)] {
                let (actual_mean, actual_variance) = moments(values);
                assert!(
                    (actual_mean - mean).abs() < mean_error + 1e-6,
                    "{name} mean at {t}: {actual_mean}, {mean}"
                );
                assert!(
                    (actual_variance - variance).abs() < variance_error + 1e-6,
                    "{name} variance at {t}: {actual_variance}, {variance}"
                );
            }
        }
    }
}
