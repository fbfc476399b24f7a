//! Trains a model on a folder of images and writes a GIF of it drawing new ones:
//! `cargo run --release --features pictures --example train -- pictures/ samples.gif 32 1000`

use std::{error::Error, fs, iter, time::Duration};

use pollster::block_on;
use unnoise::format::picture::{Grid, read_images};
use unnoise::train::{Config, Dataset};
use unnoise::{backend::Flex, pipeline::DenoiserKind, sampler::SamplingOptions, session::Session};

/// Trains for `steps` steps and samples, both at `size` × `size` pixels.
pub fn run(folder: &str, out: &str, size: usize, steps: usize) -> Result<(), Box<dyn Error>> {
    let images = read_images(&[folder.into()], size, None)?;
    let (count, channels) = (images.count(), images.channels);
    let dataset = Dataset::from_bytes(&images.bytes, count, size, channels)?;
    let config = Config::for_size(size).with_channels(channels);
    let mut session = Session::<Flex>::new(config, Default::default())?;
    session.set_dataset(dataset)?;
    let report = block_on(session.train(Duration::MAX, steps))?;
    println!("the last loss: {:?}", report.losses.last());

    let model = session.pipeline(DenoiserKind::Ema)?;
    let mut sampling = model.sample(&SamplingOptions::default())?;
    let grid = Grid::new(sampling.count(), [size, size], channels, 4)?;
    let frames = sampling.total() + 1;
    let pictures = iter::from_fn(|| block_on(sampling.next()).transpose());
    fs::write(
        out,
        grid.gif(frames, pictures.map(|picture| Ok(picture?.x_t)))?,
    )?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, size, steps] = &args[..] else {
        return Err("usage: train FOLDER OUT.gif SIZE STEPS".into());
    };
    run(folder, out, size.parse()?, steps.parse()?)
}
