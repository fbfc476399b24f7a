//! Writing.

use serde_json::{Value, json};

use super::{
    Files, INDEX, SCHEDULER, SCHEDULER_CONFIG, STEP, TRAINING_STATE, UNET, UNET_CONFIG, WEIGHTS,
    scheduler,
};
use crate::{
    error::{Error, Result},
    format::{
        Checkpoint,
        metadata::{self, Metadata},
        tensors::{self, Precision},
    },
};

/// As [`write`], with the whole run in [`TRAINING_STATE`]: it goes on as if it had never left.
///
/// # Errors
/// As for [`write`].
pub fn write_with_training_state(checkpoint: &Checkpoint) -> Result<Files> {
    let mut files = write(checkpoint)?;
    files.insert(TRAINING_STATE.into(), checkpoint.to_bytes()?);
    Ok(files)
}

/// The folder of a pipeline with the averaged weights of `checkpoint`.
///
/// # Errors
/// [`Error::Config`] for a process that diffusers cannot express, saying why.
pub fn write(checkpoint: &Checkpoint) -> Result<Files> {
    let config = &checkpoint.config;
    let scheduler = scheduler::write(&config.scheduler)?;
    let index = json!({
        "_class_name": "DDPMPipeline",
        SCHEDULER: ["diffusers", scheduler["_class_name"]],
        UNET: ["diffusers", "UNet2DModel"],
    });
    let mut metadata = Metadata::from([
        ("format".into(), "pt".into()),
        (STEP.into(), checkpoint.step.to_string()),
    ]);
    metadata::insert_training(&mut metadata, config)?;
    metadata::insert_labels(&mut metadata, &config.labels);
    let weights = tensors::write(&checkpoint.ema_tensors()?, metadata, Precision::Full)?;
    Ok(Files::from([
        (INDEX.into(), text(&index)?),
        (
            format!("{UNET}/{UNET_CONFIG}"),
            text(&config.unet.to_diffusers(config.size)?)?,
        ),
        (format!("{UNET}/{WEIGHTS}"), weights),
        (format!("{SCHEDULER}/{SCHEDULER_CONFIG}"), text(&scheduler)?),
    ]))
}

fn text(json: &Value) -> Result<Vec<u8>> {
    let mut text =
        serde_json::to_vec_pretty(json).map_err(|source| Error::ConfigJson { part: "", source })?;
    text.push(b'\n');
    Ok(text)
}
