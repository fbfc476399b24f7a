//! Reading models and noise.

use std::{
    fs,
    path::{Path, PathBuf},
};

use safetensors::SafeTensors;
use unnoise::{
    error::Error,
    format::{
        Checkpoint,
        large_pictures::{self, Pictures},
        picture::{self, Images},
        tensors,
    },
};

use crate::{
    failure::{Failure, Result},
    folder,
};

/// A model file or a diffusers folder.
pub fn read_model(path: &Path) -> Result<Checkpoint> {
    if path.is_dir() {
        return folder::read_model(path);
    }
    read_checkpoint(path)
}

/// A model file.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint> {
    let bytes = read_file(path)?;
    Checkpoint::from_bytes(&bytes).map_err(|error| Failure::reading(path, &error))
}

/// Image files and folders of them, as squares of `size` pixels, of so many channels or as many as
/// they need.
pub fn read_images(paths: &[PathBuf], size: usize, channels: Option<usize>) -> Result<Images> {
    picture::read_images(paths, size, channels).map_err(of_images)
}

/// Image files and folders of them, whole, to take crops of `size` × `size` from; scaled down until
/// the longer side is at most `longest`.
pub fn read_pictures(
    paths: &[PathBuf],
    longest: usize,
    size: usize,
    channels: Option<usize>,
) -> Result<Pictures> {
    large_pictures::read_pictures(paths, longest, size, channels).map_err(of_images)
}

fn of_images(error: Error) -> Failure {
    match error {
        Error::File { .. } | Error::NotAnImage { .. } => {
            Failure::Use(format!("{error} Replace or remove it."))
        }
        error => error.into(),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Failure::cannot_read(path, &error))
}

/// What `read` finds in a file of noise.
pub fn open_noise<T>(
    path: &Path,
    read: impl FnOnce(&SafeTensors) -> unnoise::error::Result<T>,
) -> Result<T> {
    let bytes = read_file(path)?;
    tensors::open(&bytes)
        .and_then(|file| read(&file))
        .map_err(|error| Failure::reading(path, &error))
}

/// A tensor of rank `D`, if the file has it.
pub fn floats<const D: usize>(
    file: &SafeTensors,
    name: &str,
) -> unnoise::error::Result<Option<(Vec<f32>, [usize; D])>> {
    let Ok(view) = file.tensor(name) else {
        return Ok(None);
    };
    let shape = view.shape().try_into().map_err(|_| {
        Error::Noise(format!(
            "{name} has the shape {:?}, but needs {D} dimensions.",
            view.shape()
        ))
    })?;
    match tensors::floats(&view) {
        Some(values) => Ok(Some((values, shape))),
        None => Err(Error::Noise(format!(
            "{name} holds {:?}, but must hold F32 or F16.",
            view.dtype()
        ))),
    }
}
