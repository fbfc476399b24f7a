//! What a plane is made with, what can be asked of it, and what it answers.

use serde::{Deserialize, Serialize};

use super::{
    distribution::{Distribution, Point},
    ideal::Base,
    mlp::Target,
    process::ProcessKind,
};
use crate::{diffusion::NoiseLevel, sampler::SamplerConfig};

/// What noise a flow starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseKind {
    /// A standard normal distribution.
    #[default]
    Gaussian,
    /// A ring around the data: normal distributions on a circle, too close to be told apart.
    Annulus,
}

impl BaseKind {
    pub(super) fn base(self) -> Base {
        const COUNT: usize = 32;
        const RADIUS: f64 = 1.6;
        match self {
            Self::Gaussian => Base::standard(),
            Self::Annulus => Base {
                means: (0..COUNT)
                    .map(|i| {
                        let angle = std::f64::consts::TAU * i as f64 / COUNT as f64;
                        let (sin, cos) = libm::sincos(angle);
                        [(RADIUS * cos) as f32, (RADIUS * sin) as f32]
                    })
                    .collect(),
                deviation: 0.16,
            },
        }
    }
}

/// What a plane is made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneConfig {
    /// What x_0 is drawn from; in JSON `distribution` and `points`, beside the others.
    #[serde(flatten)]
    pub distribution: Distribution,
    /// The forward process.
    pub process: ProcessKind,
    /// Where noise is from.
    #[serde(default)]
    pub base: BaseKind,
    /// What the network learns; without it, what suits the process.
    #[serde(default)]
    pub target: Option<Target>,
    /// Of the points and of the network.
    #[serde(default)]
    pub seed: u64,
}

/// What denoises in a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaneDenoiser {
    /// The ideal denoiser of the distribution.
    Ideal,
    /// The network.
    Mlp,
}

/// A run of a sampler in a plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneRunOptions {
    /// The sampler and its own options; in JSON beside the others.
    #[serde(flatten)]
    pub sampler: SamplerConfig,
    /// 1 to [`super::MAX_STEPS`].
    pub steps: usize,
    /// Number of points, 1 to [`super::MAX_COUNT`].
    pub count: usize,
    /// Of x_T and of every z.
    #[serde(default)]
    pub seed: u64,
    /// What denoises.
    pub denoiser: PlaneDenoiser,
    /// Whether noise levels are spaced evenly in σ^(1/7) and not in time (Karras et al. 2022,
    /// equation 5); without it they are for Heun's method, but not in a flow.
    #[serde(default)]
    pub karras: Option<bool>,
}

/// A run: the points at each of its levels, and at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneRun {
    /// Where each step starts, noisiest first.
    pub levels: Vec<NoiseLevel>,
    /// One more than there are levels: the points, first x_T and last x_0.
    pub frames: Vec<Vec<Point>>,
}

/// What is drawn as arrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// ∇ log p_t(x).
    Score,
    /// dx/dt of the probability-flow ODE, but with time running towards the data.
    Velocity,
}

/// How far the end of a run is from what it should be: mean distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneErrors {
    /// From a sampled point to the nearest training point.
    pub nearest: f64,
    /// Between points that the ideal denoiser samples with these steps and with 100 of Heun's
    /// method, from the same noise; `None` where steps add noise.
    pub discretisation: Option<f64>,
    /// Between points that the network and the ideal denoiser sample with these steps and the same
    /// noise; `None` where no network takes part.
    pub training: Option<f64>,
}
