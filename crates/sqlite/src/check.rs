//! Looks through a whole file for damage, without holding up those that use it.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::error::reports_damage;
use crate::{Error, open, wal};

/// How long a start looks for damage; a larger file is checked in the background.
const START_WITHIN: Duration = Duration::from_secs(10);

/// What a look through a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// Every page makes sense.
    Sound,
    /// Time ran out first; no damage was found until then.
    Unfinished,
    /// Pages are damaged; what SQLite says of them, without data.
    Damaged(String),
}

/// What is wrong with a file or its write-ahead log that is about to be opened; `None`: nothing that ten seconds show.
///
/// # Errors
/// When the file or its log cannot be read, for another reason than damage.
pub fn damage_at_start(path: &Path) -> Result<Option<String>, Error> {
    // The log first: opening the file takes over what SQLite can read of it, and drops the rest.
    let found = match check_log(path)? {
        Soundness::Damaged(why) => Soundness::Damaged(why),
        _ => check(path, START_WITHIN)?,
    };
    Ok(match found {
        Soundness::Damaged(why) => Some(why),
        Soundness::Sound | Soundness::Unfinished => None,
    })
}

/// Checks the structure of every table and of the write-ahead log, for at most `within`. It reads on a connection of its
/// own, table by table, so that writers do not wait and the log is not kept from being cut off for long. It reads the
/// whole file: 1 GiB takes seconds. A file that does not exist is sound.
///
/// # Errors
/// When the file cannot be read, for another reason than damage.
pub fn check(path: &Path, within: Duration) -> Result<Soundness, Error> {
    let (caller, waits) = mpsc::channel();
    let found = check_until(path, within, waits);
    drop(caller);
    found
}

/// As [`check`]; also ends, unfinished, when the other side of `caller` is dropped.
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
            // Time is up, or nobody waits any more: either way it need not go on. Nothing is ever sent.
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

/// Checks the write-ahead log of a file. SQLite passes over all of it that comes after a damaged frame, silently. Other
/// processes may write meanwhile.
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

/// The first thing that is wrong.
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
