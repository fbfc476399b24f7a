//! Valid files of every kind, to be damaged.

use std::{collections::BTreeMap, io::Cursor, path::Path};

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use pollster::block_on;
use serde_json::json;
use unnoise::{
    backend::Flex,
    format::{Checkpoint, diffusers},
    sampler::{SamplerConfig, SamplingOptions},
    session::Session,
    train::Config,
};

use crate::readers::SEPARATOR;

/// Valid input of the reader `name`.
pub fn of(name: &str) -> Vec<Vec<u8>> {
    match name {
        "checkpoint" => checkpoints().iter().flat_map(files).collect(),
        "header" => (checkpoints().iter().flat_map(files))
            .map(|file| {
                let length = u64::from_le_bytes(*file.first_chunk().unwrap());
                file[8..8 + length as usize].to_vec()
            })
            .collect(),
        "diffusers" => checkpoints().iter().map(folder).collect(),
        "config" => configs()
            .iter()
            .map(|config| json!(config).to_string().into())
            .collect(),
        "options" => options(),
        "picture" => pictures(),
        other => panic!("there is no reader {other}"),
    }
}

fn configs() -> Vec<Config> {
    let given = [
        json!({}),
        json!({ "labels": ["cat", "dog"] }),
        json!({ "scheduler": { "prediction_type": "flow_prediction" } }),
        json!({ "scheduler": { "variance_type": "learned_range" } }),
    ];
    given
        .into_iter()
        .map(|mut json| {
            json["size"] = json!(4);
            json["unet"] = json!({ "block_out_channels": [4], "norm_num_groups": 2 });
            json["scheduler"]["num_train_timesteps"] = json!(20);
            Config::from_json(&json.to_string()).unwrap()
        })
        .collect()
}

fn checkpoints() -> Vec<Checkpoint> {
    let of = |config| {
        let session = Session::<Flex>::new(config, Default::default()).unwrap();
        block_on(session.checkpoint()).unwrap()
    };
    configs().into_iter().map(of).collect()
}

fn files(checkpoint: &Checkpoint) -> [Vec<u8>; 2] {
    [
        checkpoint.to_bytes().unwrap(),
        checkpoint.to_shared_bytes().unwrap(),
    ]
}

fn folder(checkpoint: &Checkpoint) -> Vec<u8> {
    // One of those that diffusers has no words for, as another.
    let files = diffusers::write(checkpoint)
        .unwrap_or_else(|_| diffusers::write(&checkpoints()[0]).unwrap());
    let parts = [
        "model_index.json",
        "unet/config.json",
        "scheduler/scheduler_config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ];
    let parts: Vec<&[u8]> = parts.iter().map(|name| files[*name].as_slice()).collect();
    parts.join(&SEPARATOR)
}

fn options() -> Vec<Vec<u8>> {
    let of = |sampler| SamplingOptions {
        sampler,
        labels: vec![Some(1), None],
        guidance: 2.0,
        dynamic_threshold: Some(0.9),
        ..Default::default()
    };
    let options = SamplerConfig::ALL.map(of);
    options
        .iter()
        .map(|options| json!(options).to_string().into())
        .collect()
}

/// A small picture in every format that can be written, with the byte before it that names it; and
/// those of the browser's tests.
fn pictures() -> Vec<Vec<u8>> {
    let rgba = DynamicImage::from(RgbaImage::from_fn(5, 3, |x, y| {
        Rgba([50 * x as u8, 80 * y as u8, 7, 255 - 40 * x as u8])
    }));
    // Each format takes some kinds of pixels.
    let kinds = [
        rgba.clone(),
        rgba.to_rgb8().into(),
        rgba.to_rgba16().into(),
        rgba.to_rgb32f().into(),
    ];
    let mut written = BTreeMap::new();
    for format in ImageFormat::all().filter(ImageFormat::writing_enabled) {
        for (kind, picture) in kinds.iter().enumerate() {
            let mut file = Cursor::new(vec![choice(format)]);
            file.set_position(1);
            if picture.write_to(&mut file, format).is_ok() {
                written.insert((format!("{format:?}"), kind), file.into_inner());
            }
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/images");
    let found = std::fs::read_dir(folder).unwrap().filter_map(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        (bytes.len() < 1 << 16).then(|| [&[0], &bytes[..]].concat())
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    written.into_values().chain(found).collect()
}

/// The ending of [`crate::readers::picture`] by which a format is told that begins with nothing of
/// its own.
fn choice(format: ImageFormat) -> u8 {
    match format {
        ImageFormat::Tga => 1,
        _ => 0,
    }
}
