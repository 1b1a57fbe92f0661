//! The target of an export: a new file that only its owner can read, or standard output.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use service::failure::Failure;

/// Stands for standard output.
pub(super) const STDOUT: &str = "-";

/// The target that is written to.
pub(super) enum Target {
    /// A file.
    File(PathBuf, BufWriter<File>),
    /// Standard output.
    Stdout(BufWriter<io::Stdout>),
}

impl Target {
    /// Creates the file. An existing one is not overwritten.
    pub(super) fn create(to: &str) -> Result<Self, Failure> {
        if to == STDOUT {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(to).map_err(|error| failed(&error))?;
        Ok(Self::File(to.into(), BufWriter::new(file)))
    }

    /// Writes a line.
    pub(super) fn write(&mut self, line: &str) -> Result<(), Failure> {
        let written = match self {
            Self::File(_, file) => writeln!(file, "{line}"),
            Self::Stdout(stdout) => writeln!(stdout, "{line}"),
        };
        written.map_err(|error| failed(&error))
    }

    /// Ends the file: all of it is on the disk. An incomplete file is removed.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let finished = match self {
            Self::File(path, file) => {
                let ended = file.into_inner().map_err(io::IntoInnerError::into_error);
                ended.and_then(|it| it.sync_all()).inspect_err(|_| remove(&path))
            }
            Self::Stdout(mut stdout) => stdout.flush(),
        };
        finished.map_err(|error| failed(&error))
    }

    /// Removes an incomplete file.
    pub(super) fn discard(self) {
        if let Self::File(path, file) = self {
            drop(file);
            remove(&path);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a part of the export remains: delete it");
    }
}

/// Shows text that is not part of the exported file to people, on standard error. A failure to show it is ignored.
pub(super) fn beside_stdout(lines: &[String]) {
    drop(writeln!(io::stderr(), "{}", lines.join("\n")));
}

fn failed(error: &io::Error) -> Failure {
    Failure::failed("export", error, "name a new file in a folder that can be written")
}
