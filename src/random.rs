//! Randomness that is the same on every backend, machine and number of workers.
//!
//! A counter-based generator: the random number at (seed, stream, step, index) is a function of
//! those four and nothing else, so numbers can be drawn in any order and on any worker. The
//! function is Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

use std::f64::consts::TAU;

/// What the numbers are for; each purpose draws from its own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Initial weights; `step` is the parameter's position.
    Weights = 0,
    /// Order of the training images; `step` is the epoch.
    Order = 1,
    /// Training timesteps; `step` is the optimizer step.
    Timesteps = 2,
    /// Noise ε added to training images; `step` is the optimizer step.
    TrainingNoise = 3,
    /// Which training images are mirrored; `step` is the optimizer step.
    Flip = 4,
    /// x_T, the noise that sampling starts from.
    InitialNoise = 5,
    /// z of stochastic samplers; `step` counts the denoising steps taken.
    SamplerNoise = 6,
    /// Noise of the forward process shown to people; `step` is 0 for the closed form, and t + 1 for
    /// the step of the chain at timestep t.
    ForwardNoise = 7,
    /// ε of the variational bound; `step` is the timestep.
    EvaluationNoise = 8,
    /// Which images the optimal loss is measured with; `step` is the timestep.
    OptimalLossImages = 9,
    /// What noise the optimal loss is measured with; `step` is the timestep.
    OptimalLossNoise = 10,
    /// Which timesteps stand for all in an estimate.
    EvaluationTimesteps = 11,
    /// Which training images lose their label; `step` is the optimizer step.
    LabelDropout = 12,
    /// The points of a distribution in the plane; `step` tells one use from another.
    PlanePoints = 13,
    /// Which points and times a network in the plane learns from; `step` is the optimizer step.
    PlaneTraining = 14,
    /// The noise that a network in the plane learns from; `step` is the optimizer step.
    PlaneNoise = 15,
    /// Where training images are cropped from larger pictures; `step` is the optimizer step.
    Crop = 16,
    /// What x_{t-1} is apart from its mean given x_t and x_0, where it is learnt from; `step` is the
    /// optimizer step.
    PreviousNoise = 17,
}

/// The generator: nothing but its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    key: [u32; 2],
}

impl Random {
    /// The generator of `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
        }
    }

    /// Four independent 32-bit numbers.
    fn block(&self, stream: Stream, step: u32, block: u64) -> [u32; 4] {
        let counter = [block as u32, (block >> 32) as u32, step, stream as u32];
        philox4x32_10(counter, self.key)
    }

    /// The number at `index`, uniform on [0, 1).
    pub fn uniform(&self, stream: Stream, step: u32, index: u64) -> f64 {
        let lanes = self.block(stream, step, index / 4);
        lanes[(index % 4) as usize] as f64 / 2f64.powi(32)
    }

    /// The number at `index`, uniform on 0..`bound`.
    ///
    /// By scaling, not rejection, so that one number costs one draw: for bounds below 2^16 the bias
    /// is under 2^-16.
    pub fn below(&self, bound: usize, stream: Stream, step: u32, index: u64) -> usize {
        let lanes = self.block(stream, step, index / 4);
        ((lanes[(index % 4) as usize] as u64 * bound as u64) >> 32) as usize
    }

    /// `count` standard normal numbers, those at indices `first..first + count`.
    ///
    /// Box–Muller in f64 with `libm`'s functions rather than the platform's, whose last bits
    /// differ.
    pub fn normals(&self, stream: Stream, step: u32, first: u64, count: usize) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(count + 8);
        let skip = (first % 4) as usize;
        let mut block = first / 4;
        while numbers.len() < count + skip {
            let lanes = self.block(stream, step, block);
            for pair in [[lanes[0], lanes[1]], [lanes[2], lanes[3]]] {
                // Half a step away from 0, whose logarithm is infinite.
                let u = (pair[0] as f64 + 0.5) / 2f64.powi(32);
                let radius = libm::sqrt(-2.0 * libm::log(u));
                let angle = TAU * (pair[1] as f64 / 2f64.powi(32));
                let (sin, cos) = libm::sincos(angle);
                numbers.push((radius * cos) as f32);
                numbers.push((radius * sin) as f32);
            }
            block += 1;
        }
        numbers.drain(..skip);
        numbers.truncate(count);
        numbers
    }

    /// A permutation of 0..`count` (Fisher–Yates).
    pub fn permutation(&self, count: usize, stream: Stream, step: u32) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            let chosen = self.below(last + 1, stream, step, last as u64);
            order.swap(last, chosen);
        }
        order
    }
}

/// Standard normal numbers: those of a seed, stream and step at indices from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normals {
    /// The generator's seed.
    pub seed: u64,
    /// What the numbers are for.
    pub stream: Stream,
    /// What [`Stream`] says that it counts.
    pub step: u32,
    /// Index of the first number.
    pub first: u64,
}

impl Normals {
    /// The first `count` of them.
    pub fn take(&self, count: usize) -> Vec<f32> {
        Random::new(self.seed).normals(self.stream, self.step, self.first, count)
    }
}

fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    for _ in 0..10 {
        let product0 = MULTIPLIERS[0] as u64 * counter[0] as u64;
        let product1 = MULTIPLIERS[1] as u64 * counter[2] as u64;
        counter = [
            (product1 >> 32) as u32 ^ counter[1] ^ key[0],
            product1 as u32,
            (product0 >> 32) as u32 ^ counter[3] ^ key[1],
            product0 as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers published with Random123 (its `kat_vectors` file).
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(
            philox4x32_10([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox4x32_10([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32_10(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn normals_have_the_moments_of_a_standard_normal() {
        let count = 200_000;
        let numbers = Random::new(3).normals(Stream::TrainingNoise, 0, 0, count);
        let moment = |power: i32| {
            numbers.iter().map(|x| (*x as f64).powi(power)).sum::<f64>() / count as f64
        };
        // Five standard errors of each sample moment.
        assert!(moment(1).abs() < 5.0 / (count as f64).sqrt());
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / count as f64).sqrt());
        assert!(moment(3).abs() < 5.0 * (15.0 / count as f64).sqrt());
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / count as f64).sqrt());
    }

    #[test]
    fn numbers_do_not_depend_on_how_they_are_asked_for() {
        let random = Random::new(11);
        let all = random.normals(Stream::InitialNoise, 2, 0, 50);
        for (first, count) in [(0, 7), (3, 9), (13, 37)] {
            let part = random.normals(Stream::InitialNoise, 2, first as u64, count);
            assert_eq!(part, all[first..first + count]);
        }
    }

    #[test]
    fn streams_steps_and_seeds_differ() {
        let numbers = |seed, stream, step| Random::new(seed).normals(stream, step, 0, 8);
        let base = numbers(1, Stream::InitialNoise, 0);
        assert_ne!(base, numbers(2, Stream::InitialNoise, 0));
        assert_ne!(base, numbers(1 << 32 | 1, Stream::InitialNoise, 0));
        assert_ne!(base, numbers(1, Stream::SamplerNoise, 0));
        assert_ne!(base, numbers(1, Stream::InitialNoise, 1));
    }

    #[test]
    fn permutations_hold_each_index_once() {
        let mut order = Random::new(5).permutation(100, Stream::Order, 4);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
