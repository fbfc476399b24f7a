//! The network as a denoiser.

use std::rc::Rc;

use burn::tensor::{Tensor, backend::Backend};

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
}

impl<B: Ops> Denoiser<B> for NetworkDenoiser<B> {
    fn prediction_type(&self) -> PredictionType {
        self.prediction_type
    }

    fn output(&self, x_t: Tensor<B, 4>, level: NoiseLevel) -> ModelOutput<B> {
        let [batch, channels, _, _] = x_t.dims();
        let timesteps = vec![level.t; batch];
        let output = self.unet.forward(&self.weights, x_t, &timesteps);
        ModelOutput::split(output, channels)
    }
}
