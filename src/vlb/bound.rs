//! The variational bound of a batch of images, a timestep at a time.

use std::f64::consts::LN_2;

use burn::tensor::{Tensor, backend::Backend};

use crate::{
    denoiser::Denoiser,
    diffusion::{
        Schedule, SchedulerConfig, VarianceType, X0Clipping,
        forward::q_sample_at,
        losses::{learned_log_variance, mean_per_item, per_item, vlb_terms},
    },
    error::{Error, Result},
    ops::Kernels,
};

/// The process that a bound is measured of.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Its noise levels.
    pub schedule: Schedule,
    /// The variance of the reverse steps.
    pub variance_type: VarianceType,
    /// How estimates of x_0 are limited.
    pub clipping: X0Clipping,
}

/// What one timestep contributes, `[batch]` each.
#[derive(Debug, Clone)]
pub struct Terms<B: Backend> {
    /// Bits per dimension: the divergence of p(x_{t-1} | x_t) from q(x_{t-1} | x_t, x_0), and at
    /// t = 0 the negative log-likelihood of x_0.
    pub vb: Tensor<B, 1>,
    /// Mean squared error of the estimate of x_0.
    pub x0_mse: Tensor<B, 1>,
    /// Mean squared error of the estimate of ε that belongs to that of x_0.
    pub eps_mse: Tensor<B, 1>,
}

impl Bound {
    /// Of the process that `config` describes.
    ///
    /// # Errors
    /// What [`Schedule::new`] refuses.
    pub fn new(config: &SchedulerConfig) -> Result<Self> {
        Ok(Self {
            schedule: Schedule::new(config)?,
            variance_type: config.variance_type,
            clipping: config.clipping(),
        })
    }

    /// The terms of `t` for images `x_0` `[batch, channels, height, width]` of `class_labels`,
    /// noised by `eps` (Ho et al. 2020, equation 4).
    ///
    /// # Errors
    /// [`Error::Config`] when the variance is learned and the denoiser does not predict one.
    pub fn terms<B: Kernels>(
        &self,
        denoiser: &dyn Denoiser<B>,
        class_labels: Option<&[usize]>,
        x_0: Tensor<B, 4>,
        eps: Tensor<B, 4>,
        t: usize,
    ) -> Result<Terms<B>> {
        let level = self.schedule.level(Some(t));
        let timesteps = vec![t; x_0.dims()[0]];
        let x_t = q_sample_at(x_0.clone(), eps, level);
        let prediction = denoiser.predict(x_t, level, class_labels, self.clipping);
        let log_variance = match self.schedule.fixed_log_variance(self.variance_type, t) {
            Some(value) => per_item(&timesteps, &|_| value, &x_0.device()),
            None => {
                let var_values = prediction.var_values.ok_or_else(|| {
                    Error::Config("this model's variance is learned, but it predicts none.".into())
                })?;
                learned_log_variance(&self.schedule, &timesteps, var_values)
            }
        };
        let error = prediction.pred_x0 - x_0.clone();
        let x0_mse = mean_per_item(error.clone() * error.clone());
        Ok(Terms {
            vb: vlb_terms(&self.schedule, &timesteps, x_0, error, log_variance),
            // ε - (x_t - signal · pred_x0) / noise = signal / noise · (pred_x0 - x_0)
            // (Salimans & Ho 2022, equation 9).
            eps_mse: x0_mse.clone() * level.snr(),
            x0_mse,
        })
    }

    /// Bits per dimension of q(x_T | x_0) beside the standard normal that sampling starts from:
    /// `[batch]` (the prior term of Ho et al. 2020, equation 5; by equation 4 the divergence of two
    /// normal distributions, as in [`vlb_terms`]).
    pub fn prior_bpd<B: Backend>(&self, x_0: Tensor<B, 4>) -> Tensor<B, 1> {
        let last = (self.schedule).level(Some(self.schedule.num_train_timesteps() - 1));
        let mean = x_0 * last.signal;
        let variance = last.noise.powi(2);
        let divergence = mean.clone() * mean / 2.0 + (variance - variance.ln() - 1.0) / 2.0;
        mean_per_item(divergence) / LN_2
    }
}
