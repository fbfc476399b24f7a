//! Everything that a person or a file can get wrong, each said in a sentence to act on.

/// Why something could not be done. [`Error::code`] is stable; the message is for people.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration that cannot work.
    #[error("This configuration cannot work: {0}")]
    Config(String),
    /// Pixels that do not have the promised size.
    #[error("These images cannot be used: {0}")]
    Image(String),
    /// Something needs images and there are none.
    #[error("There are no images yet. Add at least one image first.")]
    NoImages,
    /// A file that is no checkpoint, or one this version cannot read.
    #[error("This file is not a model Unnoise can load: {0}")]
    Checkpoint(String),
    /// A checkpoint that ends before its tensors do.
    #[error(
        "The model file is cut short: {0}. Copy or download it again; nothing loaded was changed."
    )]
    Truncated(String),
    /// A checkpoint whose tensors do not fit its own configuration.
    #[error("The model file does not fit its own description: {0}. Nothing loaded was changed.")]
    ShapeMismatch(String),
    /// Noise handed in by the caller that does not fit the sampler.
    #[error("The given noise does not fit: {0}")]
    Noise(String),
    /// The device refused or was lost.
    #[error("The compute device failed: {0}")]
    Device(String),
    /// No usable WebGPU adapter.
    #[error("WebGPU is not available: {0}")]
    NoWebGpu(String),
    /// A file or folder that could not be read or written.
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
}

impl Error {
    /// A stable, machine-readable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Config(_) => "bad-config",
            Error::Image(_) => "bad-image",
            Error::NoImages => "no-images",
            Error::Checkpoint(_) => "bad-checkpoint",
            Error::Truncated(_) => "truncated",
            Error::ShapeMismatch(_) => "shape-mismatch",
            Error::Noise(_) => "bad-noise",
            Error::Device(_) => "device-lost",
            Error::NoWebGpu(_) => "no-webgpu",
            Error::File { .. } => "bad-file",
        }
    }
}

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;
