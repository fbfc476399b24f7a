//! Class labels from the names of folders.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What images are called after the folders they lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderLabels {
    /// The names of the sub-folders, sorted, each once.
    pub names: Vec<String>,
    /// For each image the place of its name in `names`.
    pub labels: Vec<u32>,
}

/// The sub-folder of one of `roots` that each of `images` lies in, however deep.
///
/// # Errors
/// [`Error::NoSubFolder`] for the first image that lies in no sub-folder, and [`Error::Image`]
/// where all lie in the same one.
pub fn folder_labels(roots: &[PathBuf], images: &[PathBuf]) -> Result<FolderLabels> {
    let folders = images
        .iter()
        .map(|image| {
            let inside = roots.iter().find_map(|root| image.strip_prefix(root).ok());
            inside
                .and_then(sub_folder)
                .ok_or_else(|| Error::NoSubFolder {
                    path: image.display().to_string(),
                })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut names = folders.clone();
    names.sort();
    names.dedup();
    if let [only] = names.as_slice() {
        return Err(Error::Image(format!(
            "all lie in the sub-folder {only:?}, but labels need at least two."
        )));
    }
    let place = |name| names.partition_point(|other| other < name) as u32;
    let labels = folders.iter().map(place).collect();
    Ok(FolderLabels { names, labels })
}

/// The first folder of a path that ends in a file.
fn sub_folder(path: &Path) -> Option<String> {
    let first = path.parent()?.components().next()?;
    Some(first.as_os_str().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn the_first_folder_below_a_root_is_the_label() {
        let images = paths(&["in/b/1.png", "in/b/deep/2.png", "more/a/3.png"]);
        let found = folder_labels(&paths(&["in", "more/"]), &images).unwrap();
        assert_eq!(found.names, ["a", "b"]);
        assert_eq!(found.labels, [1, 1, 0]);
    }

    #[test]
    fn images_without_a_folder_and_a_single_folder_are_refused() {
        let roots = paths(&["in"]);
        let error = |images: &[&str]| folder_labels(&roots, &paths(images)).unwrap_err();
        assert!(matches!(
            error(&["in/a/1.png", "in/2.png"]),
            Error::NoSubFolder { path } if path.ends_with("2.png")
        ));
        assert!(matches!(
            error(&["in/a/1.png", "in/a/2.png"]),
            Error::Image(_)
        ));
    }
}
