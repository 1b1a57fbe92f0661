//! Dead letters of an older program: counted at once, and grouped when housekeeping classifies them.

use jiff::Timestamp;
use ledger::postgres::{Options, PostgresLedger};
use ledger::sqlite::SqliteLedger;
use ledger::{DeadLetterFilter, DeadLetterState, DeadLetters, Ledger, Mender};
use sqlite::rusqlite::Connection;
use testbed::postgres::{fresh_database, psql};

use crate::upgrade::{before_events_kept_outcomes, sqlite_with_message_ids};

/// Its bytes as hexadecimal digits.
const EVENT: &str = "01900000000070008000000000000001";

const PAYLOAD: &str = r#"{"context":{"personas":{"computation_key":"vip"}}}"#;

async fn assert_grouped(ledger: &(impl Ledger + DeadLetters)) {
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    let groups = ledger.groups(now).await.expect("grouped");
    assert_eq!((groups.len(), groups[0].key.as_str()), (1, ""), "it is not classified yet");
    assert_eq!(groups[0].states[&DeadLetterState::Open].letters, 1);

    let counted = async || {
        let refused = DeadLetterFilter {
            classes: Some(vec!["refused".to_owned()]),
            states: Some(vec![DeadLetterState::Open]),
            ..DeadLetterFilter::default()
        };
        let counts = ledger.counts(None, now).await.expect("counted").dead_letters_by_class;
        (counts, ledger.count_dead_letters(&refused).await.expect("counted"))
    };
    let one = ([("refused".to_owned(), 1)].into(), 1);
    assert_eq!(counted().await, one);
    assert_eq!(ledger.reclassify(10).await.expect("classified"), 1);
    assert_eq!(counted().await, one);
    assert_eq!(ledger.reclassify(10).await.expect("classified"), 0);
    let groups = ledger.groups(now).await.expect("grouped");
    assert_eq!((groups.len(), groups[0].cause.mender), (1, Mender::Data));
    assert!(groups[0].key.starts_with('g'), "{groups:?}");
    let letters = DeadLetterFilter {
        groups: Some(vec![groups[0].key.clone()]),
        audiences: Some(vec!["vip".to_owned()]),
        limit: 10,
        ..DeadLetterFilter::default()
    };
    assert_eq!(ledger.dead_letters(&letters).await.expect("listed").len(), 1);
}

#[tokio::test]
async fn older_dead_letters_of_sqlite_are_grouped_after_the_upgrade() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let statements = sqlite_with_message_ids()
        + &format!(
            "INSERT INTO events (id, event_id, connection, kind, lane, received_at, found_by, state, outcome, ended_at)
                VALUES (1, x'{EVENT}', 1, 'identify', 'live', 5, x'', 'dead', 1, 9);
            INSERT INTO payloads (event, payload) VALUES (1, '{PAYLOAD}');
            INSERT INTO dead_letters (event, connection, class, cause, http_status, field, attempts, died_at, state)
                VALUES (1, 1, 'refused', 'odd', 422, 'phone', 1, 9, 'open');"
        );
    Connection::open(&path).expect("a file").execute_batch(&statements).expect("made");
    assert_grouped(&SqliteLedger::open(&path).await.expect("the ledger opens")).await;
}

#[tokio::test]
async fn older_dead_letters_of_postgres_are_grouped_after_the_upgrade() {
    let url = fresh_database().expect("a Postgres for the tests");
    let statements = before_events_kept_outcomes()
        + &format!(
            "INSERT INTO events (event_id, connection, kind, lane, received_at, found_by)
                VALUES ('{EVENT}', 1, 'identify', 'live', 5, '');
            INSERT INTO outcomes (event_id, number, state, at) VALUES ('{EVENT}', 1, 'dead', 9);
            INSERT INTO pending (event_id, dead, payload) VALUES ('{EVENT}', true, '{PAYLOAD}');
            INSERT INTO dead_letters (event_id, connection, class, cause, http_status, field, attempts, died_at, state)
                VALUES ('{EVENT}', 1, 'refused', 'odd', 422, 'phone', 1, 9, 'open');"
        );
    psql(&url, &statements).expect("made");
    assert_grouped(&PostgresLedger::connect(&url, Options::default()).await.expect("the ledger opens")).await;
}
