//! Ancestral sampling of the reverse Markov chain (Ho et al. 2020, algorithm 2).

use burn::tensor::Tensor;

use super::{Noise, Sampler, Step};
use crate::{
    denoiser::Denoiser,
    diffusion::{NoiseLevel, Posterior, Schedule, SchedulerConfig, VarianceType, X0Clipping},
    error::{Error, Result},
    ops::{Kernels, weighted_sum},
};

/// Where the variance is learned, β̃ counts as at least this, as in diffusers' `_get_variance`.
const MIN_VARIANCE: f64 = 1e-20;

/// x_{t-1} = mean of q(x_{t-1} | x_t, pred_x0) + σ_t · z (Ho et al. 2020, algorithm 2 with the mean
/// as equations 7 and 15 give it).
pub struct Ddpm {
    levels: Vec<NoiseLevel>,
    variance_type: VarianceType,
    clipping: X0Clipping,
}

impl Ddpm {
    /// A run of `steps` steps, with `variance` in place of the model's own type, if there is one.
    ///
    /// # Errors
    /// [`Error::Config`] as for [`Schedule::timesteps`], for a learned variance where the model did
    /// not learn one, and for [`VarianceType::FixedForward`] where it is infinite.
    pub fn new(
        schedule: &Schedule,
        config: &SchedulerConfig,
        steps: usize,
        variance: Option<VarianceType>,
        clipping: X0Clipping,
    ) -> Result<Self> {
        let variance_type = variance.unwrap_or(config.variance_type);
        if variance_type == VarianceType::LearnedRange && config.variance_type != variance_type {
            return Err(Error::Config(
                "this model did not learn a variance; choose fixed_small or fixed_large.".into(),
            ));
        }
        let timesteps = schedule.timesteps(steps, config.timestep_spacing)?;
        let levels: Vec<NoiseLevel> = timesteps
            .into_iter()
            .map(|t| schedule.level(Some(t)))
            .collect();
        if variance_type == VarianceType::FixedForward {
            Self::check_forward_variance(&levels)?;
        }
        Ok(Self {
            levels,
            variance_type,
            clipping,
        })
    }
}

impl Ddpm {
    /// That the variance of every step is finite with [`VarianceType::FixedForward`].
    pub(super) fn check_forward_variance(levels: &[NoiseLevel]) -> Result<()> {
        if levels.iter().all(|level| level.signal > 0.0) {
            return Ok(());
        }
        Err(Error::Config(
            "the process ends in nothing but noise, and the variance fixed_forward is infinite \
             there; choose fixed_small or fixed_large."
                .into(),
        ))
    }

    /// A run over given levels, noisiest first, of any process, with a fixed variance and x_0
    /// unlimited.
    pub fn over(levels: Vec<NoiseLevel>, variance_type: VarianceType) -> Self {
        Self {
            levels,
            variance_type,
            clipping: X0Clipping::None,
        }
    }
}

impl<B: Kernels> Sampler<B> for Ddpm {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
    }

    fn step(
        &mut self,
        denoiser: &dyn Denoiser<B>,
        index: usize,
        x_t: Tensor<B, 4>,
        noise: &dyn Noise<B>,
    ) -> Result<Step<B>> {
        let level = self.levels[index];
        let previous = self.levels.get(index + 1).copied();
        let posterior = Posterior::between(level, previous.unwrap_or(NoiseLevel::CLEAN));

        let prediction = denoiser.predict(x_t.clone(), level, None, self.clipping);
        let pred_x0 = prediction.pred_x0;
        let mean = weighted_sum(
            pred_x0.clone(),
            posterior.mean_coef1,
            x_t,
            posterior.mean_coef2,
        );
        // The last step returns its mean, as the algorithm has z = 0 at t = 1: noise there would
        // only be seen as noise.
        let x_prev = if previous.is_some() {
            let z = noise.z(index)?;
            let plus = |sigma| weighted_sum(mean.clone(), 1.0, z.clone(), sigma);
            match self.variance_type {
                VarianceType::FixedSmall => plus(posterior.variance.sqrt()),
                VarianceType::FixedLarge => plus(posterior.beta.sqrt()),
                VarianceType::FixedForward => plus(posterior.forward_variance.sqrt()),
                VarianceType::LearnedRange => {
                    let var_values = prediction.var_values.ok_or_else(no_variance)?;
                    let smallest = posterior.variance.max(MIN_VARIANCE).ln();
                    let largest = posterior.beta.ln();
                    let [scale, shift] = Posterior::learned_log_variance(smallest, largest);
                    mean + z * ((var_values * scale + shift) / 2.0).exp()
                }
            }
        } else {
            mean
        };
        Ok(Step { x_prev, pred_x0 })
    }
}

fn no_variance() -> Error {
    Error::Config(
        "this model does not predict a variance; choose fixed_small or fixed_large.".into(),
    )
}
