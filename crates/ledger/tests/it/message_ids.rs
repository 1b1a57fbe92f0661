//! Message ids that an older program stored in clear are deleted; this version never stores them.

use std::path::Path;

use jiff::Timestamp;
use ledger::postgres::{Options, PostgresLedger};
use ledger::sqlite::SqliteLedger;
use ledger::{Expiring, KeptLetters, Ledger, Storage};
use sqlite::rusqlite::Connection;
use testbed::postgres::{fresh_database, psql};

use super::upgrade::{before_events_kept_outcomes, sqlite_with_message_ids};

const ONE: i64 = 1;
const PLANTED: &str = "msg-ann.planted@example.com";

/// A number of events that is more than one step clears.
const EVENTS: usize = 25;
const AT_ONCE: usize = 10;

/// Clears step by step. Returns the number of events that each step checked.
async fn steps(ledger: &impl Ledger) -> Vec<usize> {
    let mut steps = Vec::new();
    for _ in 0..5 {
        let long_ago = Timestamp::UNIX_EPOCH;
        steps.push(ledger.expire(Expiring::MessageIds, long_ago, long_ago, AT_ONCE).await.expect("swept"));
    }
    steps
}

fn files_contain(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).expect("the folder");
    files.into_iter().any(|file| {
        let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// The events of an older program: the first one is dead.
fn sqlite_events() -> String {
    let event = |id: usize| {
        format!("({id}, x'{id:032x}', {ONE}, '{PLANTED}-{id}', 'identify', 'live', 0, x'', 'updated', 1, 1)")
    };
    let rows = (1..=EVENTS).map(event).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO events VALUES {rows};
        INSERT INTO payloads VALUES (1, '{{}}');
        INSERT INTO dead_letters (event, connection, class, cause, attempts, died_at, state)
            VALUES (1, {ONE}, 'refused', 'cause', 1, 1, 'open');"
    )
}

#[tokio::test]
async fn sqlite_clears_the_message_ids_of_an_older_program_step_by_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let older = Connection::open(&path).expect("a file");
    older.execute_batch(&sqlite_with_message_ids()).expect("made");
    older.execute_batch(&sqlite_events()).expect("filled");
    drop(older);
    assert!(files_contain(folder.path(), PLANTED), "the test looks at the right files");
    let ledger = SqliteLedger::open(&path).await.expect("the ledger opens");
    assert_eq!(steps(&ledger).await, [10, 10, 5, 0, 0]);
    assert!(!files_contain(folder.path(), PLANTED));
    assert_eq!(ledger.kept_letters().await.expect("measured")[&ONE], KeptLetters { number: 1, bytes: 2 });
}

#[tokio::test]
async fn postgres_clears_the_message_ids_of_an_older_program_step_by_step() {
    let url = fresh_database().expect("a Postgres for the tests");
    psql(&url, &before_events_kept_outcomes()).expect("made");
    let id = |id: usize| format!("00000000-0000-7000-8000-{id:012x}");
    let event = |number: usize| {
        format!("('{}', {ONE}, '{PLANTED}-{number}', 'identify', 'live', 0, '\\x')", id(number))
    };
    let rows = (1..=EVENTS).map(event).collect::<Vec<_>>().join(", ");
    let filled = format!(
        "INSERT INTO events VALUES {rows};
        INSERT INTO pending VALUES ('{0}', true, '{{}}');
        INSERT INTO dead_letters (event_id, connection, class, cause, attempts, died_at, state)
            VALUES ('{0}', {ONE}, 'refused', 'cause', 1, 1, 'open');",
        id(1)
    );
    psql(&url, &filled).expect("filled");
    let ledger = PostgresLedger::connect(&url, Options::default()).await.expect("the ledger opens");
    let left = || psql(&url, "SELECT COUNT(*) FROM events WHERE message_id IS NOT NULL").expect("counted");
    assert_eq!(left().trim(), "25");
    assert_eq!(steps(&ledger).await, [10, 10, 5, 0, 0]);
    assert_eq!(left().trim(), "0");
    assert_eq!(ledger.kept_letters().await.expect("measured")[&ONE], KeptLetters { number: 1, bytes: 2 });
}
