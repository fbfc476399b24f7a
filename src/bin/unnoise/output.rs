//! Files written whole or not at all, and lines for whoever waits.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::failure::{Failure, Result};

/// A file to be written, checked before hours of work are put into its contents.
pub struct Output {
    path: PathBuf,
    /// Written first and then renamed, so that a reader never sees half a file, and an interrupted
    /// write leaves the old one. Beside the file, since renaming does not cross file systems.
    temporary: PathBuf,
}

impl Output {
    pub fn new(path: &Path) -> Result<Self> {
        let shown = path.display();
        let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
            return Err(Failure::Use(format!(
                "{shown}: this is a folder; --out must name a file."
            )));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        File::create(&temporary)
            .and_then(|_| fs::remove_file(&temporary))
            .map_err(|error| {
                Failure::Use(format!(
                    "{shown}: nothing can be written there ({error}); choose an existing folder \
                     that is writable."
                ))
            })?;
        Ok(Self {
            path: path.into(),
            temporary,
        })
    }

    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let written = File::create(&self.temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&self.temporary, &self.path)
        });
        written.map_err(|error| {
            // It may not even exist; the first error is the one to tell.
            let _ = fs::remove_file(&self.temporary);
            Failure::Work(format!(
                "{}: writing failed ({error}).",
                self.path.display()
            ))
        })
    }
}

/// Writes to stdout. A reader that stops reading (`| head`) is no failure.
pub fn print(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Work(format!(
            "writing to stdout failed ({error})."
        ))),
        _ => Ok(()),
    }
}

/// A line on stderr for people.
pub fn note(text: &str) {
    // Where stderr is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// The state of a long piece of work on stderr: a line that changes in place on a terminal, a line
/// now and then elsewhere. Gone when dropped.
pub struct Progress {
    terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            shown: None,
        }
    }

    /// Shows `text` if the last was long enough ago.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        let pause = Duration::from_millis(if self.terminal { 100 } else { 10_000 });
        // Somewhere without a terminal, work that is soon over needs no line.
        let since = *self.shown.get_or_insert_with(Instant::now);
        if since.elapsed() < pause {
            return;
        }
        self.shown = Some(Instant::now());
        if self.terminal {
            // Back to the start of the line, and clear it.
            let _ = write!(io::stderr(), "\r\x1b[K{}", text());
        } else {
            note(&text());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// A duration for people: 42s, 3m 20s, 2h 5m.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round().clamp(0.0, 1e9) as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
    }
}
