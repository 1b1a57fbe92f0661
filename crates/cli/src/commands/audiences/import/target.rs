//! Where an export goes: a new file that its owner alone can read, or standard output.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use service::failure::Failure;

/// What stands for standard output.
pub(super) const STDOUT: &str = "-";

/// What is written to.
pub(super) enum Target {
    /// A file.
    File(PathBuf, BufWriter<File>),
    /// Standard output.
    Stdout(BufWriter<io::Stdout>),
}

impl Target {
    /// Begins the file. One that is there already is not overwritten.
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

    /// Ends it: all of it is on the disk.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let finished = match self {
            Self::File(_, file) => {
                file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|it| it.sync_all())
            }
            Self::Stdout(mut stdout) => stdout.flush(),
        };
        finished.map_err(|error| failed(&error))
    }

    /// Takes a file away that is not whole.
    pub(super) fn discard(self) {
        if let Self::File(path, file) = self {
            drop(file);
            if let Err(error) = remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a part of the export remains: delete it");
            }
        }
    }
}

/// Shows people, on standard error, what is not part of the file on standard output. A failure to show it is ignored.
pub(super) fn beside_stdout(lines: &[String]) {
    drop(writeln!(io::stderr(), "{}", lines.join("\n")));
}

fn failed(error: &io::Error) -> Failure {
    Failure::failed("export", error, "name a new file in a folder that can be written")
}
