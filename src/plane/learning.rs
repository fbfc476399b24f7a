//! How the network of a plane learns from its distribution.

use web_time::{Duration, Instant};

use super::{BATCH, Distribution, Plane, Point, run::distance};
use crate::{
    error::Result,
    random::{Random, Stream},
};

impl Plane {
    /// Trains the network for about as long as `time`, at least a step and at most `max_steps`:
    /// the loss of each.
    pub fn train(&mut self, time: Duration, max_steps: usize) -> Vec<f32> {
        let start = Instant::now();
        let mut losses = Vec::new();
        while losses.len() < max_steps.max(1) {
            losses.push(self.train_step());
            if start.elapsed() >= time {
                break;
            }
        }
        losses
    }

    fn train_step(&mut self) -> f32 {
        let step = self.mlp.step() as u32;
        let x_0 = self.training_batch(&Random::new(self.config.seed), step);
        let x_1 = self.noise(BATCH, self.config.seed, Stream::PlaneNoise, step);
        self.mlp.train(&x_0, &x_1)
    }

    fn training_batch(&self, random: &Random, step: u32) -> Vec<Point> {
        if self.config.distribution == Distribution::Gaussians {
            return self.config.distribution.sample(BATCH, random, step);
        }
        let count = self.training_set.len();
        let chosen = |i| random.below(count, Stream::PlaneTraining, step, (1 << 32) + i as u64);
        (0..BATCH).map(|i| self.training_set[chosen(i)]).collect()
    }

    /// The mean squared error of the network's estimate of x_0 beyond that of the ideal denoiser:
    /// the mean of ‖difference‖² over `count` points of the forward process at each of `times`.
    ///
    /// # Errors
    /// [`Error::Config`] for a number of points out of range.
    pub fn excess(&self, count: usize, times: &[f64]) -> Result<Vec<f64>> {
        let clouds = self.forward(count, times, self.config.seed ^ 1)?;
        let excess = |(time, x_t): (&f64, &Vec<Point>)| {
            let level = self.process.level(*time);
            let ideal = self.ideal.estimate(x_t, level);
            let learnt = self.mlp.estimate(x_t, level);
            let squares = ideal
                .iter()
                .zip(&learnt)
                .map(|(a, b)| distance(*a, *b).powi(2));
            squares.sum::<f64>() / count as f64
        };
        Ok(times.iter().zip(&clouds).map(excess).collect())
    }
}
