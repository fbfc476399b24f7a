//! What can be chosen about sampling.

use serde::{Deserialize, Serialize};

use super::{
    Ddim, Ddpm, Dpmpp2m, EulerFlow, Guidance, Heun, Noise, Sampler, SeededNoise, SlerpNoise, grid,
};
use crate::{
    diffusion::{Limit, NoiseLevel, Schedule, SchedulerConfig, TimestepSpacing, VarianceType},
    error::{Error, Result},
    model::UNetConfig,
    ops::Kernels,
};

/// The samplers by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SamplerKind {
    /// Ancestral sampling (Ho et al. 2020, algorithm 2).
    Ddpm,
    /// Deterministic at η = 0 (Song et al. 2021).
    Ddim,
    /// Heun's method of second order (Karras et al. 2022).
    Heun,
    /// DPM-Solver++(2M), a multistep method of second order (Lu et al. 2022b).
    Dpmpp2m,
    /// Euler's method along a rectified flow (Liu et al. 2023).
    #[serde(rename = "euler-flow")]
    EulerFlow,
}

/// Images on the way from one seed's first to another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpolation {
    /// The seed at the other end.
    pub to: u64,
    /// How many images there are from end to end, where those of a run are only some of them.
    #[serde(default)]
    pub total: Option<usize>,
}

/// What a visitor may choose about sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingOptions {
    pub sampler: SamplerKind,
    /// Denoising steps, 1 to `num_train_timesteps`.
    pub steps: usize,
    /// DDIM's η: 0 is deterministic, 1 adds as much noise as DDPM.
    pub eta: f64,
    pub seed: u64,
    /// Which image of the seed is the first: what several workers divide `count` images by.
    pub first: usize,
    /// Number of images.
    pub count: usize,
    /// Overrides the model's own variance type (DDPM).
    pub variance: Option<VarianceType>,
    /// Overrides the model's own choice of clamping pred_x0 to [-1, 1].
    pub clip: Option<bool>,
    /// Limits pred_x0 by dynamic thresholding with this quantile, in (0, 1], and none of
    /// diffusers' `sample_max_value` (Saharia et al. 2022).
    pub dynamic_threshold: Option<f64>,
    /// Whether noise levels are spaced evenly in σ^(1/7) and not in t (Karras et al. 2022): Heun's
    /// if not told otherwise, and possible for DPM-Solver++.
    pub use_karras_sigmas: Option<bool>,
    /// Overrides the model's own choice of timesteps to visit. No matter where noise levels are
    /// spaced in σ: for DPM-Solver++ with `use_karras_sigmas` and for a flow's Euler steps.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Whether DDIM derives ε anew from a limited pred_x0; see [`super::Ddim::new`].
    pub use_clipped_model_output: bool,
    /// Interpolates between two seeds.
    pub interpolate: Option<Interpolation>,
    /// The class of each image of the seed, repeated as needed; a `None`, and no labels at all, is
    /// any class. For models trained with labels.
    pub labels: Vec<Option<usize>>,
    /// diffusers' `guidance_scale`, 0 to 100: 1 is the class alone, more exaggerates it (Ho &
    /// Salimans 2022).
    pub guidance: f64,
}

impl Default for SamplingOptions {
    fn default() -> Self {
        Self {
            sampler: SamplerKind::Ddim,
            steps: 50,
            eta: 0.0,
            seed: 0,
            first: 0,
            count: 16,
            variance: None,
            clip: None,
            dynamic_threshold: None,
            use_karras_sigmas: None,
            timestep_spacing: None,
            use_clipped_model_output: false,
            interpolate: None,
            labels: Vec::new(),
            guidance: 1.0,
        }
    }
}

