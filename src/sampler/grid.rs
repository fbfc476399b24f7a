//! The noise levels that the solvers visit, spaced as their counterparts in diffusers space them.

use crate::diffusion::{
    BetaSchedule, NoiseLevel, Schedule, SchedulerConfig, TimestepSpacing,
    schedule::{flow_level, linspace, shifted_sigma},
};
use crate::error::{Error, Result};

/// `HeunDiscreteScheduler`'s levels, noisiest first.
///
/// # Errors
/// As for [`Schedule::timesteps`].
pub fn heun(
    schedule: &Schedule,
    config: &SchedulerConfig,
    steps: usize,
    karras: bool,
) -> Result<Vec<NoiseLevel>> {
    let spacing = config.timestep_spacing;
    let rounded = schedule.timesteps(steps, spacing)?;
    let timesteps: Vec<f64> = match spacing {
        TimestepSpacing::Linspace => {
            let last = (schedule.num_train_timesteps() - 1) as f64;
            let mut timesteps: Vec<f64> = linspace((0.0, last), steps).collect();
            timesteps.reverse();
            timesteps
        }
        _ => rounded.into_iter().map(|t| t as f64).collect(),
    };
    let levels: Vec<NoiseLevel> = timesteps.iter().map(|t| between(schedule, *t)).collect();
    if !karras {
        return Ok(levels);
    }
    let ends = (levels[0].sigma(), levels[steps - 1].sigma());
    Ok(karras_sigmas(ends, steps)
        .map(|sigma| schedule.level_at_sigma(sigma))
        .collect())
}

/// `DPMSolverMultistepScheduler`'s levels, noisiest first.
///
/// # Errors
/// As for [`Schedule::timesteps`], and with leading and linspace spacing for as many steps as there
/// are timesteps: two levels would be the same, and no step leads from one to the other.
pub fn dpm_solver(
    schedule: &Schedule,
    config: &SchedulerConfig,
    steps: usize,
    karras: bool,
) -> Result<Vec<NoiseLevel>> {
    let rounded = schedule.timesteps(steps, config.timestep_spacing)?;
    let count = schedule.num_train_timesteps();
    if karras {
        let end = |t| schedule.level(Some(t)).sigma();
        return Ok(karras_sigmas((end(count - 1), end(0)), steps)
            .map(|sigma| {
                let mut level = schedule.level_at_sigma(sigma);
                // diffusers rounds, and means not to for the cosine schedule, but then truncates.
                level.t = match config.beta_schedule {
                    _ if schedule.is_flow() => level.t,
                    BetaSchedule::SquaredcosCapV2 => level.t.floor(),
                    _ => level.t.round_ties_even(),
                };
                level
            })
            .collect());
    }
    // One more than is visited, the last being the end at 0.
    if config.timestep_spacing != TimestepSpacing::Trailing && steps == count {
        return Err(Error::Config(format!(
            "{steps} sampling steps were asked for, but DPM-Solver++ can take 1 to {} of this model \
             unless its timesteps are spaced trailing.",
            count - 1
        )));
    }
    let timesteps: Vec<f64> = match config.timestep_spacing {
        TimestepSpacing::Trailing => rounded.into_iter().map(|t| t as f64).collect(),
        TimestepSpacing::Leading => {
            let stride = count / (steps + 1);
            (1..=steps).rev().map(|i| (i * stride) as f64).collect()
        }
        TimestepSpacing::Linspace => {
            let points = linspace((0.0, (count - 1) as f64), steps + 1);
            let mut timesteps: Vec<f64> = points.skip(1).map(f64::round_ties_even).collect();
            timesteps.reverse();
            timesteps
        }
    };
    Ok(timesteps.iter().map(|t| between(schedule, *t)).collect())
}

/// `FlowMatchEulerDiscreteScheduler`'s levels for a flow; for other processes those of their
/// timesteps.
///
/// # Errors
/// As for [`Schedule::timesteps`].
pub fn euler_flow(
    schedule: &Schedule,
    config: &SchedulerConfig,
    steps: usize,
) -> Result<Vec<NoiseLevel>> {
    let timesteps = schedule.timesteps(steps, config.timestep_spacing)?;
    if !schedule.is_flow() {
        let level = |t| schedule.level(Some(t));
        return Ok(timesteps.into_iter().map(level).collect());
    }
    let smallest = schedule.level(Some(0)).noise;
    // Both the ends and what lies between them are shifted, as diffusers does it.
    let count = schedule.num_train_timesteps();
    Ok(linspace((1.0, smallest), steps)
        .map(|sigma| flow_level(shifted_sigma(sigma, config.shift), count))
        .collect())
}

/// The level at `t` or between its neighbours, by linear interpolation of σ as in diffusers'
/// `set_timesteps`; with some signal.
fn between(schedule: &Schedule, t: f64) -> NoiseLevel {
    let sigma = |t: f64| schedule.level(Some(t as usize)).sigma();
    let (below, above) = (t.floor(), t.ceil());
    let sigma = sigma(below) + (sigma(above) - sigma(below)) * (t - below);
    let level = schedule.level_at_sigma(sigma);
    if schedule.is_flow() {
        level
    } else {
        NoiseLevel { t, ..level }
    }
}

/// `steps` values from the first of `ends` to the second, evenly spaced in σ^(1/7) (Karras et al.
/// 2022, equation 5).
fn karras_sigmas(ends: (f64, f64), steps: usize) -> impl Iterator<Item = f64> {
    const RHO: f64 = 7.0;
    let roots = (ends.0.powf(1.0 / RHO), ends.1.powf(1.0 / RHO));
    linspace(roots, steps).map(|root| root.powf(RHO))
}
