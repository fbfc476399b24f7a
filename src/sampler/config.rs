//! Options of a sampling run: the sampler with its own, and those that are common to all.

use serde::{Deserialize, Serialize};

use super::{
    Ddim, Ddpm, DpmPp2M, EulerFlow, Heun, MixedNoise, Noise, NoiseTerm, Sampler, SeededNoise,
    SlerpNoise,
};
use crate::{
    denoiser::Guidance,
    diffusion::{NoiseLevel, Schedule, SchedulerConfig, TimestepSpacing, VarianceType, X0Clipping},
    error::{Error, Result},
    model::UNetConfig,
    ops::Kernels,
};

/// The longest side of an image that is drawn, in pixels.
pub const MAX_SIDE: usize = 256;

/// A sampler with the options that it alone has.
///
/// In JSON the options lie beside `sampler`, the name; those of other samplers are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "sampler", rename_all = "lowercase")]
pub enum SamplerConfig {
    /// Ancestral sampling (Ho et al. 2020, algorithm 2).
    Ddpm {
        /// Variance of the steps in place of the model's own type.
        variance: Option<VarianceType>,
    },
    /// Denoising diffusion implicit models, deterministic at η = 0 (Song et al. 2021).
    Ddim {
        /// η: 0 adds no noise, 1 as much as DDPM.
        #[serde(default)]
        eta: f64,
        /// Whether ε is derived anew from a clipped pred_x0; see [`Ddim::new`].
        #[serde(default)]
        use_clipped_model_output: bool,
    },
    /// Heun's method of second order, two evaluations a step (Karras et al. 2022).
    Heun {
        /// Whether noise levels are spaced evenly in σ^(1/7) and not in t (Karras et al. 2022,
        /// equation 5): by default they are.
        use_karras_sigmas: Option<bool>,
    },
    /// DPM-Solver++(2M), a multistep method of second order (Lu et al. 2022b).
    DpmPp2M {
        /// As for Heun's method, but by default they are not.
        use_karras_sigmas: Option<bool>,
    },
    /// Euler's method along a rectified flow (Liu et al. 2023).
    #[serde(rename = "euler-flow")]
    EulerFlow,
}

impl SamplerConfig {
    /// Every sampler, with the defaults of its options.
    pub const ALL: [Self; 5] = [
        Self::Ddpm { variance: None },
        Self::Ddim {
            eta: 0.0,
            use_clipped_model_output: false,
        },
        Self::Heun {
            use_karras_sigmas: None,
        },
        Self::DpmPp2M {
            use_karras_sigmas: None,
        },
        Self::EulerFlow,
    ];

    /// This sampler over given noise levels, noisiest first, of any process: x_0 is unlimited, and
    /// x_T is what [`super::Noise::x_t`] gives. DDPM has the variance β̃ unless its option says
    /// otherwise. `use_karras_sigmas`, which is about the levels, is not looked at.
    ///
    /// # Errors
    /// [`Error::Config`] for an η out of range, and for a variance that was not learned or is infinite.
    pub fn over<B: Kernels>(self, levels: Vec<NoiseLevel>) -> Result<Box<dyn Sampler<B>>> {
        Ok(match self {
            Self::Ddpm { variance } => {
                let variance = variance.unwrap_or(VarianceType::FixedSmall);
                if variance == VarianceType::LearnedRange {
                    return Err(Error::Config(
                        "no variance was learned; choose fixed_small or fixed_large.".into(),
                    ));
                }
                if variance == VarianceType::FixedForward {
                    Ddpm::check_forward_variance(&levels)?;
                }
                Box::new(Ddpm::over(levels, variance))
            }
            Self::Ddim { eta, .. } => Box::new(Ddim::over(levels, eta)?),
            Self::Heun { .. } => Box::new(Heun::over(levels)),
            Self::DpmPp2M { .. } => Box::new(DpmPp2M::over(levels)),
            Self::EulerFlow => Box::new(EulerFlow::over(levels)),
        })
    }

    /// Whether each step adds noise.
    pub fn is_stochastic(self) -> bool {
        match self {
            Self::Ddpm { .. } => true,
            Self::Ddim { eta, .. } => eta > 0.0,
            Self::Heun { .. } | Self::DpmPp2M { .. } | Self::EulerFlow => false,
        }
    }

    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ddpm { .. } => "ddpm",
            Self::Ddim { .. } => "ddim",
            Self::Heun { .. } => "heun",
            Self::DpmPp2M { .. } => "dpmpp2m",
            Self::EulerFlow => "euler-flow",
        }
    }
}

