//! The bytes of a file, or of standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use files::{Form, Options};
use jiff::Timestamp;

use super::Arguments;
use service::clock;
use service::failure::Failure;

/// The input to send.
pub(super) struct Input {
    /// Its name in the operator's words.
    pub(super) name: String,
    /// The whole path of a file that can be read again; `None` for a stream.
    pub(super) path: Option<PathBuf>,
    /// Bytes, if that is known.
    pub(super) length: Option<u64>,
    pub(super) options: Options,
    pub(super) reader: Box<dyn Bytes>,
}

/// Bytes that may be read again from their beginning.
pub(super) trait Bytes: Read + Send {
    fn rewind(&mut self) -> io::Result<()>;
}

struct Stream<R>(R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl<R: Read + Send> Bytes for Stream<R> {
    fn rewind(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}

impl Bytes for File {
    fn rewind(&mut self) -> io::Result<()> {
        io::Seek::rewind(self)
    }
}

impl Input {
    /// Opens the input that the arguments name.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it cannot be opened, or is a folder.
    pub(super) fn of(arguments: &Arguments) -> Result<Self, Failure> {
        let name = arguments.file.display().to_string();
        let mut options = Options {
            audience: arguments.audience.clone(),
            trait_name: arguments.trait_name.clone(),
            time: arguments.time.unwrap_or_else(|| clock::system()()),
            form: None,
        };
        if name == "-" {
            let reader = Box::new(Stream(io::stdin()));
            return Ok(Self { name: "standard input".to_owned(), path: None, length: None, options, reader });
        }
        let unreadable = |error: io::Error| {
            let hint = "check its name and its permissions";
            Failure::failed("file", &Unreadable { name: name.clone(), error }, hint)
        };
        let file = File::open(&arguments.file).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if about.is_dir() {
            return Err(unreadable(io::ErrorKind::IsADirectory.into()));
        }
        options.form = form(&arguments.file);
        if !about.is_file() {
            let reader = Box::new(Stream(file));
            return Ok(Self { name, path: None, length: None, options, reader });
        }
        let changed = about.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        options.time = arguments.time.or(changed).unwrap_or(options.time);
        let path = arguments.file.canonicalize().map_err(unreadable)?;
        Ok(Self { name, path: Some(path), length: Some(about.len()), options, reader: Box::new(file) })
    }
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{name} cannot be read")]
pub(super) struct Unreadable {
    pub(super) name: String,
    #[source]
    pub(super) error: io::Error,
}

fn form(path: &std::path::Path) -> Option<Form> {
    match path.extension()?.to_str()?.to_lowercase().as_str() {
        "csv" => Some(Form::Export),
        "ndjson" | "jsonl" | "json" => Some(Form::Events),
        _ => None,
    }
}
