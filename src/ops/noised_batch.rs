//! What a training step gets from the host, and what becomes of it on the device: a batch of noised
//! images.

use burn::tensor::{TensorData, backend::Backend, ops::FloatTensor};

use crate::random::Normals;

/// x_coef · x + eps_coef · ε, number by number. x_t is of this form, and so is whatever a network
/// may be asked to predict.
pub fn mix<'a>(
    x: &'a [f32],
    eps: &'a [f32],
    [x_coef, eps_coef]: [f32; 2],
) -> impl Iterator<Item = f32> + 'a {
    x.iter()
        .zip(eps)
        .map(move |(x, eps)| x_coef * x + eps_coef * eps)
}

/// Everything that one training step needs of the host, for a batch of n images.
#[derive(Debug, Clone, PartialEq)]
pub struct StepInputs {
    /// The images, `[n, c, h, w]`, row-major.
    pub x_0: Vec<f32>,
    /// `[n, c, h, w]`
    pub shape: [usize; 4],
    /// Standard normal ε, one number for each of `x_0`.
    pub eps: Normals,
    /// The factors of x_0 and ε in x_t, one pair per image.
    pub x_t_coefs: Vec<[f32; 2]>,
    /// The factors of x_0 and ε in the target, one pair per image.
    pub target_coefs: Vec<[f32; 2]>,
    /// Factors of the images' squared errors, `[n]`; `None` where all are 1.
    pub loss_weights: Option<TensorData>,
    /// The embedding of each image's timestep, of any shape.
    pub time: TensorData,
    /// Each image's class, one-hot, of any shape; `None` for a network without classes.
    pub class: Option<TensorData>,
    /// [`super::OptimizerStep::numbers`]
    pub optimizer: TensorData,
}

impl StepInputs {
    /// x_t and the target, `[n, c, h, w]`, computed on the host.
    pub fn noised_on_host(&self) -> [Vec<f32>; 2] {
        let length = self.shape[1..].iter().product::<usize>().max(1);
        let eps = self.eps.take(self.x_0.len());
        let noised = |coefs: &[[f32; 2]]| {
            let images = self.x_0.chunks_exact(length).zip(eps.chunks_exact(length));
            let mut values = Vec::with_capacity(self.x_0.len());
            for ((x_0, eps), coefs) in images.zip(coefs) {
                values.extend(mix(x_0, eps, *coefs));
            }
            values
        };
        [noised(&self.x_t_coefs), noised(&self.target_coefs)]
    }
}

/// A batch on the device, ready for the network: what [`super::Kernels::noise_batch`] makes of
/// [`StepInputs`].
#[derive(Debug, Clone)]
pub struct NoisedBatch<B: Backend> {
    /// The clean images, `[n, c, h, w]`.
    pub x_0: FloatTensor<B>,
    /// The noisy images, `[n, c, h, w]`.
    pub x_t: FloatTensor<B>,
    /// What the network is to predict, `[n, c, h, w]`.
    pub target: FloatTensor<B>,
    /// See [`StepInputs::loss_weights`].
    pub loss_weights: Option<FloatTensor<B>>,
    /// See [`StepInputs::time`].
    pub time: FloatTensor<B>,
    /// See [`StepInputs::class`].
    pub class: Option<FloatTensor<B>>,
    /// See [`StepInputs::optimizer`].
    pub optimizer: FloatTensor<B>,
}
