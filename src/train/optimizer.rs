//! The numbers of an optimizer step; its arithmetic is the seam's [`crate::ops::Kernels::adam_step`].

use super::TrainingConfig;
use crate::ops::AdamStep;

impl TrainingConfig {
    /// Adam's (Kingma & Ba 2015) and the EMA's numbers at `step`, counted from 1.
    pub(super) fn adam_step_at(&self, step: u64) -> AdamStep {
        let correction = |beta: f64| (1.0 - beta.powf(step as f64)) as f32;
        AdamStep {
            learning_rate: self.learning_rate_at(step) as f32,
            beta1: self.adam_beta1 as f32,
            beta2: self.adam_beta2 as f32,
            epsilon: self.adam_epsilon as f32,
            bias_correction1: correction(self.adam_beta1),
            bias_correction2: correction(self.adam_beta2),
            ema_decay: self.ema_decay_at(step) as f32,
        }
    }
}
