//! What the strings in the header of a safetensors file say about a model.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::{Error, Result};

pub(super) type Metadata = HashMap<String, String>;

/// Steps are counted on from here, and JavaScript counts in f64.
const MAX_STEP: u64 = 1 << 52;

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

pub(super) fn insert_labels(metadata: &mut Metadata, labels: &[String]) {
    if !labels.is_empty() {
        metadata.insert(LABELS.into(), json!(labels).to_string());
    }
}
