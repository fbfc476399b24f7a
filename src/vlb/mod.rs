//! The variational bound on the negative log-likelihood of images, in bits per dimension (Ho et al.
//! 2020, equation 5), as improved-diffusion's `calc_bpd_loop` measures it.
//!
//! A timestep's terms are in `bound.rs`, all of a data set's in `evaluation.rs`, and an estimate
//! from some timesteps in `estimate.rs`.

mod bound;
mod estimate;
mod evaluation;
mod strata;

pub use bound::{Bound, Terms};
pub use estimate::{BoundEstimate, BoundPart};
pub use evaluation::{Elbo, Evaluation, EvaluationNoise, TimestepTerms};
pub use strata::{Stratum, strata};
