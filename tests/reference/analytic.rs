//! The stand-in for a network of `scripts/golden/make_golden.py`.

use burn::tensor::Tensor;
use unnoise::{
    backend::Flex,
    denoiser::Denoiser,
    diffusion::{ModelOutput, NoiseLevel, PredictionType, Process, SchedulerConfig},
};

/// 0.3 · sin(2 x) + 0.5 · cos(t / 300) · x, read as the prediction type says, and the variance
/// sin(3 x). Where x_0 is not limited that would let x grow without bound; there it is
/// v = 0.3 · sin(2 x) + 0.2 · cos(t / 300) · x, in terms of what is predicted.
pub struct Analytic {
    prediction_type: PredictionType,
    limited: bool,
}

impl Analytic {
    pub fn for_model(config: &SchedulerConfig) -> Self {
        let flow = config.process() == Process::RectifiedFlow;
        Self {
            prediction_type: config.prediction_type,
            limited: flow || config.clip_sample || config.thresholding,
        }
    }
}

impl Denoiser<Flex> for Analytic {
    fn prediction_type(&self) -> PredictionType {
        self.prediction_type
    }

    fn output(
        &self,
        x: Tensor<Flex, 4>,
        level: NoiseLevel,
        _class_labels: Option<&[usize]>,
    ) -> ModelOutput<Flex> {
        let NoiseLevel { signal, noise, t } = level;
        let wave = (x.clone() * 2.0).sin() * 0.3;
        let cos = (t / 300.0).cos();
        let values = if self.limited {
            wave + x.clone() * (0.5 * cos)
        } else {
            let v = wave + x.clone() * (0.2 * cos);
            match self.prediction_type {
                PredictionType::Epsilon => x.clone() * noise + v * signal,
                PredictionType::Sample => x.clone() * signal - v * noise,
                PredictionType::VPrediction | PredictionType::Velocity => v,
            }
        };
        ModelOutput {
            values,
            var_values: Some((x * 3.0).sin()),
        }
    }
}
