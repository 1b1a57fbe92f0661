//! The check of a write-ahead log distinguishes damage from frames that were never committed.

use std::fs;
use std::path::{Path, PathBuf};

use sqlite::rusqlite::Connection;
use sqlite::{Soundness, beside, check_log};

/// The sizes of a frame and of the header before the first one: pages have 4 KiB here.
const FRAME: usize = 24 + 4096;
const HEADER: usize = 32;

/// A file whose log contains a few transactions. It is not closed, so that the log stays.
fn written(folder: &Path) -> (PathBuf, Connection) {
    let path = folder.join("words.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE words (word BLOB NOT NULL)",
        )
        .unwrap();
    for _ in 0..6 {
        write(&connection);
    }
    (path, connection)
}

fn write(connection: &Connection) {
    connection.execute("INSERT INTO words VALUES (zeroblob(6000))", []).unwrap();
}

/// Leaves a transaction in the log that is too large for the cache and is rolled back, like that of a process that is killed before its
/// commit is complete.
fn write_and_roll_back(connection: &Connection, rows: usize) {
    connection.execute_batch("PRAGMA cache_size = 10; BEGIN IMMEDIATE").unwrap();
    for _ in 0..rows {
        write(connection);
    }
    connection.execute_batch("ROLLBACK; PRAGMA cache_size = 2000").unwrap();
}

fn frames(path: &Path) -> usize {
    let bytes = usize::try_from(fs::metadata(beside(path, "-wal")).unwrap().len()).unwrap();
    (bytes - HEADER) / FRAME
}

/// A copy of the file and its log, with one bit of a frame changed, in the byte `at`.
fn damaged(path: &Path, frame: usize, at: usize, endings: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("words.db");
    for ending in endings {
        fs::copy(beside(path, ending), beside(&copy, ending)).unwrap();
    }
    let log = beside(&copy, "-wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[HEADER + frame * FRAME + at] ^= 1;
    fs::write(log, bytes).unwrap();
    (folder, copy)
}

fn is_damaged(path: &Path) -> bool {
    matches!(check_log(path).unwrap(), Soundness::Damaged(_))
}

#[test]
fn uncommitted_frames_are_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = written(folder.path());
    let committed = frames(&path);
    for rows in [60, 40, 20] {
        write_and_roll_back(&connection, rows);
        assert!(frames(&path) > committed + 10, "what is in vain is in the log");
        assert!(!is_damaged(&path));
        write(&connection);
        assert!(
            !is_damaged(&path),
            "behind the newest commit stand frames of a transaction that was taken back"
        );
    }
    let (_folder, alone) = damaged(&path, frames(&path) - 1, 50, &["", "-wal"]);
    assert!(!is_damaged(&alone), "without the index beside it the log says the same");
}

#[test]
fn a_changed_bit_in_any_committed_frame_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = written(folder.path());
    let committed = frames(&path);
    write_and_roll_back(&connection, 60);
    for frame in 0..committed {
        // In the frame's header (its page number, its checksum), then in the page.
        for at in [2, 18, 50, 4000] {
            let (_folder, copy) = damaged(&path, frame, at, &["", "-wal", "-shm"]);
            assert!(is_damaged(&copy), "byte {at} of frame {frame}");
        }
    }
}

#[test]
fn a_log_without_an_index_is_damaged_if_several_commits_follow_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _connection) = written(folder.path());
    for frame in 0..frames(&path) - 8 {
        let (_folder, copy) = damaged(&path, frame, 50, &["", "-wal"]);
        assert!(is_damaged(&copy), "frame {frame}");
    }
}

#[test]
fn a_restarted_log_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = written(folder.path());
    for _ in 0..3 {
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
        write(&connection);
        assert!(!is_damaged(&path), "behind the newest commit stand frames of the log before");
    }
}
