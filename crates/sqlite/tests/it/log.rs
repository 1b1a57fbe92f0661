//! What a look through a write-ahead log tells: damage from frames that nobody committed.

use std::fs;
use std::path::{Path, PathBuf};

use sqlite::rusqlite::Connection;
use sqlite::{Soundness, beside, check_log};

/// The size of a frame, and of what stands before the first: pages have 4 KiB here.
const FRAME: usize = 24 + 4096;
const HEADER: usize = 32;

/// A file whose log holds a few transactions; nobody closes it, so that the log stays.
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

/// Leaves a transaction in the log that is too large for the cache and is taken back, as that of a process which is killed
/// before its commit counts.
fn write_in_vain(connection: &Connection, rows: usize) {
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

/// The same file and log elsewhere, with one bit of a frame changed, `at` that byte of it.
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
fn frames_that_nobody_committed_are_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = written(folder.path());
    let committed = frames(&path);
    for rows in [60, 40, 20] {
        write_in_vain(&connection, rows);
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
fn a_bit_that_changed_in_any_committed_frame_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = written(folder.path());
    let committed = frames(&path);
    write_in_vain(&connection, 60);
    for frame in 0..committed {
        // In the page; in the frame's header, where its own checksum stands.
        for at in [2, 18, 50, 4000] {
            let (_folder, copy) = damaged(&path, frame, at, &["", "-wal", "-shm"]);
            assert!(is_damaged(&copy), "byte {at} of frame {frame}");
        }
    }
}

#[test]
fn without_its_index_a_log_is_damaged_if_several_commits_stand_behind_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _connection) = written(folder.path());
    for frame in 0..frames(&path) - 8 {
        let (_folder, copy) = damaged(&path, frame, 50, &["", "-wal"]);
        assert!(is_damaged(&copy), "frame {frame}");
    }
}

#[test]
fn a_log_that_was_begun_again_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = written(folder.path());
    for _ in 0..3 {
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
        write(&connection);
        assert!(!is_damaged(&path), "behind the newest commit stand frames of the log before");
    }
}
