//! Stratified sampling of timesteps: a few that stand for all.

use std::ops::Range;

use crate::random::{Random, Stream};

/// A timestep drawn at random from `width` neighbours, itself among them: whatever f is, f(t) times
/// `width` is on average the sum of f over all of them (Owen 2013, section 8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stratum {
    /// The timestep.
    pub t: usize,
    /// How many timesteps it stands for.
    pub width: usize,
}

/// Divides `timesteps` into `count` strata, or into single timesteps where there are fewer, and
/// draws one of each: a sum over strata estimates the sum over `timesteps` without bias (stratified
/// sampling: Owen 2013, "Monte Carlo theory, methods and examples", section 8.4).
///
/// The i-th of `count` begins at the share (i / count)^`power` of the way, so that a `power` above
/// 1 looks closer at little noise; it must be at least 1.
pub fn strata(timesteps: Range<usize>, count: usize, power: i32, random: &Random) -> Vec<Stratum> {
    let count = count.min(timesteps.len());
    let mut start = timesteps.start;
    (1..=count)
        .map(|index| {
            let share = (index as f64 / count as f64).powi(power);
            let end = timesteps.start + (share * timesteps.len() as f64).round() as usize;
            let width = end.max(start + 1) - start;
            let offset = random.below(width, Stream::EvaluationTimesteps, 0, index as u64);
            let stratum = Stratum {
                t: start + offset,
                width,
            };
            start += width;
            stratum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_cover_every_timestep_once() {
        for (timesteps, count) in [
            (0..1000, 64),
            (1..1000, 31),
            (1..10, 9),
            (1..10, 40),
            (5..6, 3),
        ] {
            for power in [1, 2, 3] {
                let strata = strata(timesteps.clone(), count, power, &Random::new(4));
                assert_eq!(strata.len(), count.min(timesteps.len()));
                let mut start = timesteps.start;
                for Stratum { t, width } in strata {
                    assert!((start..start + width).contains(&t));
                    start += width;
                }
                assert_eq!(start, timesteps.end);
            }
        }
    }

    /// Any function's sum is met on average, here within five standard errors.
    #[test]
    fn estimates_are_unbiased() {
        let value = |t: usize| 1.0 / (1.0 + t as f64);
        let exact: f64 = (0..200).map(value).sum();
        let estimates: Vec<f64> = (0..4000)
            .map(|seed| {
                let strata = strata(0..200, 8, 2, &Random::new(seed));
                strata.iter().map(|s| value(s.t) * s.width as f64).sum()
            })
            .collect();
        let count = estimates.len() as f64;
        let mean = estimates.iter().sum::<f64>() / count;
        let variance = estimates.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        assert!((mean - exact).abs() < 5.0 * (variance / count).sqrt());
    }
}
