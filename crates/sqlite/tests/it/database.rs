//! Durability, atomicity and protection of a database.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use sqlite::{Database, Error};

/// Every kind of database, with one empty table `words`.
async fn every_kind(folder: &tempfile::TempDir) -> Vec<Database> {
    let kinds = vec![
        Database::open(&folder.path().join("new/words.db")).unwrap(),
        Database::in_memory().unwrap(),
        Database::inline().unwrap(),
    ];
    for database in &kinds {
        run(database, "CREATE TABLE words (word TEXT NOT NULL)").await;
    }
    kinds
}

async fn run(database: &Database, sql: &'static str) {
    database.run(move |connection| Ok::<_, Error>(connection.execute_batch(sql)?)).await.unwrap();
}

async fn words(database: &Database) -> i64 {
    database
        .run(|connection| {
            Ok::<_, Error>(connection.query_row("SELECT count(*) FROM words", [], |row| row.get(0))?)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for database in every_kind(&folder).await {
        let result: Result<(), Error> = database
            .transaction(|transaction| {
                transaction.execute("INSERT INTO words VALUES ('lost')", [])?;
                Err(Error::NoThread)
            })
            .await;
        assert!(result.is_err());
        assert_eq!(words(&database).await, 0);
    }
}

#[tokio::test]
async fn a_panic_reaches_the_caller_and_leaves_the_database_unchanged_and_usable() {
    let folder = tempfile::tempdir().unwrap();
    for database in every_kind(&folder).await {
        let handle = database.clone();
        let task = tokio::spawn(async move {
            handle
                .run::<(), Error>(|connection| {
                    connection.execute_batch("BEGIN; INSERT INTO words VALUES ('lost')")?;
                    panic!("planted");
                })
                .await
        });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(words(&database).await, 0);
        run(&database, "INSERT INTO words VALUES ('kept')").await;
        assert_eq!(words(&database).await, 1);
    }
}

#[tokio::test]
async fn work_of_a_cancelled_caller_is_completed() {
    let database = Database::in_memory().unwrap();
    run(&database, "CREATE TABLE words (word TEXT NOT NULL)").await;
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let handle = database.clone();
    let task = tokio::spawn(async move {
        handle
            .run::<_, Error>(move |connection| {
                begun.send(()).unwrap();
                may_go.recv().unwrap();
                Ok(connection.execute("INSERT INTO words VALUES ('kept')", [])?)
            })
            .await
    });
    has_begun.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    assert_eq!(words(&database).await, 1);
}

#[tokio::test]
async fn committed_data_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.db");
    let first = Database::open(&path).unwrap();
    run(&first, "CREATE TABLE words (word TEXT NOT NULL); INSERT INTO words VALUES ('kept')").await;
    let second = Database::open(&path).unwrap();
    assert_eq!(words(&second).await, 1);
}

#[tokio::test]
async fn the_files_become_accessible_to_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let database = Database::open(&path).unwrap();
    run(&database, "CREATE TABLE words (word TEXT NOT NULL)").await;
    for name in ["words.db", "words.db-wal", "words.db-shm"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn the_settings_for_durability_and_deletion_are_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("words.db")).unwrap();
    for (pragma, expected) in
        [("journal_mode", "wal"), ("synchronous", "2"), ("secure_delete", "1"), ("foreign_keys", "1")]
    {
        let found: String = database
            .run(move |connection| {
                Ok::<_, Error>(connection.query_row(
                    &format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}"),
                    [],
                    |row| row.get(0),
                )?)
            })
            .await
            .unwrap();
        assert_eq!(found, expected, "{pragma}");
    }
}

#[tokio::test]
async fn deleted_data_is_in_no_file_after_truncating_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("words.db")).unwrap();
    run(&database, "CREATE TABLE words (word TEXT); INSERT INTO words VALUES ('forget-me-please')").await;
    run(&database, "DELETE FROM words").await;
    assert!(database.truncate_log(Duration::ZERO).await.unwrap());
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"forget-me-please"));
    }
}

/// Otherwise SQLite would wait for the reader as long as for a writer, and publishers would wait with it.
#[tokio::test]
async fn truncating_a_log_in_use_returns_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.db");
    let database = Database::open(&path).unwrap();
    run(&database, "CREATE TABLE words (word TEXT); INSERT INTO words VALUES ('a')").await;
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM words").unwrap();
    run(&database, "INSERT INTO words VALUES ('b')").await;
    let began = std::time::Instant::now();
    assert!(!database.truncate_log(Duration::ZERO).await.unwrap());
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    reader.execute_batch("COMMIT").unwrap();
    assert!(database.truncate_log(Duration::ZERO).await.unwrap());
}

#[test]
fn a_file_that_cannot_be_created_is_named() {
    let error = Database::open(std::path::Path::new("/dev/null/words.db")).unwrap_err();
    assert!(error.to_string().contains("/dev/null/words.db"), "{error}");
}

#[tokio::test]
async fn work_on_a_deleted_or_replaced_file_is_refused_until_it_is_back() {
    for ending in ["", "-wal"] {
        for leaves_a_copy in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("words.db");
            let database = Database::open(&path).unwrap();
            run(&database, "CREATE TABLE words (word TEXT NOT NULL)").await;
            let (file, aside) = (sqlite::beside(&path, ending), folder.path().join("aside"));
            std::fs::rename(&file, &aside).unwrap();
            if leaves_a_copy {
                std::fs::copy(&aside, &file).unwrap();
            }
            let refused = database.run(|_| Ok::<_, Error>(())).await;
            assert!(matches!(&refused, Err(Error::Moved { path }) if *path == file), "{refused:?}");
            assert_eq!(database.moved(), Some(file.clone()));
            std::fs::rename(&aside, &file).unwrap();
            assert_eq!(words(&database).await, 0);
        }
    }
}

#[tokio::test]
async fn a_write_during_which_the_file_is_removed_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.db");
    let database = Database::open(&path).unwrap();
    run(&database, "CREATE TABLE words (word TEXT NOT NULL)").await;
    let taken = path.clone();
    let written: Result<(), Error> = database
        .transaction(move |transaction| {
            transaction.execute("INSERT INTO words VALUES ('lost')", [])?;
            std::fs::remove_file(&taken).unwrap();
            Ok(())
        })
        .await;
    assert!(matches!(written, Err(Error::Moved { .. })), "{written:?}");
}
