//! The ideal denoiser: the posterior mean E[x_0 | x_t] of finitely many images.

use burn::tensor::{Tensor, TensorData, activation::softmax, backend::Backend};

use super::Denoiser;
use crate::{
    diffusion::{ModelOutput, NoiseLevel, PredictionType, forward::q_sample_at},
    random::{Random, Stream},
};

/// E[x_0 | x_t] when x_0 is one of finitely many images, each as likely: their mean, weighted by
/// how likely each is to have become x_t (Karras et al. 2022, equation 57).
///
/// Sampling with it gives back the images themselves: whatever is new in a model's samples comes
/// from the network falling short of it.
#[derive(Clone)]
pub struct IdealDenoiser<B: Backend> {
    /// The images less their mean, `[n, channels · height · width]`: small numbers lose less.
    centred: Tensor<B, 2>,
    /// `[1, channels · height · width]`
    mean: Tensor<B, 2>,
    /// ‖centred‖², `[1, n]`
    norms: Tensor<B, 2>,
}

impl<B: Backend> IdealDenoiser<B> {
    /// Of `images` `[n, channels, height, width]`, at least one.
    pub fn new(images: Tensor<B, 4>) -> Self {
        let [count, channels, height, width] = images.dims();
        let images = images.reshape([count, channels * height * width]);
        let mean = images.clone().mean_dim(0);
        let centred = images - mean.clone();
        let norms = (centred.clone() * centred.clone()).sum_dim(1).transpose();
        Self {
            centred,
            mean,
            norms,
        }
    }

    /// The probability of each image given x_t: `[batch, n]`, a softmax of
    /// -‖x_t - signal · image‖² / (2 noise²) without the part that all images share
    /// (Karras et al. 2022, equation 57, at x_t / signal with σ = noise / signal).
    fn weights(&self, x_t: Tensor<B, 2>, level: NoiseLevel) -> Tensor<B, 2> {
        let x_t = x_t - self.mean.clone() * level.signal;
        let products = x_t.matmul(self.centred.clone().transpose());
        let ratio = level.signal / level.noise;
        let logits = products * (ratio / level.noise) - self.norms.clone() * (0.5 * ratio * ratio);
        softmax(logits, 1)
    }
}

impl<B: Backend> Denoiser<B> for IdealDenoiser<B> {
    fn prediction_type(&self) -> PredictionType {
        PredictionType::Sample
    }

    fn output(
        &self,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        _class_labels: Option<&[usize]>,
    ) -> ModelOutput<B> {
        let [batch, channels, height, width] = x_t.dims();
        let weights = self.weights(x_t.reshape([batch, channels * height * width]), level);
        let x_0 = weights.matmul(self.centred.clone()) + self.mean.clone();
        ModelOutput {
            values: x_0.reshape([batch, channels, height, width]),
            var_values: None,
        }
    }
}

impl<B: Backend> IdealDenoiser<B> {
    /// An estimate of its mean squared error at `level`, `[1]`: E[Var(x_0 | x_t)] per pixel, the
    /// least that any estimate of x_0 can have (Bishop 2006, "Pattern recognition and machine
    /// learning", section 1.5.5).
    ///
    /// The variance given x_t is exact; x_t is drawn `samples` times, from `random` at `step`,
    /// since no closed form exists.
    pub fn x0_mse(
        &self,
        level: NoiseLevel,
        samples: usize,
        random: &Random,
        step: u32,
    ) -> Tensor<B, 1> {
        let device = self.centred.device();
        let [count, length] = self.centred.dims();
        let one_hot: Vec<f32> = (0..samples as u64)
            .flat_map(|sample| {
                let chosen = random.below(count, Stream::OptimalLossImages, step, sample);
                (0..count).map(move |image| if image == chosen { 1.0 } else { 0.0 })
            })
            .collect();
        let chosen = Tensor::<B, 2>::from_data(TensorData::new(one_hot, [samples, count]), &device);
        let eps = random.normals(Stream::OptimalLossNoise, step, 0, samples * length);
        let eps = Tensor::<B, 2>::from_data(TensorData::new(eps, [samples, length]), &device);
        let x_0 = chosen.matmul(self.centred.clone()) + self.mean.clone();
        let weights = self.weights(q_sample_at(x_0, eps, level), level);
        let estimate = weights.clone().matmul(self.centred.clone());
        // E‖x_0‖² - ‖E x_0‖², both given x_t and about the mean of the images.
        let second = (weights * self.norms.clone()).sum_dim(1);
        let variance = second - (estimate.clone() * estimate).sum_dim(1);
        variance.clamp_min(0.0).mean_dim(0).reshape([1]) / length as f64
    }
}
