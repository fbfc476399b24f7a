//! Models as Hugging Face diffusers saves them.

use std::{fs, path::Path};

use serde_json::Value;

use super::{Checkpoint, tensors};
use crate::{
    diffusion::SchedulerConfig,
    error::{Error, Result},
    model::{UNet, UNetConfig, config::refuse_unsupported},
    train::Config,
};

const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

/// Fields of a scheduler that change the process and have one supported value, besides being absent
/// or null.
const FIXED: &[(&str, &str)] = &[
    ("clip_sample_range", "1.0"),
    ("rescale_betas_zero_snr", "false"),
    ("set_alpha_to_one", "true"),
    ("steps_offset", "0"),
    ("thresholding", "false"),
    ("trained_betas", "null"),
];

/// Reads a small unconditional model: a pipeline's folder, with `unet` and `scheduler` in it, or
/// one that holds a `UNet2DModel` and its `scheduler_config.json`.
///
/// # Errors
/// [`Error::File`] for a file that is missing or not JSON, [`Error::Config`] for a model of another
/// kind, [`Error::Truncated`], [`Error::Checkpoint`] or [`Error::ShapeMismatch`] for its weights.
pub fn read(folder: &Path) -> Result<Checkpoint> {
    let part = |name: &str| {
        let sub = folder.join(name);
        if sub.is_dir() { sub } else { folder.into() }
    };
    let (unet_folder, scheduler_folder) = (part("unet"), part("scheduler"));
    let unet = read_json(&unet_folder.join("config.json"))?;
    let scheduler = read_json(&scheduler_folder.join("scheduler_config.json"))?;
    let mut config = Config {
        unet: UNetConfig::from_diffusers(&unet)?,
        scheduler: read_scheduler(scheduler)?,
        ..Config::default()
    };
    let size = unet["sample_size"].as_u64();
    config.size =
        size.ok_or_else(|| Error::Config("sample_size must be one number.".into()))? as usize;
    config.validate()?;

    let bytes = read_file(&unet_folder.join(WEIGHTS))?;
    let file = tensors::open(&bytes)?;
    let network = UNet::new(config.unet.clone())?;
    let weights = network
        .parameters()
        .iter()
        .map(|spec| tensors::weights(&file, &spec.name, &spec.shape))
        .collect::<Result<Vec<_>>>()?;
    if file.len() != weights.len() {
        return Err(Error::ShapeMismatch(format!(
            "it has {} tensors, but its network has {}",
            file.len(),
            weights.len()
        )));
    }
    Ok(Checkpoint::of_weights(config, weights))
}

fn read_scheduler(mut json: Value) -> Result<SchedulerConfig> {
    refuse_unsupported(&json, FIXED)?;
    // What diffusers takes where a file says nothing, which is not what we take.
    if json["timestep_spacing"].is_null() {
        json["timestep_spacing"] = "leading".into();
    }
    serde_json::from_value(json).map_err(|error| Error::Config(format!("scheduler: {error}.")))
}

fn read_json(path: &Path) -> Result<Value> {
    let value: Value = serde_json::from_slice(&read_file(path)?)
        .map_err(|error| file_error(path, &format!("this is not JSON ({error}).")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(file_error(path, "this is not a JSON object."))
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        let reason = format!("a diffusers model needs this file, but it cannot be read ({error}).");
        file_error(path, &reason)
    })
}

fn file_error(path: &Path, reason: &str) -> Error {
    Error::File {
        path: path.display().to_string(),
        reason: reason.into(),
    }
}
