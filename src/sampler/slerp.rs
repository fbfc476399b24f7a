//! Spherical interpolation (slerp) between the noise of two seeds (Song et al. 2021, section 5.3).

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::Noise;
use crate::{
    error::Result,
    random::{Random, Stream},
};

/// All noise, x_T and every z, between that of the first image of one seed and of another: what a
/// sampler makes of it changes as gradually. Without z it is the interpolation of Song et al. 2021,
/// section 5.3; with each z on its own arc, still standard normal, stochastic samplers do as well.
pub struct SlerpNoise<B: Backend> {
    /// The seeds at both ends.
    pub seeds: (u64, u64),
    /// How many images there are from end to end, 2 or more.
    pub total: usize,
    /// Which of them is the first of the batch.
    pub first: usize,
    /// `[batch, channels, height, width]`
    pub shape: [usize; 4],
    /// Where the tensors are made.
    pub device: B::Device,
}

impl<B: Backend> SlerpNoise<B> {
    fn normals(&self, stream: Stream, step: u32) -> Tensor<B, 4> {
        let [batch, channels, height, width] = self.shape;
        let length = channels * height * width;
        let of = |seed| Random::new(seed).normals(stream, step, 0, length);
        let (a, b) = (of(self.seeds.0), of(self.seeds.1));
        let last = self.total.max(2) - 1;
        let values = (self.first..self.first + batch)
            .flat_map(|index| slerp(&a, &b, index as f64 / last as f64))
            .collect();
        let data = TensorData::new(values, self.shape);
        Tensor::from_data(data, &self.device)
    }
}

impl<B: Backend> Noise<B> for SlerpNoise<B> {
    fn x_t(&self) -> Result<Tensor<B, 4>> {
        Ok(self.normals(Stream::InitialNoise, 0))
    }

    fn z(&self, index: usize) -> Result<Tensor<B, 4>> {
        Ok(self.normals(Stream::SamplerNoise, index as u32))
    }
}

/// Spherical linear interpolation: from `a` at `fraction` 0 to `b` at 1 along the arc between them,
/// which keeps their length where a straight line would not (Shoemake 1985; Song et al. 2021,
/// equation 67). The ends are exact.
pub fn slerp(a: &[f32], b: &[f32], fraction: f64) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64);
        products.sum()
    };
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let (a_coef, b_coef) = if angle.sin() > 1e-6 {
        (
            ((1.0 - fraction) * angle).sin() / angle.sin(),
            (fraction * angle).sin() / angle.sin(),
        )
    } else {
        // So near to one another, the arc is a line.
        (1.0 - fraction, fraction)
    };
    let mix = |(a, b): (&f32, &f32)| a_coef as f32 * a + b_coef as f32 * b;
    a.iter().zip(b).map(mix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(seed: u64) -> Vec<f32> {
        Random::new(seed).normals(Stream::InitialNoise, 0, 0, 3000)
    }

    fn norm(x: &[f32]) -> f64 {
        x.iter().map(|x| (*x as f64).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn ends_are_exact() {
        let (a, b) = (normals(1), normals(2));
        assert_eq!(slerp(&a, &b, 0.0), a);
        assert_eq!(slerp(&a, &b, 1.0), b);
        assert_eq!(slerp(&a, &a, 0.5), a);
    }

    #[test]
    fn the_norm_is_kept_on_the_way() {
        let (a, b) = (normals(3), normals(4));
        let scaled: Vec<f32> = b.iter().map(|x| x * (norm(&a) / norm(&b)) as f32).collect();
        for step in 0..=10 {
            let between = slerp(&a, &scaled, step as f64 / 10.0);
            assert!((norm(&between) / norm(&a) - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn steps_are_equal_angles() {
        let (a, b) = (normals(5), normals(6));
        let angle = |a: &[f32], b: &[f32]| {
            let dot: f64 = a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum();
            (dot / (norm(a) * norm(b))).acos()
        };
        let unit = |x: &[f32]| -> Vec<f32> {
            let length = norm(x) as f32;
            x.iter().map(|x| x / length).collect()
        };
        let (a, b) = (unit(&a), unit(&b));
        let whole = angle(&a, &b);
        for step in 1..4 {
            let fraction = step as f64 / 4.0;
            let taken = angle(&a, &slerp(&a, &b, fraction));
            assert!((taken - fraction * whole).abs() < 1e-4);
        }
    }
}
