//! What holds of every reader of bytes that someone else has made, whatever the bytes: it gives a
//! model, or an error in a sentence. The fuzz targets in `fuzz/` call these too.

use std::{collections::BTreeMap, io::Cursor, path::Path};

use image::ImageReader;
use safetensors::SafeTensors;
use serde_json::Value;
use unnoise::{
    error::{Error, Result},
    format::{Checkpoint, diffusers, picture, tensors},
    model::{UNet, UNetConfig},
    sampler::SamplingOptions,
    train::Config,
};

/// A name and a property, which panics where it does not hold.
pub type Reader = (&'static str, fn(&[u8]));

pub const READERS: [Reader; 6] = [
    ("checkpoint", checkpoint),
    ("header", header),
    ("diffusers", diffusers),
    ("config", config),
    ("options", options),
    ("picture", picture),
];

/// Codes of errors that say that a file is bad.
const CODES: [&str; 6] = [
    "bad-config",
    "bad-checkpoint",
    "bad-file",
    "newer-format",
    "shape-mismatch",
    "truncated",
];
/// Characters of a message, a little more than [`Error::message`] leaves.
const LONGEST: usize = 1100;
/// Bytes of tensors that [`header`] makes up.
const MAX_TENSORS: usize = 1 << 20;
/// Pixels of pictures that are decoded: larger ones are slow, and no different.
const MAX_PIXELS: u64 = 1 << 18;

/// What stands between the files of [`diffusers`], which no text has.
pub const SEPARATOR: u8 = 0xff;

fn is_a_sentence(error: &Error) {
    assert!(CODES.contains(&error.code()), "{error:?}");
    assert!(error.message().chars().count() <= LONGEST);
}

fn model(read: Result<Checkpoint>) {
    match read {
        Ok(checkpoint) => {
            let bytes = checkpoint.to_bytes().unwrap();
            assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), checkpoint);
        }
        Err(error) => is_a_sentence(&error),
    }
}

/// A file of a model.
pub fn checkpoint(bytes: &[u8]) {
    model(Checkpoint::from_bytes(bytes));
}

/// The header of a model's file, with tensors as long as it says, so that more than their length
/// is read.
pub fn header(json: &[u8]) {
    let length = (json.len() as u64).to_le_bytes();
    let file = [&length, json, &vec![0; tensors_end(json)]].concat();
    if let Ok(opened) = tensors::open(&file) {
        for (name, view) in opened.tensors() {
            let values = tensors::floats(&view);
            assert!(values.is_none_or(|values| values.len() <= view.data().len()));
            let read = tensors::weights(&opened, &name, view.shape());
            assert!(read.is_ok() || read.is_err_and(|error| error.code() == "shape-mismatch"));
        }
        assert!(SafeTensors::read_metadata(&file).is_ok());
    }
    checkpoint(&file);
}

/// Where the last tensor ends that a header names; 0 where that is absurd.
fn tensors_end(json: &[u8]) -> usize {
    let header: BTreeMap<String, Value> = serde_json::from_slice(json).unwrap_or_default();
    let ends = header
        .values()
        .filter_map(|tensor| tensor["data_offsets"][1].as_u64());
    let end = ends.max().unwrap_or(0) as usize;
    if end <= MAX_TENSORS { end } else { 0 }
}

/// A folder of diffusers: its index, what its network and its scheduler are, and the weights.
pub fn diffusers(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |byte| *byte == SEPARATOR);
    let names = [
        "model_index.json",
        "unet/config.json",
        "scheduler/scheduler_config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ];
    let files = names.into_iter().filter_map(|name| {
        let part = parts.next().filter(|part| !part.is_empty())?;
        Some((name.to_owned(), part.to_vec()))
    });
    model(diffusers::read(&files.collect()));
}

/// The configuration of a run.
pub fn config(bytes: &[u8]) {
    let Ok(json) = str::from_utf8(bytes) else {
        return;
    };
    // Whatever is not given follows from the rest.
    let _ = Config::parse_json(json, Some(64));
    let config = match Config::from_json(json) {
        Ok(config) => config,
        Err(error) => return is_a_sentence(&error),
    };
    let again = serde_json::to_string(&config).unwrap();
    assert_eq!(Config::from_json(&again).unwrap(), config);
    let footprint = UNet::new(config.unet.clone())
        .unwrap()
        .footprint([config.size; 2]);
    assert!(footprint.largest_of_image > 0 && footprint.largest_of_image <= footprint.image);
    match config.objective() {
        Ok(objective) => {
            let mut shares = objective.schedule.alphas_cumprod.iter();
            assert!(shares.all(|share| (0.0..=1.0).contains(share)));
        }
        Err(error) => is_a_sentence(&error),
    }
}

/// How a model is to be sampled from.
pub fn options(bytes: &[u8]) {
    let Ok(options) = serde_json::from_slice::<SamplingOptions>(bytes) else {
        return;
    };
    let classes = UNetConfig {
        num_class_embeds: Some(3),
        ..Default::default()
    };
    for unet in [classes, UNetConfig::default()] {
        // Without a sampler, which refuses it, any count would be asked for.
        let asked = SamplingOptions {
            count: options.count.min(1024),
            ..options.clone()
        };
        if let Err(error) = asked.guidance(&unet) {
            is_a_sentence(&error);
        }
    }
}

/// A picture. The first byte chooses what its name ends with.
pub fn picture(bytes: &[u8]) {
    const ENDINGS: [&str; 8] = ["", "tga", "ico", "pnm", "hdr", "exr", "ff", "dds"];
    let Some((choice, file)) = bytes.split_first() else {
        return;
    };
    let ending = ENDINGS[*choice as usize % ENDINGS.len()];
    let name = format!("picture.{ending}");
    let path = Path::new(&name);
    let mut reader = ImageReader::new(Cursor::new(file));
    if let Ok(format) = image::ImageFormat::from_path(path) {
        reader.set_format(format);
    }
    let size = reader.with_guessed_format().unwrap().into_dimensions();
    if size.is_ok_and(|(width, height)| width as u64 * height as u64 > MAX_PIXELS) {
        return;
    }
    match picture::decode(Cursor::new(file), path, 8) {
        Ok(square) => {
            assert_eq!(square.opaque.dimensions(), (8, 8));
            let transparent = square.transparent.map(|image| image.dimensions());
            assert!(transparent.is_none_or(|dimensions| dimensions == (8, 8)));
        }
        Err(error) => is_a_sentence(&error),
    }
}
