//! The training objective: L_simple, min-SNR or variational weights, the previous step as the target,
//! and the hybrid loss.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use super::{
    ModelOutput, PredictionType, Schedule, VarianceType,
    losses::{learned_log_variance, per_item, vlb_terms},
};
use crate::ops::{self, Kernels};

/// How much each timestep's error counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossWeighting {
    /// All alike, L_simple (Ho et al. 2020, equation 14).
    Simple,
    /// In terms of x_0's error, min(SNR, γ) (Hang et al. 2023, equation 8).
    MinSnr,
    /// As the variational bound has them, so that the loss is the bound in nats per dimension, but
    /// for what does not depend on the network (Ho et al. 2020, equations 8 and 12) and for t = 0,
    /// where a normal density of variance β̃_1 stands in for the decoder's integral over the levels
    /// of pixels (equation 13). Where the variance is learned, the weights are those of β̃.
    Vlb,
    /// The previous step of the chain, x_{t-1} drawn together with x_t, is the target of the mean that
    /// follows from the prediction (Nakkiran et al. 2024, "Step-by-Step Diffusion: An Elementary
    /// Tutorial", arXiv 2406.08929, pseudocode 1), in units of a step's variance. Predictions learn
    /// the same from it, but from noisier targets (their section 2.3); see [`Objective::target_noise`].
    Previous,
}

/// The loss of a batch.
#[derive(Debug, Clone)]
pub struct Objective {
    /// The noise levels that are trained on.
    pub schedule: Schedule,
    /// What the network predicts.
    pub prediction_type: PredictionType,
    /// Whether the variance is learned, and if not, which one the variational weights have.
    pub variance_type: VarianceType,
    /// How much each timestep's error counts.
    pub weighting: LossWeighting,
    /// γ of [`LossWeighting::MinSnr`].
    pub min_snr_gamma: f64,
    /// Added to the weights of [`LossWeighting::MinSnr`]. Of v, these go to 0 with the SNR, and a
    /// network that never learns the highest noise levels starts every sample wrongly.
    pub min_snr_floor: f64,
    /// λ of L_simple + λ · L_vlb, where the variance is learned (Nichol & Dhariwal 2021,
    /// equation 16), with L_vlb in bits per dimension, as in improved-diffusion.
    pub vlb_weight: f64,
}

/// What the loss needs besides the network's output; images are `[batch, channels, height, width]`.
#[derive(Debug, Clone)]
pub struct LossInputs<'a, B: Backend> {
    /// What a perfect network would have predicted; see [`Objective::target_coefs`].
    pub target: Tensor<B, 4>,
    /// [`Objective::loss_weights`] of the items.
    pub loss_weights: Option<Tensor<B, 1>>,
    /// The clean images.
    pub x_0: Tensor<B, 4>,
    /// One per image.
    pub timesteps: &'a [usize],
}

impl Objective {
    /// Factor of the squared error of the prediction at `t`.
    pub fn weight(&self, t: usize) -> f64 {
        let level = self.schedule.level(Some(t));
        let x0_weight = match self.weighting {
            LossWeighting::Simple => return 1.0,
            LossWeighting::MinSnr => level.snr().min(self.min_snr_gamma),
            LossWeighting::Vlb => {
                let log_variance = self.schedule.fixed_log_variance(self.variance_type, t);
                let log_variance =
                    log_variance.unwrap_or_else(|| self.schedule.posterior_log_variance_clipped(t));
                let coef = self.schedule.posterior(t).mean_coef1;
                // The means are coef · the error of x_0 apart (Ho et al. 2020, equations 7 and 8).
                // Times T, since t is drawn at random in place of a sum (Kingma et al. 2021,
                // equation 13).
                let count = self.schedule.num_train_timesteps() as f64;
                count * coef * coef / (2.0 * log_variance.exp())
            }
            LossWeighting::Previous => {
                let posterior = self.schedule.posterior(t);
                posterior.mean_coef1.powi(2) / posterior.forward_variance
            }
        };
        let weight = x0_weight * self.prediction_type.x0_sensitivity(level).powi(2);
        match self.weighting {
            LossWeighting::MinSnr => weight + self.min_snr_floor,
            LossWeighting::Simple | LossWeighting::Vlb | LossWeighting::Previous => weight,
        }
    }

