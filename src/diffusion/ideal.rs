//! The denoiser that no network can beat on its training images.

use burn::tensor::{Tensor, TensorData, activation::softmax, backend::Backend};

use super::{Denoiser, ModelOutput, NoiseLevel, Objective, PredictionType};
use crate::random::{Random, Stream};

/// E[x_0 | x_t] when x_0 is one of finitely many images, each as likely: their mean, weighted by
/// how likely each is to have become x_t (Karras et al. 2022, equation 57).
///
/// Sampling with it gives back the images themselves: whatever is new in a model's samples comes
/// from the network falling short of it.
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

    fn output(&self, x_t: Tensor<B, 4>, level: NoiseLevel) -> ModelOutput<B> {
        let [batch, channels, height, width] = x_t.dims();
        let weights = self.weights(x_t.reshape([batch, channels * height * width]), level);
        let x_0 = weights.matmul(self.centred.clone()) + self.mean.clone();
        ModelOutput {
            values: x_0.reshape([batch, channels, height, width]),
            variance: None,
        }
    }
}

impl<B: Backend> IdealDenoiser<B> {
    /// An estimate of the least expected loss at `t` that any network can have on these images:
    /// E[Var(x_0 | x_t)] per pixel (Bishop 2006, "Pattern recognition and machine learning",
    /// section 1.5.5) in what the network predicts, weighted as `objective` does.
    ///
    /// The variance given x_t is exact; x_t is drawn `samples` times, from `seed`, since no closed
    /// form exists. With a learned variance this is the floor of its simple part.
    pub fn loss_floor(
        &self,
        objective: &Objective,
        t: usize,
        samples: usize,
        seed: u64,
    ) -> Tensor<B, 1> {
        let level = objective.schedule.level(Some(t));
        let device = self.centred.device();
        let [count, length] = self.centred.dims();
        let random = Random::new(seed);
        let step = t as u32;
        let one_hot: Vec<f32> = (0..samples as u64)
            .flat_map(|sample| {
                let chosen = random.below(count, Stream::FloorImages, step, sample);
                (0..count).map(move |image| if image == chosen { 1.0 } else { 0.0 })
            })
            .collect();
        let chosen = Tensor::<B, 2>::from_data(TensorData::new(one_hot, [samples, count]), &device);
        let eps = random.normals(Stream::FloorNoise, step, 0, samples * length);
        let eps = Tensor::<B, 2>::from_data(TensorData::new(eps, [samples, length]), &device);
        let x_0 = chosen.matmul(self.centred.clone()) + self.mean.clone();
        let weights = self.weights(x_0 * level.signal + eps * level.noise, level);
        let estimate = weights.clone().matmul(self.centred.clone());
        // E‖x_0‖² - ‖E x_0‖², both given x_t and about the mean of the images.
        let second = (weights * self.norms.clone()).sum_dim(1);
        let variance = second - (estimate.clone() * estimate).sum_dim(1);
        let x0_mse = variance.clamp_min(0.0).mean_dim(0).reshape([1]) / length as f64;
        x0_mse * objective.loss_per_x0_mse(t)
    }
}
