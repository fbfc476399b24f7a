//! A U-Net with its weights as a denoiser.

use std::sync::Arc;

use burn::tensor::{Tensor, backend::Backend};

use super::{Denoiser, Guidance, Guided};
use crate::{
    diffusion::{ModelOutput, NoiseLevel, PredictionType},
    model::{UNet, Weights},
    ops::Kernels,
};

/// A network with its weights.
#[derive(Clone)]
pub struct NetworkDenoiser<B: Backend> {
    /// The network.
    pub unet: Arc<UNet>,
    /// Its weights.
    pub weights: Weights<B>,
    /// What the network was trained to predict.
    pub prediction_type: PredictionType,
}

impl<B: Kernels> NetworkDenoiser<B> {
    /// Wraps the network in `guidance`; without it, images are of any class.
    pub fn guided(self, guidance: Option<Guidance>) -> Box<dyn Denoiser<B>> {
        match guidance {
            Some(guidance) => Box::new(Guided {
                denoiser: self,
                guidance,
            }),
            None => Box::new(self),
        }
    }
}

impl<B: Kernels> Denoiser<B> for NetworkDenoiser<B> {
    fn prediction_type(&self) -> PredictionType {
        self.prediction_type
    }

    fn output(
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
}