    /// What a mean squared error of x_0 at `t` costs: the loss has it in what the network predicts,
    /// and weighted. Unweighted it is for ε the SNR (Salimans & Ho 2022, equation 9).
    pub fn loss_per_x0_mse(&self, t: usize) -> f64 {
        let level = self.schedule.level(Some(t));
        let sensitivity = self.prediction_type.x0_sensitivity(level);
        self.weight(t) / sensitivity.powi(2)
    }

    /// The factors of x_0 and ε in what the network is to predict at `t`:
    /// [`PredictionType::target_coefficients`].
    pub fn target_coefs(&self, t: usize) -> [f32; 2] {
        let level = self.schedule.level(Some(t));
        let coefs = self.prediction_type.target_coefficients(level);
        coefs.map(|coef| coef as f32)
    }

    /// The standard deviation of the noise in the target at `t`, beside what
    /// [`Objective::target_coefs`] say: 0 unless the target is x_{t-1}.
    ///
    /// x_{t-1} = c · x_0 + c' · x_t + √β̃_t · z (Ho et al. 2020, equation 6), and a mean c · pred_x0 +
    /// c' · x_t differs from it by c · (pred_x0 - x_0) - √β̃_t · z. Since pred_x0 is linear in what is
    /// predicted, that is a factor times the error of a prediction whose target has the noise
    /// √β̃_t / (c · ∂x_0 / ∂y) · z.
    pub fn target_noise(&self, t: usize) -> f64 {
        if self.weighting != LossWeighting::Previous {
            return 0.0;
        }
        let posterior = self.schedule.posterior(t);
        let sensitivity = (self.prediction_type).x0_sensitivity(self.schedule.level(Some(t)));
        posterior.variance.max(0.0).sqrt() / (posterior.mean_coef1 * sensitivity)
    }

    /// The part of the expected loss at `t` that no network can do anything about, whatever the
    /// images: that of [`Objective::target_noise`].
    pub fn loss_of_target_noise(&self, t: usize) -> f64 {
        self.weight(t) * self.target_noise(t).powi(2)
    }

    /// [`Objective::weight`] of each item, `[timesteps.len()]`; none where all count alike.
    pub fn loss_weights(&self, timesteps: &[usize]) -> Option<TensorData> {
        (self.weighting != LossWeighting::Simple).then(|| {
            let weights = timesteps.iter().map(|t| self.weight(*t) as f32);
            TensorData::from(weights.collect::<Vec<f32>>().as_slice())
        })
    }

    /// The mean over the batch, `[1]`, for the network's `output`
    /// `[batch, channels or twice as many, height, width]`.
    ///
    /// Where the variance is learned, its gradient comes from L_vlb alone and L_vlb gives the mean
    /// none (Nichol & Dhariwal 2021, section 3.1).
    pub fn loss<B: Kernels>(&self, output: Tensor<B, 4>, inputs: LossInputs<B>) -> Tensor<B, 1> {
        let LossInputs {
            target,
            loss_weights,
            x_0,
            timesteps,
        } = inputs;
        let device = output.device();
        let channels = target.dims()[1];
        let ModelOutput { values, var_values } = ModelOutput::split(output, channels);
        let simple = ops::squared_error(values.clone(), target.clone(), loss_weights);
        let Some(var_values) = var_values else {
            return simple;
        };

        let sensitivity = |t| {
            let level = self.schedule.level(Some(t));
            self.prediction_type.x0_sensitivity(level)
        };
        // That of x_0 follows, since x_0 is linear in what is predicted.
        let error = values.detach() - target;
        let x0_error = error * per_item(timesteps, &sensitivity, &device);
        let log_variance = learned_log_variance(&self.schedule, timesteps, var_values);
        let terms = vlb_terms(&self.schedule, timesteps, x_0, x0_error, log_variance);
        // Times T, as for `LossWeighting::Vlb`.
        let count = self.schedule.num_train_timesteps() as f64;
        simple + mean_of_items(terms) * (self.vlb_weight * count)
    }
}

fn mean_of_items<B: Backend>(values: Tensor<B, 1>) -> Tensor<B, 1> {
    let count = values.dims()[0] as f64;
    values.sum_dim(0) / count
}
