//! Checks a whole file for damage, without blocking the processes that use it.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::error::reports_damage;
use crate::{Error, open, wal};

/// The time limit for the check at start; a larger file is checked in the background.
const START_WITHIN: Duration = Duration::from_secs(10);

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// Every page is valid.
    Sound,
    /// The time limit was reached; no damage was found until then.
    Unfinished,
    /// Pages are damaged; SQLite's message about them, without data.
    Damaged(String),
}

/// The damage of a file or its write-ahead log, before the file is opened; `None` if a check of ten seconds finds none.
///
/// # Errors
/// When the file or its log cannot be read for a reason other than damage.
pub fn damage_at_start(path: &Path) -> Result<Option<String>, Error> {
    // The log is checked first: opening the file applies the part of the log that SQLite can read, and drops the rest.
    let found = match check_log(path)? {
        Soundness::Damaged(why) => Soundness::Damaged(why),
        _ => check(path, START_WITHIN)?,
    };
    Ok(match found {
        Soundness::Damaged(why) => Some(why),
        Soundness::Sound | Soundness::Unfinished => None,
    })
}

/// Checks the structure of every table and of the write-ahead log, for at most `within`. It uses its own connection and reads table by
/// table, so that writers do not wait and the log can be truncated soon. It reads the whole file: 1 GiB takes seconds. A file that does not
/// exist is sound.
///
/// # Errors
/// When the file cannot be read for a reason other than damage.
pub fn check(path: &Path, within: Duration) -> Result<Soundness, Error> {
    let (caller, waits) = mpsc::channel();
    let found = check_until(path, within, waits);
    drop(caller);
    found
}

/// Does the same as [`check`], and also ends, unfinished, when the other side of `caller` is dropped.
///
/// # Errors
/// As [`check`].
pub fn check_until(path: &Path, within: Duration, caller: mpsc::Receiver<()>) -> Result<Soundness, Error> {
    if let Err(error) = std::fs::metadata(path)
        && error.kind() == std::io::ErrorKind::NotFound
    {
        return Ok(Soundness::Sound);
    }
    let connection = open::for_reading(path)?;
    let interrupt = connection.get_interrupt_handle();
    thread::Builder::new()
        .name("sqlite check".to_owned())
        .spawn(move || {
            // The time limit is reached, or nobody waits for the result any more: stop the check. Nothing is ever sent.
            if caller.recv_timeout(within).is_err() {
                interrupt.interrupt();
            }
        })
        .map_err(|_| Error::NoThread)?;
    Ok(match complaint(&connection) {
        Ok(None) => Soundness::Sound,
        Ok(Some(complaint)) => Soundness::Damaged(complaint),
        Err(failure) if reports_damage(&failure) => Soundness::Damaged(failure.to_string()),
        Err(failure) if failure.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Soundness::Unfinished
        }
        Err(failure) => return Err(failure.into()),
    })
}

/// Checks the write-ahead log of a file. SQLite silently ignores all frames after a damaged one. Other processes may
/// write meanwhile.
///
/// # Errors
/// When the log or its index cannot be read.
pub fn check_log(path: &Path) -> Result<Soundness, Error> {
    let failed = |cause| Error::File { path: crate::beside(path, "-wal"), cause };
    let damaged = wal::is_damaged(path).map_err(failed)?;
    Ok(if damaged {
        Soundness::Damaged("a frame within the write-ahead log is damaged".to_owned())
    } else {
        Soundness::Sound
    })
}

/// The first problem that SQLite reports.
fn complaint(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        let checked: String = connection.query_row(
            "SELECT quick_check FROM pragma_quick_check(?1) LIMIT 1",
            [&table],
            |row| row.get(0),
        )?;
        if checked != "ok" {
            return Ok(Some(format!("{table}: {}", checked.lines().next().unwrap_or_default())));
        }
    }
    Ok(None)
}
