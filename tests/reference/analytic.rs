//! The stand-in for a network of `scripts/golden/make_golden.py`.

use burn::tensor::Tensor;
use unnoise::{
    backend::Flex,
    diffusion::{Denoiser, ModelOutput, NoiseLevel, PredictionType},
};

/// 0.3 · sin(2 x) + 0.5 · cos(t / 300) · x, read as `prediction_type`, and the variance sin(3 x).
pub struct Analytic(pub PredictionType);

impl Denoiser<Flex> for Analytic {
    fn prediction_type(&self) -> PredictionType {
        self.0
    }

    fn output(&self, x: Tensor<Flex, 4>, level: NoiseLevel) -> ModelOutput<Flex> {
        let values = (x.clone() * 2.0).sin() * 0.3 + x.clone() * (0.5 * (level.t / 300.0).cos());
        ModelOutput {
            values,
            variance: Some((x * 3.0).sin()),
        }
    }
}