impl Default for SamplerConfig {
    /// What draws best in a given time, by the measurements of docs/recipe.md.
    fn default() -> Self {
        Self::DpmPp2M {
            use_karras_sigmas: None,
        }
    }
}

/// Names a sampler on the command line; its options are arguments of their own.
#[cfg(feature = "cli")]
impl clap::ValueEnum for SamplerConfig {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let help = match self {
            Self::Ddpm { .. } => "Ancestral sampling (Ho et al. 2020)",
            Self::Ddim { .. } => "Fewer steps, deterministic at eta 0 (Song et al. 2021)",
            Self::Heun { .. } => "Heun's method, two evaluations a step (Karras et al. 2022)",
            Self::DpmPp2M { .. } => "DPM-Solver++(2M) (Lu et al. 2022)",
            Self::EulerFlow => "Euler's method along a rectified flow (Liu et al. 2023)",
        };
        Some(clap::builder::PossibleValue::new(self.name()).help(help))
    }
}

/// Spherical interpolation from the first image of one seed to that of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpolation {
    /// The seed at the other end.
    pub to: u64,
    /// How many images there are from end to end, where those of a run are only some of them.
    #[serde(default)]
    pub total: Option<usize>,
}

/// A sampling run: the sampler, and what can be chosen whatever the sampler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingOptions {
    #[serde(flatten)]
    /// The sampler and its own options; in JSON beside the others.
    pub sampler: SamplerConfig,
    /// Denoising steps, 1 to `num_train_timesteps`.
    pub steps: usize,
    /// Seed of x_T and of every z.
    pub seed: u64,
    /// Which image of the seed is the first: what several workers divide `count` images by.
    pub first: usize,
    /// Number of images.
    pub count: usize,
    /// Height of the images in pixels, up to [`MAX_SIDE`], where it is not that of the training
    /// images: a multiple of [`UNetConfig::size_multiple`].
    pub height: Option<usize>,
    /// Width of the images; see `height`.
    pub width: Option<usize>,
    /// Overrides the model's own choice of clamping pred_x0 to [-1, 1].
    pub clip: Option<bool>,
    /// Limits pred_x0 by dynamic thresholding with this quantile, in (0, 1], and none of
    /// diffusers' `sample_max_value` (Saharia et al. 2022).
    pub dynamic_threshold: Option<f64>,
    /// Overrides the model's own choice of timesteps to visit. No matter where noise levels are
    /// spaced in σ: for DPM-Solver++ with `use_karras_sigmas` and for a flow's Euler steps.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Interpolates between two seeds.
    pub interpolate: Option<Interpolation>,
    /// Mixes the noise of each image in place of that of `seed`: at least as many as images, of which
    /// the one at `first` is the first.
    pub mixtures: Vec<Vec<NoiseTerm>>,
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
            sampler: SamplerConfig::default(),
            steps: 20,
            seed: 0,
            first: 0,
            count: 16,
            height: None,
            width: None,
            clip: None,
            dynamic_threshold: None,
            timestep_spacing: None,
            interpolate: None,
            mixtures: Vec::new(),
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
        if !(1..=1024).contains(&self.count) {
            return Err(Error::Config(format!(
                "{} images were asked for, but 1 to 1024 are possible at once.",
                self.count
            )));
        }
        let (steps, clipping) = (self.steps, self.clipping(config)?);
        let schedule = &Schedule::new(config)?;
        let config = &SchedulerConfig {
            timestep_spacing: self.timestep_spacing.unwrap_or(config.timestep_spacing),
            ..config.clone()
        };
        Ok(match self.sampler {
            SamplerConfig::Ddpm { variance } => {
                Box::new(Ddpm::new(schedule, config, steps, variance, clipping)?)
            }
            SamplerConfig::Ddim {
                eta,
                use_clipped_model_output,
            } => Box::new(Ddim::new(
                schedule,
                config,
                steps,
                eta,
                use_clipped_model_output,
                clipping,
            )?),
            SamplerConfig::Heun { use_karras_sigmas } => {
                let karras = use_karras_sigmas.unwrap_or(true);
                Box::new(Heun::new(schedule, config, steps, karras, clipping)?)
            }
            SamplerConfig::DpmPp2M { use_karras_sigmas } => {
                let karras = use_karras_sigmas.unwrap_or(false);
                Box::new(DpmPp2M::new(schedule, config, steps, karras, clipping)?)
            }
            SamplerConfig::EulerFlow => {
                Box::new(EulerFlow::new(schedule, config, steps, clipping)?)
            }
        })
    }

    /// Height and width of the images, for a model that was trained on images of `size` × `size`.
    ///
    /// # Errors
    /// [`Error::Config`] for a side that is out of range or that the network cannot halve as often
    /// as it has to.
    pub fn shape(&self, size: usize, unet: &UNetConfig) -> Result<[usize; 2]> {
        let multiple = unet.size_multiple();
        for (name, side) in [("height", self.height), ("width", self.width)] {
            let fits =
                |side: usize| (4..=MAX_SIDE).contains(&side) && side.is_multiple_of(multiple);
            if let Some(side) = side.filter(|side| !fits(*side)) {
                return Err(Error::Config(format!(
                    "the {name} is {side}, but this network draws multiples of {multiple} between \
                     4 and {MAX_SIDE}."
                )));
            }
        }
        Ok([self.height.unwrap_or(size), self.width.unwrap_or(size)])
    }

    /// The noise these options describe, for images of `[channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Config`] when fewer than two images are to lead from one seed to another, and for
    /// mixtures that [`MixedNoise::new`] refuses.
    pub fn noise<B: Kernels>(
        &self,
        [channels, height, width]: [usize; 3],
        device: B::Device,
    ) -> Result<Box<dyn Noise<B>>> {
        let shape = [self.count, channels, height, width];
        if !self.mixtures.is_empty() {
            let end = self
                .first
                .saturating_add(self.count)
                .min(self.mixtures.len());
            let own = &self.mixtures[self.first.min(end)..end];
            return Ok(Box::new(MixedNoise::new(own, shape, device)?));
        }
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

    /// The guidance of the batch; see [`Guidance::of`].
    ///
    /// # Errors
    /// [`Error::Config`] for a label that the network does not know or a guidance out of range.
    pub fn guidance(&self, unet: &UNetConfig) -> Result<Option<Guidance>> {
        Guidance::of(&self.labels, self.guidance, self.first, self.count, unet)
    }

    fn clipping(&self, config: &SchedulerConfig) -> Result<X0Clipping> {
        if let Some(ratio) = self.dynamic_threshold {
            if !(ratio > 0.0 && ratio <= 1.0) {
                return Err(Error::Config(format!(
                    "the quantile of the dynamic threshold is {ratio}, but must be above 0 and at \
                     most 1."
                )));
            }
            return Ok(X0Clipping::Dynamic {
                ratio,
                max: f64::INFINITY,
            });
        }
        Ok(match self.clip {
            Some(true) => X0Clipping::Clip,
            Some(false) => X0Clipping::None,
            None => config.clipping(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> SamplingOptions {
        serde_json::from_str(json).unwrap()
    }

    /// What the page sends: every field, whatever the sampler, and null for what is not chosen.
    #[test]
    fn options_of_all_samplers_lie_side_by_side() {
        for sampler in SamplerConfig::ALL {
            let json = format!(
                r#"{{ "sampler": "{}", "steps": 20, "eta": 0, "seed": 4294967295, "count": 3,
                    "height": null, "width": 64,
                    "weights": "ema", "variance": null, "clip": null, "dynamic_threshold": null,
                    "timestep_spacing": "leading", "use_karras_sigmas": null,
                    "use_clipped_model_output": false, "labels": [1, null], "guidance": 2 }}"#,
                sampler.name()
            );
            let expected = SamplingOptions {
                sampler,
                steps: 20,
                seed: 4294967295,
                count: 3,
                width: Some(64),
                timestep_spacing: Some(TimestepSpacing::Leading),
                labels: vec![Some(1), None],
                guidance: 2.0,
                ..Default::default()
            };
            assert_eq!(parsed(&json), expected);
            let written = serde_json::to_string(&expected).unwrap();
            assert_eq!(parsed(&written), expected);
        }
    }

    #[test]
    fn a_sampler_takes_its_own_options_alone() {
        let json = |sampler: &str| {
            format!(
                r#"{{ "sampler": "{sampler}", "eta": 0.5, "variance": "fixed_large",
                    "use_karras_sigmas": true }}"#
            )
        };
        for sampler in [
            SamplerConfig::Ddpm {
                variance: Some(VarianceType::FixedLarge),
            },
            SamplerConfig::Ddim {
                eta: 0.5,
                use_clipped_model_output: false,
            },
            SamplerConfig::DpmPp2M {
                use_karras_sigmas: Some(true),
            },
            SamplerConfig::EulerFlow,
        ] {
            assert_eq!(parsed(&json(sampler.name())).sampler, sampler);
        }
        let refused = serde_json::from_str::<SamplingOptions>(&json("plms"));
        assert!(refused.unwrap_err().to_string().contains("plms"));
    }
}
