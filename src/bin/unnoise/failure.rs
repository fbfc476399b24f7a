//! What ends the program early.

use std::{
    any::Any,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use unnoise::error::Error;

/// A reason to stop, in a sentence.
#[derive(Debug)]
pub enum Failure {
    /// The caller can put it right: wrong use, a file that cannot be used. Exit status 2.
    Use(String),
    /// It failed at work: the device, the disk. Exit status 1.
    Work(String),
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// What `error` means when `path` is being read.
    pub fn reading(path: &Path, error: &Error) -> Self {
        match error {
            Error::File { .. } | Error::FileJson { .. } => Self::Use(error.message()),
            _ => Self::Use(format!("{}: {}", path.display(), advised(error))),
        }
    }

    /// What `error` means when `path` is being read off the disk.
    pub fn cannot_read(path: &Path, error: &io::Error) -> Self {
        Self::Use(format!(
            "{}: the file cannot be read ({error}). Check its name.",
            path.display()
        ))
    }

    /// What the panic of a backend means.
    pub fn from_panic(cause: &(dyn Any + Send)) -> Self {
        let text = cause
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| cause.downcast_ref::<&str>().copied());
        Self::Work(text.unwrap_or("an unknown internal error").into())
    }

    /// Says it in one line on stderr and gives the exit status.
    pub fn report(self) -> ExitCode {
        let (message, status) = match self {
            Self::Use(message) => (message, 2),
            Self::Work(message) => (message, 1),
        };
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        // Where stderr is closed there is nobody to tell.
        let _ = writeln!(io::stderr(), "unnoise: {line}");
        ExitCode::from(status)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Device(_) | Error::NoWebGpu(_) => Self::Work(error.message()),
            _ => Self::Use(advised(&error)),
        }
    }
}

/// What is wrong, and where there is something to be done about it on the command line, what.
fn advised(error: &Error) -> String {
    let advice = match error {
        Error::NewerFormat { .. } => "Update unnoise.",
        Error::Truncated(_) => "Copy or download it again.",
        Error::NoImagesIn { .. } => "Name one that has some.",
        Error::NoSubFolder { .. } => {
            "Put one folder for each label into the folder that --data names."
        }
        _ => return error.message(),
    };
    format!("{} {advice}", error.message())
}
