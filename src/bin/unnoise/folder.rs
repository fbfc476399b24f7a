//! The folders of diffusers models on disk.

use std::{fs, io, path::Path};

use unnoise::{
    error::Error,
    format::{
        Checkpoint,
        diffusers::{self, Files},
    },
};

use crate::{
    failure::{Failure, Result},
    output::Output,
};

/// Where in the folder of a pipeline the files of an unconditional model are.
const PARTS: [&str; 3] = ["", "unet", "scheduler"];

/// The model that a folder holds.
pub fn read_model(folder: &Path) -> Result<Checkpoint> {
    let files = read(folder).map_err(|error| Failure::cannot_read(folder, &error))?;
    diffusers::read(&files).map_err(|error| match error {
        Error::File { path, reason } => {
            let path = folder.join(path).display().to_string();
            Failure::from(Error::File { path, reason })
        }
        Error::FileJson { path, source } => {
            let path = folder.join(path).display().to_string();
            Failure::from(Error::FileJson { path, source })
        }
        error => Failure::reading(folder, &error),
    })
}

fn read(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for part in PARTS {
        let entries = match fs::read_dir(folder.join(part)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if !path.is_file() {
                continue;
            }
            // Of other files only their presence matters: they may be huge.
            let is_read = name.ends_with(".json") || name.ends_with(".safetensors");
            let bytes = if is_read { fs::read(path)? } else { Vec::new() };
            let separator = if part.is_empty() { "" } else { "/" };
            files.insert(format!("{part}{separator}{name}"), bytes);
        }
    }
    Ok(files)
}

/// Writes a model's files into `folder`, which is made if need be. Only with `overwrite` may there be
/// anything; it is left alone, but for the training state of the model that was there.
pub fn write(folder: &Path, files: &Files, overwrite: bool) -> Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(empty) if !empty && !overwrite => {
            return Err(Failure::Use(format!(
                "{shown}: this folder is not empty; name another, or add --overwrite to replace \
                 the model in it."
            )));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::Use(format!(
                "{shown}: this is no folder that can be used ({error}); name another."
            )));
        }
        _ => {}
    }
    // All is known to be writable before anything is replaced.
    let outputs = files
        .iter()
        .map(|(name, bytes)| {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|error| {
                    Failure::Use(format!(
                        "{}: this folder cannot be made ({error}); choose a place that is \
                         writable.",
                        parent.display()
                    ))
                })?;
            }
            Ok((Output::new(&path)?, bytes))
        })
        .collect::<Result<Vec<_>>>()?;
    outputs
        .iter()
        .try_for_each(|(output, bytes)| output.write(bytes))?;
    if files.contains_key(diffusers::TRAINING_STATE) {
        return Ok(());
    }
    let stale = folder.join(diffusers::TRAINING_STATE);
    match fs::remove_file(&stale) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::Work(format!(
            "{}: this is the training state of the model that was replaced, and cannot be removed \
             ({error}); remove it.",
            stale.display()
        ))),
        _ => Ok(()),
    }
}
