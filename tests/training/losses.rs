//! The loss: the same on every backend, and falling.

use unnoise::{
    backend::{Candle, Flex, WebGpu},
    ops::Kernels,
    train::{Optimizer, Trainer},
};

use crate::tiny;

/// The first ten losses agree this closely, relative to their size (about 1): Adam's first steps
/// divide gradients by their own magnitude, which magnifies rounding where a gradient is nearly 0.
const TOLERANCE: f32 = 2e-4;

#[test]
fn first_ten_losses_agree_on_all_backends() {
    for optimizer in [Optimizer::Adam, Optimizer::Muon] {
        let flex = losses::<Flex>(optimizer, 10);
        let candle = losses::<Candle>(optimizer, 10);
        let webgpu = losses::<WebGpu>(optimizer, 10);
        // The network starts by predicting zeros, so the first loss is the mean of ε².
        assert!((flex[0] - 1.0).abs() < 0.1, "{flex:?}");
        for (name, losses) in [("candle", candle), ("webgpu", webgpu)] {
            for (step, (loss, reference)) in losses.iter().zip(&flex).enumerate() {
                let difference = (loss - reference).abs();
                assert!(
                    difference < TOLERANCE,
                    "{optimizer:?} on {name}, step {step}: {loss} but flex has {reference}"
                );
            }
        }
    }
}

fn losses<B: Kernels>(optimizer: Optimizer, steps: usize) -> Vec<f32> {
    let mut config = tiny::config();
    config.training.optimizer = optimizer;
    let mut trainer = Trainer::<B>::new(config, Default::default()).unwrap();
    tiny::train(&mut trainer, steps)
}

#[test]
fn loss_falls() {
    for optimizer in [Optimizer::Adam, Optimizer::Muon] {
        let losses = losses::<Flex>(optimizer, 150);
        let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
        let (first, last) = (mean(&losses[..10]), mean(&losses[140..]));
        assert!(last < 0.5 * first, "{optimizer:?}: from {first} to {last}");
    }
}

#[test]
fn another_seed_gives_another_run() {
    let mut config = tiny::config();
    config.seed = 1;
    let mut other = Trainer::<Flex>::new(config, Default::default()).unwrap();
    assert_ne!(
        tiny::train(&mut other, 2),
        tiny::train(&mut tiny::trainer::<Flex>(), 2)
    );
}
