//! Families of forward processes: variance preserving, and rectified flow.

/// A family of mixtures x_t = signal · x_0 + noise · ε.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// signal² + noise² = 1: a Markov chain of β_t (Ho et al. 2020, section 2; the VP SDE of Song
    /// et al. 2021b, section 3.4).
    VariancePreserving,
    /// signal + noise = 1: straight lines between images and noise (Liu et al. 2023, equation 1).
    RectifiedFlow,
}
