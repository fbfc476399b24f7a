//! How a network is trained: batches, loss weights, and the numbers of Adam and the EMA at each
//! step.

use serde::{Deserialize, Serialize};

use super::Optimizer;
use crate::{
    diffusion::LossWeighting,
    error::{Error, Result},
    ops::{AdamStep, MixedPrecision, MuonStep, OptimizerStep},
};

/// How the network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainingConfig {
    /// Images per step.
    pub batch_size: usize,
    /// What moves the weights.
    pub optimizer: Optimizer,
    /// Adam's step size after the warm-up.
    pub learning_rate: f64,
    /// Muon's step size after the warm-up.
    pub muon_learning_rate: f64,
    /// Steps over which the learning rates rise from 0.
    pub lr_warmup_steps: usize,
    /// Decay of Adam's running mean of the gradient, in [0, 1).
    pub adam_beta1: f64,
    /// Decay of Adam's running mean of the squared gradient, in [0, 1).
    pub adam_beta2: f64,
    /// What Adam adds to the root of that mean before it divides by it.
    pub adam_epsilon: f64,
    /// Decay of Muon's running mean of the gradient, in [0, 1).
    pub muon_momentum: f64,
    /// The averaging of the weights forgets at most this slowly; see
    /// [`TrainingConfig::ema_decay_at`].
    pub ema_max_decay: f64,
    /// How much each timestep's error counts.
    pub loss_weighting: LossWeighting,
    /// γ of `min_snr`: SNRs above it count no more.
    pub min_snr_gamma: f64,
    /// Added to the weights of `min_snr`, so that no timestep goes unheeded.
    pub min_snr_floor: f64,
    /// With a learned variance, how much the variational bound counts beside the simple loss.
    pub vlb_weight: f64,
    /// Mirror half of the images left to right.
    pub random_flip: bool,
    /// Show random crops of larger pictures. Images that are no larger than the model's are shown
    /// whole.
    pub random_crop: bool,
    /// With labels, the share of images that are shown without theirs, so that the network also
    /// learns what guidance starts from (Ho & Salimans 2022, p_uncond).
    pub class_dropout_prob: f64,
    /// What feature maps are stored as while training, where the device can and the network has no
    /// attention; elsewhere f32.
    pub mixed_precision: MixedPrecision,
}

/// What a file says that does not name a field: how models were trained when the field was new. What
/// a fresh run starts from is [`super::Config::for_size`].
impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            batch_size: 16,
            optimizer: Optimizer::Adam,
            learning_rate: 1e-3,
            muon_learning_rate: 1e-2,
            lr_warmup_steps: 100,
            adam_beta1: 0.9,
            adam_beta2: 0.999,
            adam_epsilon: 1e-8,
            muon_momentum: 0.95,
            ema_max_decay: 0.998,
            loss_weighting: LossWeighting::Simple,
            min_snr_gamma: 5.0,
            min_snr_floor: 0.0,
            vlb_weight: 1e-3,
            random_flip: false,
            random_crop: false,
            class_dropout_prob: 0.1,
            mixed_precision: MixedPrecision::No,
        }
    }
}

impl TrainingConfig {
    /// The share of the learning rates that holds at `step`, counted from 1: linear warm-up, then
    /// constant.
    pub fn warmup_at(&self, step: u64) -> f64 {
        let warmup = self.lr_warmup_steps.max(1) as f64;
        (step as f64 / warmup).min(1.0)
    }

    /// Decay of the averaged weights at `step`, counted from 1.
    ///
    /// (1 + step) / (10 + step) at first (TensorFlow's `ExponentialMovingAverage`, diffusers'
    /// `EMAModel`), so that early samples are not those of the random start.
    pub fn ema_decay_at(&self, step: u64) -> f64 {
        ((1.0 + step as f64) / (10.0 + step as f64)).min(self.ema_max_decay)
    }

    /// The numbers of `step`, counted from 1.
    pub(super) fn optimizer_step_at(&self, step: u64) -> OptimizerStep {
        let warmup = self.warmup_at(step);
        let correction = |beta: f64| (1.0 - beta.powf(step as f64)) as f32;
        OptimizerStep {
            adam: AdamStep {
                learning_rate: (self.learning_rate * warmup) as f32,
                beta1: self.adam_beta1 as f32,
                beta2: self.adam_beta2 as f32,
                epsilon: self.adam_epsilon as f32,
                bias_correction1: correction(self.adam_beta1),
                bias_correction2: correction(self.adam_beta2),
            },
            muon: MuonStep {
                learning_rate: (self.muon_learning_rate * warmup) as f32,
                momentum: self.muon_momentum as f32,
            },
            ema_decay: self.ema_decay_at(step) as f32,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let refuse = |reason: &str| Err(Error::Config(reason.into()));
        let unit = |value: f64| (0.0..1.0).contains(&value);
        if !(1..=1024).contains(&self.batch_size) {
            return refuse("batch_size must be 1 to 1024.");
        }
        let is_rate = |value: f64| value > 0.0 && value <= 1.0;
        if !is_rate(self.learning_rate) || !is_rate(self.muon_learning_rate) {
            return refuse("learning_rate and muon_learning_rate must be above 0 and at most 1.");
        }
        if !unit(self.adam_beta1) || !unit(self.adam_beta2) {
            return refuse("adam_beta1 and adam_beta2 must be in [0, 1).");
        }
        if !unit(self.muon_momentum) || !unit(self.ema_max_decay) {
            return refuse("muon_momentum and ema_max_decay must be in [0, 1).");
        }
        // Adam computes in f32, where what is smaller is 0.
        if !(self.adam_epsilon as f32 > 0.0 && self.adam_epsilon < 1.0) {
            return refuse("adam_epsilon must be between 1e-45 and 1.");
        }
        if !(0.0..=1.0).contains(&self.class_dropout_prob) {
            return refuse("class_dropout_prob must be between 0 and 1.");
        }
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if !positive(self.min_snr_gamma) || !positive(self.vlb_weight) {
            return refuse("min_snr_gamma and vlb_weight must be above 0.");
        }
        if !(0.0..=1.0).contains(&self.min_snr_floor) {
            return refuse("min_snr_floor must be between 0 and 1.");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files that name no optimizer are older than the choice.
    #[test]
    fn what_names_no_optimizer_was_trained_by_adam() {
        let config: TrainingConfig = serde_json::from_str(r#"{ "batch_size": 4 }"#).unwrap();
        assert_eq!(config.optimizer, Optimizer::Adam);
        assert_eq!(config.min_snr_floor, 0.0);
    }

    #[test]
    fn rates_and_floors_out_of_range_are_refused_by_name() {
        for (json, name) in [
            (r#"{ "muon_learning_rate": 0 }"#, "muon_learning_rate"),
            (r#"{ "muon_momentum": 1 }"#, "muon_momentum"),
            (r#"{ "min_snr_floor": -0.1 }"#, "min_snr_floor"),
        ] {
            let config: TrainingConfig = serde_json::from_str(json).unwrap();
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
