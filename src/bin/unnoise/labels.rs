//! Labels from the folders that images lie in.

use std::path::PathBuf;

use unnoise::{
    error::Error,
    format::{
        folders::{FolderLabels, folder_labels},
        picture::Images,
    },
    train::{Config, Dataset},
};

use crate::failure::Result;

/// What the images found in `data` are labelled after.
pub fn of_folders(data: &[PathBuf], images: &Images) -> Result<FolderLabels> {
    Ok(folder_labels(data, &images.paths)?)
}

/// The images with the labels of a model that knows those of their folders.
pub fn for_model(
    dataset: Dataset,
    data: &[PathBuf],
    images: &Images,
    config: &Config,
) -> Result<Dataset> {
    let FolderLabels { names, labels } = of_folders(data, images)?;
    let known = names
        .iter()
        .map(|name| config.label_index(name))
        .collect::<std::result::Result<Vec<_>, Error>>()?;
    let labels = labels.iter().map(|label| known[*label as usize] as u32);
    Ok(dataset.with_labels(labels.collect())?)
}
