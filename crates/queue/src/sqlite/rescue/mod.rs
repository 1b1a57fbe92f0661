//! Handles a damaged file: it is set aside, and its readable messages are copied into a fresh one.
//!
//! All of this happens while no other process uses the file. The copy is called `…rescuing-TIME` until everything from it
//! is in the fresh file, and `…damaged-TIME` then; so the next start completes a rescue that a crash has interrupted at any
//! moment. Events may be handed out twice after that, which does no harm.

mod writer;

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use sqlite::salvage;
use sqlite::{beside, damage_at_start, migrate};

use self::writer::Writer;
use super::MIGRATIONS;
use crate::QueueError;
use crate::pack::{ENVELOPE_BYTES, MESSAGE_BYTES};

/// A row with a larger body is damage.
const LONGEST_ROW: usize = ENVELOPE_BYTES + MESSAGE_BYTES;
/// Suffix of the file's name.
const RESCUING: &str = ".rescuing-";
const DAMAGED: &str = ".damaged-";
/// Suffixes of the files that belong to a database file: without the index it is unknown which frames of the log are valid.
const LOG_AND_INDEX: [&str; 2] = ["-wal", "-shm"];

/// The result of rescuing a damaged file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescue {
    /// When it was set aside.
    pub at: Timestamp,
    /// The damaged file under its new name. It is kept until somebody deletes it.
    pub file: String,
    /// Number of events that are in the fresh file.
    pub rescued: u64,
    /// Number of events that are not, because their pages were not readable: a lower bound.
    pub unreadable: u64,
}

/// Looks for damage and repairs it, while nothing else uses the file. Returns the result for each damaged file.
///
/// `is_known`: SQLite has reported that the file is damaged, although a check of the file finds nothing.
pub(super) fn repair(path: &Path, now: Timestamp, is_known: bool) -> Result<Vec<Rescue>, QueueError> {
    if is_known || damage_at_start(path)?.is_some() {
        tracing::error!(file = %path.display(), "the queue is damaged: its file is set aside, and its readable events are rescued");
        set_aside(path, now).map_err(|cause| failed(path, cause))?;
        sqlite::reset(path)?;
    }
    let mut rescues = Vec::new();
    for copy in copies(path).map_err(|cause| failed(path, cause))? {
        rescues.push(rescue(path, &copy, now)?);
    }
    Ok(rescues)
}

/// Whether there is something to repair: damage, or an unfinished rescue.
pub(super) fn is_needed(path: &Path) -> Result<bool, QueueError> {
    let is_unfinished = !copies(path).map_err(|cause| failed(path, cause))?.is_empty();
    Ok(is_unfinished || damage_at_start(path)?.is_some())
}

/// Copies the file and its log. The copy has its final name only when it is whole.
fn set_aside(path: &Path, now: Timestamp) -> io::Result<()> {
    let copy = beside(path, &format!("{RESCUING}{}", now.as_second()));
    let part = beside(path, ".rescuing.part");
    for ending in LOG_AND_INDEX {
        unless_missing(std::fs::copy(beside(path, ending), beside(&copy, ending)).map(drop))?;
    }
    std::fs::copy(path, &part)?;
    std::fs::File::open(&part)?.sync_all()?;
    std::fs::rename(&part, &copy)
}

/// Copies whose rescue is not finished.
fn copies(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let begin = format!("{}{RESCUING}", path.file_name().unwrap_or_default().to_string_lossy());
    let mut copies = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_prefix(&begin).is_some_and(|time| time.bytes().all(|byte| byte.is_ascii_digit())) {
            copies.push(entry.path());
        }
    }
    copies.sort_unstable();
    Ok(copies)
}

/// Writes everything readable from a copy into the file, and gives the copy its final name.
fn rescue(path: &Path, copy: &Path, now: Timestamp) -> Result<Rescue, QueueError> {
    let aside = renamed(copy);
    let mut connection = Connection::open(path).map_err(::sqlite::Error::from)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&mut connection, MIGRATIONS)?;
    let mut writer = Writer::into(connection);
    salvage::rows(copy, LONGEST_ROW, |row| writer.take(row))?;
    let (rescued, unreadable) = writer.counts();
    let file = aside.display().to_string();
    let rescue = Rescue { at: now, file, rescued, unreadable };
    writer.finish(&rescue)?;
    rename(copy, &aside).map_err(|cause| failed(path, cause))?;
    let Rescue { file, rescued, unreadable, .. } = &rescue;
    tracing::error!(file, rescued, unreadable, "the queue was damaged: its readable events were rescued");
    Ok(rescue)
}

/// The final name of a copy.
fn renamed(copy: &Path) -> PathBuf {
    let name = copy.file_name().unwrap_or_default().to_string_lossy();
    copy.with_file_name(name.replacen(RESCUING, DAMAGED, 1))
}

fn rename(copy: &Path, aside: &Path) -> io::Result<()> {
    for ending in LOG_AND_INDEX {
        unless_missing(std::fs::rename(beside(copy, ending), beside(aside, ending)))?;
    }
    std::fs::rename(copy, aside)
}

/// The result of an operation on a file that may be missing.
fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn failed(path: &Path, cause: io::Error) -> QueueError {
    ::sqlite::Error::File { path: path.to_owned(), cause }.into()
}
