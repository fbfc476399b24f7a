//! What the strings in the header of a safetensors file say about a model.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    train::Config,
};

pub(super) type Metadata = HashMap<String, String>;

/// Steps are counted on from here, and JavaScript counts in f64.
const MAX_STEP: u64 = 1 << 52;

/// How the network is trained: JSON, and the seed of everything random.
const TRAINING: &str = "training";
const SEED: &str = "seed";

/// Names of classes, a JSON list.
const LABELS: &str = "unnoise.labels";

/// A number; 0 if there is none.
pub(super) fn number(metadata: &Metadata, name: &str) -> Result<u64> {
    let text = metadata.get(name).map_or("0", String::as_str);
    text.parse()
        .map_err(|_| Error::Checkpoint(format!("its {name} is {text:?}, which is no number.")))
}

/// A number of optimizer steps; 0 if there is none.
pub(super) fn step(metadata: &Metadata, name: &str) -> Result<u64> {
    match number(metadata, name)? {
        steps if steps <= MAX_STEP => Ok(steps),
        steps => Err(Error::Checkpoint(format!(
            "its {name} is {steps}, more than any training takes."
        ))),
    }
}

/// The side of images in the description of a network.
pub(super) fn size(unet: &Value) -> Option<usize> {
    unet["sample_size"].as_u64()?.try_into().ok()
}

/// A part of the description that is JSON.
pub(super) fn part<T: DeserializeOwned>(metadata: &Metadata, name: &str) -> Result<T> {
    let text = metadata.get(name).map_or("", String::as_str);
    serde_json::from_str(text).map_err(|source| Error::Metadata {
        part: name.into(),
        source,
    })
}

/// The names of classes; none for a model without.
pub(super) fn labels(metadata: &Metadata) -> Result<Vec<String>> {
    match metadata.contains_key(LABELS) {
        true => part(metadata, LABELS),
        false => Ok(Vec::new()),
    }
}

/// Takes over into `config` how its network is trained.
pub(super) fn read_training(metadata: &Metadata, config: &mut Config) -> Result<()> {
    config.training = part(metadata, TRAINING)?;
    config.seed = number(metadata, SEED)?;
    Ok(())
}

/// Whether anything is said about training.
pub(super) fn has_training(metadata: &Metadata) -> bool {
    metadata.contains_key(TRAINING)
}

pub(super) fn insert_training(metadata: &mut Metadata, config: &Config) -> Result<()> {
    let training = serde_json::to_value(&config.training).map_err(|source| Error::ConfigJson {
        part: "training: ",
        source,
    })?;
    metadata.insert(TRAINING.into(), training.to_string());
    metadata.insert(SEED.into(), config.seed.to_string());
    Ok(())
}

pub(super) fn insert_labels(metadata: &mut Metadata, labels: &[String]) {
    if !labels.is_empty() {
        metadata.insert(LABELS.into(), json!(labels).to_string());
    }
}
