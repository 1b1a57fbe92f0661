//! Migrations of a schema, and the programs that may use it afterwards.

use sqlite::rusqlite::Connection;
use sqlite::{Error, Migration, migrate};

const FIRST: Migration =
    Migration { name: "0001_create_words", sql: "CREATE TABLE words (word TEXT)", min_reader: 1 };
const SECOND: Migration =
    Migration { name: "0002_add_length", sql: "ALTER TABLE words ADD COLUMN length INTEGER", min_reader: 1 };
const CONTRACTING: Migration = Migration { name: "0002_drop_words", sql: "DROP TABLE words", min_reader: 2 };

#[test]
fn each_migration_is_applied_once() {
    let mut connection = Connection::open_in_memory().unwrap();
    assert_eq!(migrate(&mut connection, &[FIRST]).unwrap(), 1);
    assert_eq!(migrate(&mut connection, &[FIRST, SECOND]).unwrap(), 1);
    assert_eq!(migrate(&mut connection, &[FIRST, SECOND]).unwrap(), 0);
}

#[test]
fn an_older_program_works_with_a_newer_one_until_a_migration_forbids_it() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[FIRST, SECOND]).unwrap();
    assert_eq!(migrate(&mut connection, &[FIRST]).unwrap(), 0);

    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[FIRST, CONTRACTING]).unwrap();
    let error = migrate(&mut connection, &[FIRST]).unwrap_err();
    assert!(matches!(error, Error::TooNew { found: 2, known: 1 }), "{error}");
}

#[test]
fn a_file_with_another_history_is_refused() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[FIRST, SECOND]).unwrap();
    let error = migrate(&mut connection, &[FIRST, CONTRACTING]).unwrap_err();
    assert!(matches!(error, Error::Foreign { version: 2, .. }), "{error}");
}

#[test]
fn a_migration_that_fails_leaves_the_schema_as_it_was() {
    let mut connection = Connection::open_in_memory().unwrap();
    let broken =
        Migration { name: "0002_broken", sql: "CREATE TABLE more (a TEXT); nonsense", min_reader: 1 };
    assert!(matches!(migrate(&mut connection, &[FIRST, broken]), Err(Error::Migration { .. })));
    assert_eq!(migrate(&mut connection, &[FIRST]).unwrap(), 1);
}

#[test]
fn processes_that_start_together_migrate_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.db");
    let applied: u32 = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = Connection::open(&path).unwrap();
                    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                    migrate(&mut connection, &[FIRST, SECOND]).unwrap()
                })
            })
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).sum()
    });
    assert_eq!(applied, 2);
}

#[test]
fn a_program_without_migrations_does_not_wait_for_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.db");
    let mut writing = Connection::open(&path).unwrap();
    writing.pragma_update(None, "journal_mode", "WAL").unwrap();
    migrate(&mut writing, &[FIRST]).unwrap();
    writing.execute_batch("BEGIN IMMEDIATE; INSERT INTO words VALUES ('a')").unwrap();
    let mut starting = Connection::open(&path).unwrap();
    starting.busy_timeout(std::time::Duration::ZERO).unwrap();
    assert_eq!(migrate(&mut starting, &[FIRST]).unwrap(), 0);
}
