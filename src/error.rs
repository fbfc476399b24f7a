//! Everything that a caller, a file or a device can get wrong, each said in a sentence.
//!
//! The sentences say what is wrong. What to do about it depends on who asked: that is said by the
//! page (`web/lib/errors.js`) and by the command line (`src/bin/unnoise/failure.rs`).

use std::io;

/// An error of another crate.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why something could not be done. [`Error::code`] is stable; the message is for people, and says
/// also what the source says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration that cannot work.
    #[error("This configuration cannot work: {0}")]
    Config(String),
    /// A configuration, or a part of one, that is no JSON or has a field of the wrong type.
    #[error("This configuration cannot work: {part}{source}.")]
    ConfigJson {
        /// The part followed by a colon and a space; empty for the whole.
        part: &'static str,
        /// What is wrong with the JSON.
        source: serde_json::Error,
    },
    /// Pixels that do not have the promised size.
    #[error("These images cannot be used: {0}")]
    Image(String),
    /// A picture that could not be encoded.
    #[error("The picture cannot be written: {0}.")]
    Encode(#[source] Source),
    /// Something needs images and there are none.
    #[error("There are no images.")]
    NoImages,
    /// A folder that is to have images and has none.
    #[error("{folder}: there are no images in this folder.")]
    NoImagesIn {
        /// Where it is.
        folder: String,
    },
    /// An image that the data set does not have.
    #[error("There is no image {index}: the {count} images are counted from 0.")]
    NoSuchImage {
        /// The position that was asked for.
        index: usize,
        /// Number of images.
        count: usize,
    },
    /// A file that is no checkpoint, or one that does not hold what is asked for.
    #[error("This file is not a model Unnoise can load: {0}")]
    Checkpoint(String),
    /// A checkpoint of a format that this version does not know.
    #[error(
        "This file is not a model Unnoise can load: it was made by a newer Unnoise (format \
         {version})."
    )]
    NewerFormat {
        /// The format that the file says it has.
        version: String,
    },
    /// A part of a checkpoint's metadata that cannot be read.
    #[error(
        "This file is not a model Unnoise can load: its description of the {part} is damaged \
         ({source})."
    )]
    Metadata {
        /// The key of the metadata.
        part: String,
        /// What is wrong with its JSON.
        source: serde_json::Error,
    },
    /// A checkpoint that could not be written as a safetensors file, or read as one.
    #[error("This file is not a model Unnoise can load: {0}.")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// A checkpoint that ends before its tensors do.
    #[error("The model file is cut short: {0}.")]
    Truncated(String),
    /// A checkpoint whose tensors do not fit its own configuration.
    #[error("The model file does not fit its own description: {0}.")]
    ShapeMismatch(String),
    /// Noise handed in by the caller that does not fit the sampler.
    #[error("The given noise does not fit: {0}")]
    Noise(String),
    /// A network, images or batches that the device has no room for.
    #[error("This is too large for the device: {reason} {advice}")]
    TooLarge {
        /// A sentence that says of what there is too much.
        reason: String,
        /// A sentence that says which setting to lower, and to what.
        advice: String,
    },
    /// The device refused or was lost.
    #[error("The compute device failed: {0}")]
    Device(#[source] Source),
    /// No usable WebGPU adapter.
    #[error("WebGPU is not available: {0}")]
    NoWebGpu(String),
    /// A file that cannot be used.
    #[error("{path}: {reason}")]
    File {
        /// Where it is.
        path: String,
        /// A sentence.
        reason: String,
    },
    /// A file or folder that could not be read.
    #[error("{path}: the file or folder cannot be read ({source}).")]
    Io {
        /// Where it is.
        path: String,
        /// What the file system says.
        source: io::Error,
    },
    /// A file that should be JSON and is not.
    #[error("{path}: this is not JSON ({source}).")]
    FileJson {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file that should be an image and cannot be decoded.
    #[error("{path}: this is not an image that can be read ({source}).")]
    NotAnImage {
        /// Where it is.
        path: String,
        /// What the decoder says.
        source: Source,
    },
    /// An image that lies in no sub-folder that could be its label.
    #[error("{path}: this image lies in no sub-folder to be labelled after.")]
    NoSubFolder {
        /// Where it is.
        path: String,
    },
}

/// As much of a file's own words as a sentence may quote.
const MAX_MESSAGE: usize = 1000;

impl Error {
    /// The sentence, no longer than a person reads: it may quote what a file says, and files may say
    /// megabytes.
    pub fn message(&self) -> String {
        let whole = self.to_string();
        match whole.char_indices().nth(MAX_MESSAGE) {
            Some((end, _)) => format!("{}…", &whole[..end]),
            None => whole,
        }
    }

    /// A stable, machine-readable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Config(_) | Error::ConfigJson { .. } => "bad-config",
            Error::Image(_) | Error::Encode(_) => "bad-image",
            Error::NoImages | Error::NoImagesIn { .. } => "no-images",
            Error::NoSuchImage { .. } => "no-such-image",
            Error::Checkpoint(_) | Error::Metadata { .. } | Error::Safetensors(_) => {
                "bad-checkpoint"
            }
            Error::NewerFormat { .. } => "newer-format",
            Error::Truncated(_) => "truncated",
            Error::ShapeMismatch(_) => "shape-mismatch",
            Error::Noise(_) => "bad-noise",
            Error::TooLarge { .. } => "too-large",
            Error::Device(_) => "device-lost",
            Error::NoWebGpu(_) => "no-webgpu",
            Error::File { .. }
            | Error::Io { .. }
            | Error::FileJson { .. }
            | Error::NotAnImage { .. }
            | Error::NoSubFolder { .. } => "bad-file",
        }
    }
}

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_cut_between_letters() {
        let short = Error::Image("ä".repeat(10));
        assert_eq!(short.message(), short.to_string());
        let long = Error::Image("ä".repeat(1 << 20)).message();
        assert_eq!(long.chars().count(), MAX_MESSAGE + 1);
    }
}
