//! The optimal loss: the least that any network can have on given images.

use burn::tensor::{Tensor, backend::Backend};

use crate::{
    denoiser::IdealDenoiser,
    diffusion::Objective,
    error::{Error, Result},
    ops::Kernels,
    random::Random,
    train::read,
    vlb::{Stratum, strata},
};

/// x_t drawn at each timestep.
const SAMPLES: usize = 64;

/// An estimate of the least expected loss at `t` that any network can have on the images of
/// `ideal`: what its error costs by `objective`, from `samples` x_t. With a learned variance this
/// is the optimum of the simple part.
pub fn optimal_loss<B: Backend>(
    ideal: &IdealDenoiser<B>,
    objective: &Objective,
    t: usize,
    samples: usize,
    seed: u64,
) -> Tensor<B, 1> {
    let level = objective.schedule.level(Some(t));
    let x0_mse = ideal.x0_mse(level, samples, &Random::new(seed), t as u32);
    x0_mse * objective.loss_per_x0_mse(t) + objective.loss_of_target_noise(t)
}

/// The least loss at one timestep, and the mean so far: an estimate of the mean over all timesteps
/// once `left` is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimalLossPart {
    /// The timestep.
    pub t: usize,
    /// Timesteps that this one stands for.
    pub width: usize,
    /// The least expected loss at `t`.
    pub optimal_loss: f64,
    /// Parts still to come.
    pub left: usize,
    /// Mean of `optimal_loss` over the timesteps so far, weighted by `width`.
    pub mean: f64,
}

/// The optimal loss as a stepper that visits some timesteps, the least noisy first.
pub struct OptimalLossEstimate<B: Kernels> {
    /// Ideal denoisers, and which share of training asks for the images that each knows.
    ideals: Vec<(f64, IdealDenoiser<B>)>,
    objective: Objective,
    strata: Vec<Stratum>,
    seed: u64,
    sum: f64,
    seen: usize,
}

impl<B: Kernels> OptimalLossEstimate<B> {
    /// An estimate from `timesteps` timesteps, drawn by `seed`. `ideals` are ideal denoisers, and
    /// which share of training asks for the images that each knows.
    ///
    /// # Errors
    /// [`Error::Config`] for no timesteps.
    pub fn new(
        ideals: Vec<(f64, IdealDenoiser<B>)>,
        objective: Objective,
        timesteps: usize,
        seed: u64,
    ) -> Result<Self> {
        if timesteps == 0 {
            return Err(Error::Config(
                "the optimal loss needs at least one timestep.".into(),
            ));
        }
        let count = objective.schedule.num_train_timesteps();
        Ok(Self {
            ideals,
            strata: strata(0..count, timesteps, 1, &Random::new(seed)),
            objective,
            seed,
            sum: 0.0,
            seen: 0,
        })
    }

    /// Parts still to come.
    pub fn left(&self) -> usize {
        self.strata.len()
    }

    /// The next part, of the least noise left; `None` after the last timestep.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn next(&mut self) -> Result<Option<OptimalLossPart>> {
        let Some(&Stratum { t, width }) = self.strata.first() else {
            return Ok(None);
        };
        let mut optimum = 0.0;
        for (share, ideal) in &self.ideals {
            let loss = optimal_loss(ideal, &self.objective, t, SAMPLES, self.seed);
            optimum += share * f64::from(read(loss).await?.iter().sum::<f32>());
        }
        self.strata.remove(0);
        self.sum += width as f64 * optimum;
        self.seen += width;
        Ok(Some(OptimalLossPart {
            t,
            width,
            optimal_loss: optimum,
            left: self.strata.len(),
            mean: self.sum / self.seen as f64,
        }))
    }
}
