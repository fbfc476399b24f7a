//! Trains a model on a folder of images and writes a GIF of it drawing new ones:
//! `cargo run --release --features pictures --example train -- pictures/ samples.gif 32 1000`

use std::{fs, iter, time::Duration};

use pollster::block_on;
use unnoise::{
    backend::Flex,
    format::picture::{Grid, read_images},
    sampler::SamplingOptions,
    session::{DenoiserKind, Session},
    train::{Config, Dataset},
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub fn run(folder: &str, out: &str, size: usize, steps: usize) -> Result<()> {
    let images = read_images(&[folder.into()], size)?;
    let dataset = Dataset::from_rgb(&images.rgb, images.count(), size)?;
    let mut session = Session::<Flex>::new(Config::for_size(size), Default::default())?;
    session.set_dataset(dataset)?;
    let report = block_on(session.train(Duration::MAX, steps))?;
    println!("the last loss: {:?}", report.losses.last());

    let mut sampling = session.sample(&SamplingOptions::default(), DenoiserKind::Ema)?;
    let frames = sampling.total() + 1;
    let grid = Grid::new(sampling.count, size, 4)?;
    let pictures = iter::from_fn(|| block_on(sampling.next()).transpose());
    fs::write(
        out,
        grid.gif(frames, pictures.map(|picture| Ok(picture?.x_t)))?,
    )?;
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, size, steps] = &args[..] else {
        return Err("usage: train FOLDER OUT.gif SIZE STEPS".into());
    };
    run(folder, out, size.parse()?, steps.parse()?)
}
