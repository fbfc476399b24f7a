//! The loss: the same on every backend, and falling.

use unnoise::backend::{Candle, Flex, WebGpu};

use crate::tiny;

/// The first ten losses agree this closely, relative to their size (about 1): Adam's first steps
/// divide gradients by their own magnitude, which magnifies rounding where a gradient is nearly 0.
const TOLERANCE: f32 = 2e-4;

#[test]
fn first_ten_losses_agree_on_all_backends() {
    let flex = tiny::train(&mut tiny::trainer::<Flex>(), 10);
    let candle = tiny::train(&mut tiny::trainer::<Candle>(), 10);
    let webgpu = tiny::train(&mut tiny::trainer::<WebGpu>(), 10);
    // The network starts by predicting zeros, so the first loss is the mean of ε².
    assert!((flex[0] - 1.0).abs() < 0.1, "{flex:?}");
    for (name, losses) in [("candle", candle), ("webgpu", webgpu)] {
        for (step, (loss, reference)) in losses.iter().zip(&flex).enumerate() {
            let difference = (loss - reference).abs();
            assert!(
                difference < TOLERANCE,
                "{name}, step {step}: {loss} but flex has {reference}"
            );
        }
    }
}

#[test]
fn loss_falls() {
    let losses = tiny::train(&mut tiny::trainer::<Flex>(), 150);
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    let (first, last) = (mean(&losses[..10]), mean(&losses[140..]));
    assert!(last < 0.5 * first, "from {first} to {last}");
}

#[test]
fn another_seed_gives_another_run() {
    let mut config = tiny::config();
    config.seed = 1;
    let mut other = unnoise::train::Trainer::<Flex>::new(config, Default::default()).unwrap();
    assert_ne!(
        tiny::train(&mut other, 2),
        tiny::train(&mut tiny::trainer::<Flex>(), 2)
    );
}
