//! The network as a denoiser.

use std::rc::Rc;

use burn::tensor::{Tensor, backend::Backend};

use super::Guidance;
use crate::{
    diffusion::{Denoiser, ModelOutput, NoiseLevel, PredictionType},
    model::{UNet, Weights},
    ops::Ops,
};

/// A network with its weights.
pub struct NetworkDenoiser<B: Backend> {
    pub unet: Rc<UNet>,
    pub weights: Weights<B>,
    /// What the network was trained to predict.
    pub prediction_type: PredictionType,
    /// The classes that a network which knows some is asked for; any if `None`.
    pub guidance: Option<Guidance>,
}

impl<B: Ops> NetworkDenoiser<B> {
    fn forward(
        &self,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        class_labels: Option<&[usize]>,
    ) -> ModelOutput<B> {
        let [batch, channels, _, _] = x_t.dims();
        let timesteps = vec![level.t; batch];
        let output = self
            .unet
            .forward(&self.weights, x_t, &timesteps, class_labels);
        ModelOutput::split(output, channels)
    }

    /// null + w · (class - null), whatever is predicted (Ho & Salimans 2022, equation 6, whose w is
    /// ours less 1). Both in one batch, twice as large; the variance is that of the class.
    fn guided(
        &self,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        null: usize,
        guidance: &Guidance,
    ) -> ModelOutput<B> {
        let batch = x_t.dims()[0];
        let mut class_labels = guidance.class_labels.clone();
        class_labels.resize(2 * batch, null);
        let twice = Tensor::cat(vec![x_t.clone(), x_t], 0);
        let ModelOutput { values, variance } = self.forward(twice, level, Some(&class_labels));
        let of_class = values.clone().narrow(0, 0, batch);
        let of_null = values.narrow(0, batch, batch);
        ModelOutput {
            values: of_null.clone() + (of_class - of_null) * guidance.scale,
            variance: variance.map(|variance| variance.narrow(0, 0, batch)),
        }
    }
}

impl<B: Ops> Denoiser<B> for NetworkDenoiser<B> {
    fn prediction_type(&self) -> PredictionType {
        self.prediction_type
    }

    fn output(&self, x_t: Tensor<B, 4>, level: NoiseLevel) -> ModelOutput<B> {
        let (Some(null), Some(guidance)) = (self.unet.config().null_class(), &self.guidance) else {
            return self.forward(x_t, level, None);
        };
        let class_labels = &guidance.class_labels;
        let any = class_labels.iter().all(|label| *label == null);
        if guidance.scale == 1.0 || any {
            return self.forward(x_t, level, Some(class_labels));
        }
        self.guided(x_t, level, null, guidance)
    }

    fn set_class_labels(&mut self, class_labels: &[usize]) {
        self.guidance = Some(Guidance {
            class_labels: class_labels.into(),
            scale: 1.0,
        });
    }
}
