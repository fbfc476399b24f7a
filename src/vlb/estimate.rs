//! An estimate of the variational bound from some of its timesteps, one at a time.

use super::{Evaluation, Stratum, TimestepTerms, strata};
use crate::{
    diffusion::Objective,
    error::{Error, Result},
    ops::Kernels,
    random::Random,
};

/// One timestep's part of an estimate of the variational bound of an image, and the sums so far:
/// estimates of the whole once `left` is 0. Names are those of improved-diffusion's
/// `calc_bpd_loop`; bits are per dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundPart {
    /// The timestep and its terms.
    pub terms: TimestepTerms,
    /// Timesteps that this one stands for.
    pub width: usize,
    /// What the objective makes of `x0_mse`: the model's loss at this timestep, but that its
    /// estimate of x_0 is clipped.
    pub loss: f64,
    /// Parts still to come.
    pub left: usize,
    /// What q(x_T | x_0) differs from a standard normal distribution.
    pub prior_bpd: f64,
    /// Σ vb over t > 0.
    pub kl_bpd: f64,
    /// vb at t = 0: what the decoder's discretised normal distribution costs.
    pub decoder_bpd: f64,
}

impl BoundPart {
    /// The estimate of the bound so far.
    pub fn total_bpd(&self) -> f64 {
        self.prior_bpd + self.kl_bpd + self.decoder_bpd
    }
}

/// The variational bound as a stepper that visits some timesteps, noisiest first.
pub struct BoundEstimate<B: Kernels> {
    evaluation: Evaluation<B>,
    objective: Objective,
    strata: Vec<Stratum>,
    prior_bpd: Option<f64>,
    kl_bpd: f64,
}

impl<B: Kernels> BoundEstimate<B> {
    /// An estimate of what `evaluation` measures, from t = 0 and `timesteps` - 1 of the others,
    /// drawn by `seed`, closer together where there is little noise, which costs the most bits.
    ///
    /// # Errors
    /// [`Error::Config`] for fewer than two timesteps.
    pub fn new(
        evaluation: Evaluation<B>,
        objective: Objective,
        timesteps: usize,
        seed: u64,
    ) -> Result<Self> {
        if timesteps < 2 {
            return Err(Error::Config(
                "the bound needs at least two timesteps, t = 0 and one other.".into(),
            ));
        }
        let others = 1..objective.schedule.num_train_timesteps();
        let mut all = vec![Stratum { t: 0, width: 1 }];
        all.extend(strata(others, timesteps - 1, 2, &Random::new(seed)));
        Ok(Self {
            evaluation,
            objective,
            strata: all,
            prior_bpd: None,
            kl_bpd: 0.0,
        })
    }

    /// Parts still to come.
    pub fn left(&self) -> usize {
        self.strata.len()
    }

    /// The next part; `None` after t = 0.
    ///
    /// # Errors
    /// As for [`Evaluation::next`].
    pub async fn next(&mut self) -> Result<Option<BoundPart>> {
        let Some(&Stratum { t, width }) = self.strata.last() else {
            return Ok(None);
        };
        let prior_bpd = match self.prior_bpd {
            Some(known) => known,
            None => self.evaluation.prior_bpd().await?,
        };
        self.prior_bpd = Some(prior_bpd);
        let terms = self.evaluation.terms(t).await?;
        self.strata.pop();
        let decoder_bpd = if t == 0 { terms.vb } else { 0.0 };
        if t > 0 {
            self.kl_bpd += width as f64 * terms.vb;
        }
        Ok(Some(BoundPart {
            terms,
            width,
            loss: terms.x0_mse * self.objective.loss_per_x0_mse(t),
            left: self.strata.len(),
            prior_bpd,
            kl_bpd: self.kl_bpd,
            decoder_bpd,
        }))
    }
}
