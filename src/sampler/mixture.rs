//! Noise mixed from that of several images: any point of the sphere of noise that they span.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use super::Noise;
use crate::{
    error::{Error, Result},
    random::{Random, Stream},
};

/// More than a page ever mixes, and quickly made.
const MAX_TERMS: usize = 64;

/// The noise of one image of a seed, as [`SeededNoise`](super::SeededNoise) has it, and how much of
/// it there is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoiseTerm {
    /// The seed.
    pub seed: u64,
    /// Which image of the seed.
    #[serde(default)]
    pub index: usize,
    /// Any number; only its share of all weights matters.
    pub weight: f64,
}

/// For each image Σ wᵢ εᵢ / √(Σ wᵢ²), of x_T and of every z. Independent εᵢ of N(0, I) make that
/// N(0, I) too, whatever the weights: a model knows what to do with it. With weights cos θ and sin θ
/// it is the great circle through two noises, the spherical interpolation of Song et al. 2021 (section
/// 5.3) where they are at right angles, as independent noises of an image nearly are.
pub struct MixedNoise<B: Backend> {
    /// One for each image of the batch, the terms of each with different noise and weights whose
    /// squares add up to 1.
    mixtures: Vec<Vec<NoiseTerm>>,
    /// `[batch, channels, height, width]`
    shape: [usize; 4],
    device: B::Device,
}

impl<B: Backend> MixedNoise<B> {
    /// `mixtures` has one for each image of a batch of `shape`.
    ///
    /// # Errors
    /// [`Error::Config`] for another number of mixtures than images, for one of no noise or of too
    /// many terms, and for weights that are no numbers.
    pub fn new(mixtures: &[Vec<NoiseTerm>], shape: [usize; 4], device: B::Device) -> Result<Self> {
        if mixtures.len() != shape[0] {
            return Err(Error::Config(format!(
                "{} images need as many mixtures of noise; {} were given.",
                shape[0],
                mixtures.len()
            )));
        }
        Ok(Self {
            mixtures: mixtures
                .iter()
                .map(|terms| normalised(terms))
                .collect::<Result<_>>()?,
            shape,
            device,
        })
    }

    fn normals(&self, stream: Stream, step: u32) -> Tensor<B, 4> {
        let [_, channels, height, width] = self.shape;
        let length = channels * height * width;
        let mixed = self.mixtures.iter().flat_map(|terms| {
            let mut sum = vec![0.0; length];
            for NoiseTerm {
                seed,
                index,
                weight,
            } in terms
            {
                let first = (*index as u64).wrapping_mul(length as u64);
                let eps = Random::new(*seed).normals(stream, step, first, length);
                for (sum, eps) in sum.iter_mut().zip(eps) {
                    *sum += *weight as f32 * eps;
                }
            }
            sum
        });
        let data = TensorData::new(mixed.collect::<Vec<f32>>(), self.shape);
        Tensor::from_data(data, &self.device)
    }
}

impl<B: Backend> Noise<B> for MixedNoise<B> {
    fn x_t(&self) -> Result<Tensor<B, 4>> {
        Ok(self.normals(Stream::InitialNoise, 0))
    }

    fn z(&self, index: usize) -> Result<Tensor<B, 4>> {
        Ok(self.normals(Stream::SamplerNoise, index as u32))
    }
}

/// Terms of the same noise added up, and all scaled so that the squares of the weights add up to 1.
fn normalised(terms: &[NoiseTerm]) -> Result<Vec<NoiseTerm>> {
    if terms.len() > MAX_TERMS {
        return Err(Error::Config(format!(
            "a mixture of {} noises was asked for, but {MAX_TERMS} are possible.",
            terms.len()
        )));
    }
    let mut merged: Vec<NoiseTerm> = Vec::with_capacity(terms.len());
    for term in terms {
        let same = |other: &&mut NoiseTerm| (other.seed, other.index) == (term.seed, term.index);
        match merged.iter_mut().find(same) {
            Some(other) => other.weight += term.weight,
            None => merged.push(*term),
        }
    }
    let length = merged
        .iter()
        .map(|term| term.weight.powi(2))
        .sum::<f64>()
        .sqrt();
    if !length.is_normal() {
        return Err(Error::Config(
            "a mixture of noise needs weights that are numbers, and not all 0.".into(),
        ));
    }
    for term in &mut merged {
        term.weight /= length;
    }
    Ok(merged)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::{backend::Flex, sampler::SeededNoise};

    const IMAGE: [usize; 3] = [3, 16, 16];

    fn term(seed: u64, index: usize, weight: f64) -> NoiseTerm {
        NoiseTerm {
            seed,
            index,
            weight,
        }
    }

    fn values(noise: &impl Noise<Flex>) -> [Vec<f32>; 2] {
        [noise.x_t(), noise.z(3)].map(|noise| noise.unwrap().into_data().to_vec().unwrap())
    }

    fn mixed(mixtures: &[Vec<NoiseTerm>]) -> [Vec<f32>; 2] {
        let shape = [mixtures.len(), IMAGE[0], IMAGE[1], IMAGE[2]];
        values(&MixedNoise::<Flex>::new(mixtures, shape, Default::default()).unwrap())
    }

    #[test]
    fn one_term_is_the_noise_of_that_image() {
        let seeded = SeededNoise::<Flex> {
            seed: 7,
            first: 2,
            shape: [2, IMAGE[0], IMAGE[1], IMAGE[2]],
            device: Default::default(),
        };
        let mixtures = [
            vec![term(7, 2, 5.0)],
            vec![term(7, 3, 0.25), term(7, 3, 0.25)],
        ];
        assert_eq!(mixed(&mixtures), values(&seeded));
    }

    #[test]
    fn mixtures_are_standard_normal_and_vary_with_their_weights() {
        let near = mixed(&[vec![term(1, 0, 1.0), term(2, 4, 0.2), term(3, 0, -0.1)]]);
        let start = mixed(&[vec![term(1, 0, 1.0)]]);
        for (near, start) in near.iter().zip(&start) {
            let count = near.len() as f64;
            let mean = |values: Vec<f64>| values.iter().sum::<f64>() / count;
            let square = mean(near.iter().map(|x| (*x as f64).powi(2)).collect());
            assert!(
                (square - 1.0).abs() < 5.0 * (2.0 / count).sqrt(),
                "{square}"
            );
            let cosine = mean(
                near.iter()
                    .zip(start)
                    .map(|(a, b)| *a as f64 * *b as f64)
                    .collect(),
            );
            let expected = 1.0 / (1.0_f64 + 0.04 + 0.01).sqrt();
            assert!(
                (cosine - expected).abs() < 5.0 * (2.0 / count).sqrt(),
                "{cosine}"
            );
        }
    }

    #[test]
    fn mixtures_that_make_no_noise_are_refused() {
        let shape = [1, IMAGE[0], IMAGE[1], IMAGE[2]];
        let refused = |mixtures: &[Vec<NoiseTerm>]| {
            MixedNoise::<Flex>::new(mixtures, shape, Default::default()).is_err()
        };
        assert!(refused(&[]));
        assert!(refused(&[vec![]]));
        assert!(refused(&[vec![term(1, 0, 1.0), term(1, 0, -1.0)]]));
        assert!(refused(&[vec![term(1, 0, f64::NAN)]]));
        assert!(refused(&[vec![term(1, 0, f64::INFINITY)]]));
        assert!(refused(&[vec![term(1, 0, 1.0); MAX_TERMS + 1]]));
        assert!(refused(&[vec![term(1, 0, 1.0)], vec![term(2, 0, 1.0)]]));
    }
}
