//! What the strings in the header of a safetensors file say about a model.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::{Error, Result};

pub(super) type Metadata = HashMap<String, String>;

/// Names of classes, a JSON list.
const LABELS: &str = "unnoise.labels";

/// A number; 0 if there is none.
pub(super) fn number(metadata: &Metadata, name: &str) -> Result<u64> {
    let text = metadata.get(name).map_or("0", String::as_str);
    text.parse()
        .map_err(|_| Error::Checkpoint(format!("its {name} is {text:?}, which is no number.")))
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
