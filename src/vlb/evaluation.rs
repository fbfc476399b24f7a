//! The variational bound over a whole data set, a timestep at a time.

use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use super::{Bound, Terms};
use crate::{
    denoiser::Denoiser,
    error::{Error, Result},
    ops::Kernels,
    random::{Random, Stream},
    train::{Dataset, read},
};

/// Images that go through the network together.
const CHUNK: usize = 16;

/// ε for every image and timestep.
pub enum EvaluationNoise {
    /// From the counter-based generator.
    Seeded(u64),
    /// Given, `[num_train_timesteps, images, channels, height, width]`.
    Given(Vec<f32>),
}

/// What one timestep contributes, means over the images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimestepTerms {
    /// The timestep.
    pub t: usize,
    /// Bits per dimension.
    pub vb: f64,
    /// Mean squared error of the estimate of x_0.
    pub x0_mse: f64,
    /// Mean squared error of the estimate of ε.
    pub eps_mse: f64,
}

/// The bound, with the names of improved-diffusion's `calc_bpd_loop`; means over the images. The
/// lists have one number for each timestep, that of t = 0 first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elbo {
    /// `prior_bpd` and all of `vb`, bits per dimension.
    pub total_bpd: f64,
    /// What q(x_T | x_0) differs from a standard normal distribution, bits per dimension.
    pub prior_bpd: f64,
    /// Bits per dimension of each step of the reverse process.
    pub vb: Vec<f64>,
    /// Mean squared error of the estimate of x_0.
    pub x0_mse: Vec<f64>,
    /// Mean squared error of the estimate of ε.
    pub eps_mse: Vec<f64>,
}

/// A measurement as a stepper, noisiest timestep first.
pub struct Evaluation<B: Kernels> {
    bound: Bound,
    denoiser: Box<dyn Denoiser<B>>,
    noise: EvaluationNoise,
    images: Dataset,
    device: B::Device,
    /// Timesteps still to come.
    left: usize,
}

impl<B: Kernels> Evaluation<B> {
    /// # Errors
    /// [`Error::NoImages`], and [`Error::Noise`] for given noise of the wrong size.
    pub fn new(
        bound: Bound,
        denoiser: Box<dyn Denoiser<B>>,
        images: Dataset,
        noise: EvaluationNoise,
        device: B::Device,
    ) -> Result<Self> {
        if images.is_empty() {
            return Err(Error::NoImages);
        }
        let left = bound.schedule.num_train_timesteps();
        let needed = left * images.len() * images.image(0).len();
        match &noise {
            EvaluationNoise::Given(eps) if eps.len() != needed => Err(Error::Noise(format!(
                "eps has {} values, but {left} timesteps of these images need {needed}.",
                eps.len()
            ))),
            _ => Ok(Self {
                bound,
                denoiser,
                noise,
                images,
                device,
                left,
            }),
        }
    }

    /// The next timestep's terms; `None` after t = 0.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost, and what [`Bound::terms`] refuses.
    pub async fn next(&mut self) -> Result<Option<TimestepTerms>> {
        let Some(t) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        let terms = self.terms(t).await?;
        self.left = t;
        Ok(Some(terms))
    }

    /// The terms of timestep `t`, below `num_train_timesteps`, out of turn.
    ///
    /// # Errors
    /// As for [`Evaluation::next`].
    pub async fn terms(&self, t: usize) -> Result<TimestepTerms> {
        let mut sums = [0.0; 3];
        for first in (0..self.images.len()).step_by(CHUNK) {
            let x_0 = self.chunk(first);
            let count = x_0.dims()[0];
            let class_labels: Option<Vec<usize>> = self.images.labels().map(|labels| {
                let labels = labels[first..][..count].iter();
                labels.map(|label| *label as usize).collect()
            });
            let eps = Tensor::from_data(
                TensorData::new(self.eps(t, first, count), x_0.dims()),
                &self.device,
            );
            let Terms {
                vb,
                x0_mse,
                eps_mse,
            } = (self.bound).terms(self.denoiser.as_ref(), class_labels.as_deref(), x_0, eps, t)?;
            let values = read(Tensor::cat(vec![vb, x0_mse, eps_mse], 0)).await?;
            for (sum, values) in sums.iter_mut().zip(values.chunks_exact(count)) {
                *sum += values.iter().map(|value| *value as f64).sum::<f64>();
            }
        }
        let [vb, x0_mse, eps_mse] = sums.map(|sum| sum / self.images.len() as f64);
        Ok(TimestepTerms {
            t,
            vb,
            x0_mse,
            eps_mse,
        })
    }

    /// All timesteps that are left, and the prior's term; `progress` is called after each timestep.
    ///
    /// # Errors
    /// As for [`Evaluation::next`].
    pub async fn finish(mut self, mut progress: impl FnMut(&TimestepTerms)) -> Result<Elbo> {
        let mut terms = Vec::with_capacity(self.left);
        while let Some(next) = self.next().await? {
            progress(&next);
            terms.push(next);
        }
        terms.reverse();
        let prior_bpd = self.prior_bpd().await?;
        let list = |field: fn(&TimestepTerms) -> f64| terms.iter().map(field).collect::<Vec<_>>();
        Ok(Elbo {
            total_bpd: prior_bpd + terms.iter().map(|terms| terms.vb).sum::<f64>(),
            prior_bpd,
            vb: list(|terms| terms.vb),
            x0_mse: list(|terms| terms.x0_mse),
            eps_mse: list(|terms| terms.eps_mse),
        })
    }

    /// Bits per dimension of what is left of the images at the last timestep.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn prior_bpd(&self) -> Result<f64> {
        let mut sum = 0.0;
        for first in (0..self.images.len()).step_by(CHUNK) {
            let values = read(self.bound.prior_bpd(self.chunk(first))).await?;
            sum += values.iter().map(|value| *value as f64).sum::<f64>();
        }
        Ok(sum / self.images.len() as f64)
    }

    /// Up to [`CHUNK`] images from `first` on.
    fn chunk(&self, first: usize) -> Tensor<B, 4> {
        let last = (first + CHUNK).min(self.images.len());
        let (size, channels) = (self.images.size(), self.images.channels());
        let pixels: Vec<f32> = (first..last)
            .flat_map(|index| self.images.image(index).iter().copied())
            .collect();
        let shape = [last - first, channels, size, size];
        Tensor::from_data(TensorData::new(pixels, shape), &self.device)
    }

    fn eps(&self, t: usize, first: usize, count: usize) -> Vec<f32> {
        let length = self.images.image(0).len();
        match &self.noise {
            EvaluationNoise::Seeded(seed) => Random::new(*seed).normals(
                Stream::EvaluationNoise,
                t as u32,
                (first * length) as u64,
                count * length,
            ),
            EvaluationNoise::Given(eps) => {
                let start = (t * self.images.len() + first) * length;
                eps[start..][..count * length].to_vec()
            }
        }
    }
}
