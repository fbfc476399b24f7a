//! A configuration and images small enough for tests.

use pollster::block_on;
use unnoise::{
    diffusion::PredictionType,
    model::UNetConfig,
    ops::Kernels,
    train::{Config, Dataset, Trainer, read_losses},
};

pub const SIZE: usize = 8;

pub fn config() -> Config {
    let mut config = Config::for_size(SIZE);
    config.unet = UNetConfig {
        norm_num_groups: 4,
        ..UNetConfig::with_widths(vec![8, 16])
    };
    config.training.batch_size = 4;
    config.training.lr_warmup_steps = 5;
    config.training.learning_rate = 5e-3;
    config.scheduler.num_train_timesteps = 100;
    // Where the loss of a network that predicts nothing is known: the mean of ε².
    config.scheduler.prediction_type = PredictionType::Epsilon;
    config.training.min_snr_floor = 0.0;
    config
}

/// Gradients of two colours, each image at another angle.
pub fn rgb(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|image| {
            (0..SIZE * SIZE).flat_map(move |pixel| {
                let (x, y) = (pixel % SIZE, pixel / SIZE);
                let level = (x * (image + 1) + y * (count - image)) * 255 / (SIZE * (count + 1));
                [level as u8, 255 - level as u8, (image * 60) as u8]
            })
        })
        .collect()
}

pub fn dataset() -> Dataset {
    Dataset::from_rgb(&rgb(4), 4, SIZE).unwrap()
}

/// The losses of `steps` steps.
pub fn train<B: Kernels>(trainer: &mut Trainer<B>, steps: usize) -> Vec<f32> {
    let dataset = dataset();
    let losses = (0..steps)
        .map(|_| trainer.step(&dataset).unwrap())
        .collect();
    block_on(read_losses(losses)).unwrap()
}

pub fn trainer<B: Kernels>() -> Trainer<B> {
    Trainer::new(config(), Default::default()).unwrap()
}
