//! Detects whether the open files of a connection are still the ones at their paths.
//!
//! If a file is deleted, or replaced by a copy, a process continues to write into the old file and loses that data when it ends. Device and
//! inode identify a file: the inode of an open file is not reused.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::Error;

/// The database, and the files that SQLite keeps beside it while it is open.
const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];

/// The file at a path: device and inode.
type FileId = (u64, u64);

/// The files of one connection, as they were when they were first seen.
#[derive(Debug)]
pub(crate) struct Identity {
    paths: [PathBuf; 3],
    seen: Mutex<[Option<FileId>; 3]>,
    was_reported: AtomicBool,
}

impl Identity {
    /// The files of a database that is about to be opened.
    pub(crate) fn of(path: &Path) -> Self {
        let paths = ENDINGS.map(|ending| crate::beside(path, ending));
        Self { paths, seen: Mutex::default(), was_reported: AtomicBool::default() }
    }

    /// Accepts the files that exist now as ours. To be called when the database was just opened.
    pub(crate) fn renew(&self) {
        *self.seen.lock() = self.paths.each_ref().map(|path| file_id(path).ok());
        self.was_reported.store(false, Ordering::Relaxed);
    }

    /// The first file that is no longer at its path. Files that SQLite has created since the last check are accepted as ours.
    pub(crate) fn moved(&self) -> Option<&Path> {
        let mut seen = self.seen.lock();
        for (path, seen) in self.paths.iter().zip(seen.iter_mut()) {
            match (file_id(path), &seen) {
                (Ok(now), Some(before)) if now != *before => return Some(path),
                (Ok(now), None) => *seen = Some(now),
                (Err(error), Some(_)) if is_gone(&error) => return Some(path),
                // An unreadable path says nothing about the open file.
                _ => {}
            }
        }
        None
    }

    /// Refuses work if a file is no longer at its path, and logs that once.
    pub(crate) fn refuse_if_moved(&self) -> Result<(), Error> {
        let Some(path) = self.moved() else { return Ok(()) };
        if !self.was_reported.swap(true, Ordering::Relaxed) {
            let file = path.display();
            tracing::error!(%file, "the file was deleted or replaced while it is in use: nothing is read or written");
        }
        Err(Error::Moved { path: path.to_owned() })
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
fn file_id(path: &Path) -> io::Result<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Without inodes a file is identified by its existence.
#[cfg(not(unix))]
fn file_id(path: &Path) -> io::Result<FileId> {
    fs::metadata(path).map(|_| (0, 0))
}
