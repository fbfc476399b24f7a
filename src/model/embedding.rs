//! The sinusoidal time embedding (Vaswani et al. 2017, section 3.5), as diffusers'
//! `get_timestep_embedding` computes it.

/// `[timesteps.len(), dim]`, row-major. In f32 like the reference: at t = 1000 the angle's rounding
/// already shows in the fifth digit of its sine.
pub fn timestep_embedding(
    timesteps: &[f64],
    dim: usize,
    flip_sin_to_cos: bool,
    freq_shift: f64,
) -> Vec<f32> {
    const MAX_PERIOD: f64 = 10_000.0;
    let half = dim / 2;
    let frequencies: Vec<f32> = (0..half)
        .map(|i| {
            let exponent = -(MAX_PERIOD.ln() as f32) * i as f32 / (half as f64 - freq_shift) as f32;
            exponent.exp()
        })
        .collect();
    let mut embedding = Vec::with_capacity(timesteps.len() * dim);
    for &t in timesteps {
        let angles = frequencies.iter().map(|frequency| t as f32 * frequency);
        let sines = angles.clone().map(f32::sin);
        let cosines = angles.map(f32::cos);
        if flip_sin_to_cos {
            embedding.extend(cosines.chain(sines));
        } else {
            embedding.extend(sines.chain(cosines));
        }
        // An odd dimension ends in a zero.
        embedding.extend(std::iter::repeat_n(0.0, dim % 2));
    }
    embedding
}
