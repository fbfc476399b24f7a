//! What a step of training is given: images mixed with noise.

use burn::tensor::{backend::Backend, ops::FloatTensor};

use crate::random::Normals;

/// Images, each mixed with standard normal noise ε in two ways.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseMixture {
    /// The images x, `[n, c, h, w]`, row-major.
    pub x: Vec<f32>,
    pub shape: [usize; 4],
    /// ε, a number for each of those of `x`.
    pub eps: Normals,
    /// (a, b, c, d) of each image: a · x + b · ε and c · x + d · ε.
    pub coefficients: Vec<[f32; 4]>,
}

impl NoiseMixture {
    /// Both mixtures, `[n, c, h, w]`, computed here.
    pub fn on_host(&self) -> [Vec<f32>; 2] {
        let length = self.shape[1..].iter().product::<usize>().max(1);
        let eps = self.eps.take(self.x.len());
        let images = self.x.chunks_exact(length).zip(eps.chunks_exact(length));
        let mut mixtures = [(); 2].map(|()| Vec::with_capacity(self.x.len()));
        for ((x, eps), [a, b, c, d]) in images.zip(&self.coefficients) {
            let mixed = |of_x: f32, of_eps: f32| {
                let pairs = x.iter().zip(eps);
                pairs.map(move |(x, eps)| of_x * x + of_eps * eps)
            };
            mixtures[0].extend(mixed(*a, *b));
            mixtures[1].extend(mixed(*c, *d));
        }
        mixtures
    }
}

/// What [`super::Kernels::upload_step`] has brought to the device.
#[derive(Debug, Clone)]
pub struct UploadedStep<B: Backend, const N: usize, const M: usize> {
    /// The images of the mixture, `[n, c, h, w]` like the next two.
    pub x: FloatTensor<B>,
    /// a · x + b · ε
    pub first: FloatTensor<B>,
    /// c · x + d · ε
    pub second: FloatTensor<B>,
    pub others: [FloatTensor<B>; N],
    pub optional: [Option<FloatTensor<B>>; M],
}
