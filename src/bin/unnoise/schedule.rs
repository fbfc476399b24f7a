//! `unnoise schedule`.

use serde_json::json;
use unnoise::diffusion::{BetaSchedule, Posterior, PredictionType, Schedule, SchedulerConfig};

use crate::{failure::Result, output};

/// Print a noise schedule and what follows from it, as JSON
///
/// The object has six arrays with one number per timestep: betas, alphas_cumprod,
/// posterior_variance, posterior_mean_coef1, posterior_mean_coef2 and snr.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  unnoise schedule --kind cosine --num-train-timesteps 500 > schedule.json")]
pub struct Args {
    /// Shape of the schedule
    #[arg(long, value_enum, default_value = "linear")]
    kind: BetaSchedule,
    /// Length of the Markov chain, 2 to 10000
    #[arg(long, value_name = "T", default_value_t = 1000)]
    num_train_timesteps: usize,
    /// β of the first step, above 0 and at most beta-end; not used by cosine and variance-exploding
    #[arg(long, value_name = "BETA", default_value_t = 1e-4)]
    beta_start: f64,
    /// β of the last step, below 1; not used by cosine and variance-exploding
    #[arg(long, value_name = "BETA", default_value_t = 0.02)]
    beta_end: f64,
    /// Multiply beta-start and beta-end by 1000 / T, as improved-diffusion does, so that short
    /// schedules end as noisy as long ones
    #[arg(long)]
    scale_betas: bool,
    /// Change β so that nothing of an image is left at the last timestep (Lin et al. 2023)
    #[arg(long)]
    rescale_betas_zero_snr: bool,
}

pub fn run(args: Args) -> Result<()> {
    let config = SchedulerConfig {
        num_train_timesteps: args.num_train_timesteps,
        beta_start: args.beta_start,
        beta_end: args.beta_end,
        beta_schedule: args.kind,
        rescale_betas_zero_snr: args.rescale_betas_zero_snr,
        // The schedule is the same for everything but ε, which such a schedule cannot serve.
        prediction_type: PredictionType::VPrediction,
        ..SchedulerConfig::default()
    };
    let schedule = Schedule::new(&if args.scale_betas {
        config.scaled_to_steps()
    } else {
        config
    })?;
    let timesteps = || 0..schedule.num_train_timesteps();
    let posterior = |field: fn(Posterior) -> f64| -> Vec<f64> {
        timesteps().map(|t| field(schedule.posterior(t))).collect()
    };
    let json = json!({
        "betas": schedule.betas,
        "alphas_cumprod": schedule.alphas_cumprod,
        "posterior_variance": posterior(|p| p.variance),
        "posterior_mean_coef1": posterior(|p| p.mean_coef1),
        "posterior_mean_coef2": posterior(|p| p.mean_coef2),
        "snr": timesteps().map(|t| schedule.snr(t)).collect::<Vec<f64>>(),
    });
    output::print(&json.to_string())
}
