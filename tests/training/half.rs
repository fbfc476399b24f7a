//! Feature maps in half precision: nearly the same losses and gradients, and the same end of
//! training.

use std::time::Duration;

use pollster::block_on;
use unnoise::{
    backend::{Flex, WebGpu},
    ops::Kernels,
    session::Session,
    train::{Config, MixedPrecision},
};

use crate::tiny;

/// Relative to the norm of the whole: f16 has 11 bits, and a dozen layers round to them.
const TOLERANCE: f64 = 5e-3;

fn config(widths: [usize; 2], groups: usize) -> Config {
    let mut config = tiny::config();
    config.unet.block_out_channels = widths.to_vec();
    config.unet.norm_num_groups = groups;
    config.training.mixed_precision = MixedPrecision::Fp16;
    config
}

fn session<B: Kernels>(config: Config) -> Session<B> {
    let mut session = Session::new(config, Default::default()).unwrap();
    session.set_dataset(tiny::dataset()).unwrap();
    session
}

/// flex computes in f32 whatever it is asked for. Where channels do not come in fours, some maps
/// stay f32 among the others.
#[test]
fn gradients_are_nearly_those_of_f32() {
    for (widths, groups) in [([8, 16], 4), ([6, 12], 2)] {
        let config = config(widths, groups);
        let mut flex = session::<Flex>(config.clone());
        // The last layer starts from zeros, and then nothing before it has a gradient.
        block_on(flex.train(Duration::from_secs(60), 5)).unwrap();
        let start = block_on(flex.checkpoint()).unwrap().to_bytes().unwrap();
        let mut gpu = session::<WebGpu>(config.clone());
        assert!(WebGpu::supports_fp16(gpu.trainer().device()));
        gpu.load(&start).unwrap();
        let batch = 0..config.training.batch_size;
        let (loss, grads) = block_on(gpu.gradients(batch.clone())).unwrap();
        let (expected_loss, expected) = block_on(flex.gradients(batch)).unwrap();
        let off = (loss / expected_loss - 1.0).abs() as f64;
        assert!(off > 0.0 && off < TOLERANCE, "{loss} {expected_loss}");
        let norm = |values: &mut dyn Iterator<Item = f32>| {
            values.map(|x| (x as f64).powi(2)).sum::<f64>().sqrt()
        };
        let difference = norm(&mut grads.iter().zip(&expected).map(|(a, b)| a - b));
        let size = norm(&mut expected.iter().copied());
        assert!(difference < TOLERANCE * size, "{difference} of {size}");
    }
}

/// Training ends where it ends in f32.
#[test]
fn half_precision_keeps_the_loss() {
    const STEPS: usize = 60;
    let end = |losses: Vec<f32>| losses[STEPS - 20..].iter().sum::<f32>() / 20.0;
    let mut gpu = session::<WebGpu>(config([8, 16], 4));
    let half = end(block_on(gpu.train(Duration::from_secs(600), STEPS))
        .unwrap()
        .losses);
    let mut flex = session::<Flex>(config([8, 16], 4));
    let full = end(block_on(flex.train(Duration::from_secs(600), STEPS))
        .unwrap()
        .losses);
    assert!((half / full - 1.0).abs() < 0.02, "{half} {full}");
}