impl SamplingOptions {
    /// The sampler these options describe, for a model trained with `config`.
    ///
    /// Every sampler takes every model: where a process is not the sampler's own, x is rescaled.
    ///
    /// # Errors
    /// [`Error::Config`] for a number of steps, an η or a quantile out of range, and for a variance
    /// that the model does not predict.
    pub fn sampler<B: Kernels>(&self, config: &SchedulerConfig) -> Result<Box<dyn Sampler<B>>> {
        if !(0.0..=1.0).contains(&self.eta) {
            return Err(Error::Config(format!(
                "eta is {}, but must be between 0 and 1.",
                self.eta
            )));
        }
        if !(1..=1024).contains(&self.count) {
            return Err(Error::Config(format!(
                "{} images were asked for, but 1 to 1024 are possible at once.",
                self.count
            )));
        }
        let limit = self.limit(config)?;
        let schedule = Schedule::new(config)?;
        let config = &SchedulerConfig {
            timestep_spacing: self.timestep_spacing.unwrap_or(config.timestep_spacing),
            ..config.clone()
        };
        let karras = |default| self.use_karras_sigmas.unwrap_or(default);
        Ok(match self.sampler {
            SamplerKind::Ddpm => {
                let timesteps = schedule.timesteps(self.steps, config.timestep_spacing)?;
                let levels = timesteps.into_iter().map(|t| schedule.level(Some(t)));
                Box::new(Ddpm::new(levels.collect(), self.variance(config)?, limit))
            }
            SamplerKind::Ddim => Box::new(Ddim::new(
                self.ddim_levels(&schedule, config.timestep_spacing)?,
                self.eta,
                limit,
                self.use_clipped_model_output,
            )),
            SamplerKind::Heun => {
                let levels = grid::heun(&schedule, config, self.steps, karras(true))?;
                // diffusers starts from pure noise, except with leading spacing, where the first
                // level is far from it.
                let initial_scale = match config.timestep_spacing {
                    TimestepSpacing::Leading => 1.0,
                    _ => levels[0].noise,
                };
                Box::new(Heun::new(levels, limit, initial_scale))
            }
            SamplerKind::Dpmpp2m => {
                let levels = grid::dpm_solver(&schedule, config, self.steps, karras(false))?;
                Box::new(Dpmpp2m::new(levels, limit))
            }
            SamplerKind::EulerFlow => {
                let levels = grid::euler_flow(&schedule, config, self.steps)?;
                Box::new(EulerFlow::new(levels, limit))
            }
        })
    }

    /// The noise these options describe, for images of `[channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Config`] when fewer than two images are to lead from one seed to another.
    pub fn noise<B: Kernels>(
        &self,
        [channels, height, width]: [usize; 3],
        device: B::Device,
    ) -> Result<Box<dyn Noise<B>>> {
        let shape = [self.count, channels, height, width];
        let Some(Interpolation { to, total }) = self.interpolate else {
            return Ok(Box::new(SeededNoise {
                seed: self.seed,
                first: self.first,
                shape,
                device,
            }));
        };
        let total = total.unwrap_or(self.count);
        if total < 2 || total < self.first.saturating_add(self.count) {
            return Err(Error::Config(format!(
                "{total} images cannot lead from one seed to another; ask for 2 or more."
            )));
        }
        Ok(Box::new(SlerpNoise {
            seeds: (self.seed, to),
            total,
            first: self.first,
            shape,
            device,
        }))
    }

    /// What a network is to be asked for; see [`Guidance::of`].
    ///
    /// # Errors
    /// [`Error::Config`] for a label that the network does not know or a guidance out of range.
    pub fn guidance(&self, unet: &UNetConfig) -> Result<Option<Guidance>> {
        Guidance::of(&self.labels, self.guidance, self.first, self.count, unet)
    }

    fn limit(&self, config: &SchedulerConfig) -> Result<Limit> {
        if let Some(ratio) = self.dynamic_threshold {
            if !(ratio > 0.0 && ratio <= 1.0) {
                return Err(Error::Config(format!(
                    "the quantile of the dynamic threshold is {ratio}, but must be above 0 and at most 1."
                )));
            }
            return Ok(Limit::Dynamic {
                ratio,
                max: f64::INFINITY,
            });
        }
        Ok(match self.clip {
            Some(true) => Limit::Clip,
            Some(false) => Limit::None,
            None => config.limit(),
        })
    }

    fn variance(&self, config: &SchedulerConfig) -> Result<VarianceType> {
        let chosen = self.variance.unwrap_or(config.variance_type);
        if chosen == VarianceType::LearnedRange && config.variance_type != chosen {
            return Err(Error::Config(
                "this model did not learn a variance; choose fixed_small or fixed_large.".into(),
            ));
        }
        Ok(chosen)
    }

    /// DDIM's levels, each with the one its step goes to.
    fn ddim_levels(
        &self,
        schedule: &Schedule,
        spacing: TimestepSpacing,
    ) -> Result<Vec<(NoiseLevel, NoiseLevel)>> {
        let timesteps = schedule.timesteps(self.steps, spacing)?;
        // One stride below, rounded down, as diffusers counts it: where the number of steps does
        // not divide T this is not quite the next timestep of the list.
        let stride = schedule.num_train_timesteps() / self.steps;
        let level = |t| schedule.level(t);
        Ok(timesteps
            .into_iter()
            .map(|t| (level(Some(t)), level(t.checked_sub(stride))))
            .collect())
    }
}
