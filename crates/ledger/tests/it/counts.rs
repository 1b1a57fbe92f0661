//! Counts are read from counters, and block no other process.

use ledger::postgres::{Options, PostgresLedger};
use ledger::sqlite::SqliteLedger;
use ledger::{
    Changes, DeadLetter, DeadLetterFilter, DeadLetterState, Engine, Graphs as _, Outcome, State, View as _,
};
use sqlite::rusqlite::Connection;
use sqlx::{Connection as _, PgConnection, raw_sql};
use testbed::postgres::psql;
use uuid::Uuid;

use super::postgres_server::{ONE, at, event, of, open, outcome, url};

/// The number of dead letters that are in the counters, but in no table.
const SURPLUS: i64 = 1_000;

/// An event that dies with this class.
pub(super) fn dead_event(number: u64, class: &str) -> (Uuid, DeadLetter) {
    let id = Uuid::from_u128(u128::from(number));
    let letter = DeadLetter {
        event: id,
        class: class.to_owned(),
        cause: "a test".to_owned(),
        http_status: None,
        field: None,
        attempts: 1,
        died_at: at(0),
        person: None,
    };
    (id, letter)
}

async fn three_letters(ledger: &impl Engine) {
    let letters = [dead_event(1, "refused"), dead_event(2, "refused"), dead_event(3, "gone")];
    let changes = Changes {
        events: (1..).zip(&letters).map(|(number, (id, _))| event(*id, number)).collect(),
        outcomes: letters.iter().map(|(id, _)| outcome(*id, State::Dead, 0)).collect(),
        dead_letters: letters.into_iter().map(|(_, letter)| letter).collect(),
        ..of(Vec::new())
    };
    ledger.record(changes).await.expect("recorded");
}

/// Each count that the counters can answer includes their surplus, so none of them reads the dead letters.
async fn assert_counts_use_counters(ledger: &impl Engine) {
    let more = u64::try_from(SURPLUS).expect("positive");
    let counts = ledger.counts(Some(ONE), at(0)).await.expect("counted");
    assert_eq!(
        counts.dead_letters_by_class,
        [("gone".to_owned(), 1 + more), ("refused".to_owned(), 2 + more)].into()
    );
    let filter = DeadLetterFilter {
        states: Some(vec![DeadLetterState::Open]),
        classes: Some(vec!["gone".to_owned()]),
        connections: Some(vec![ONE]),
        ..DeadLetterFilter::default()
    };
    assert_eq!(ledger.count_dead_letters(&filter).await.expect("counted"), 1 + more);
    let of_text = DeadLetterFilter { text: Some("test".to_owned()), ..filter };
    assert_eq!(ledger.count_dead_letters(&of_text).await.expect("counted"), 1, "counters tell no text");
}

#[tokio::test]
async fn postgres_counts_dead_letters_by_their_counters() {
    let url = url();
    let ledger = PostgresLedger::connect(&url, Options::default()).await.expect("the ledger opens");
    three_letters(&ledger).await;
    let more = format!(
        "INSERT INTO letter_count_changes SELECT connection, group_key, what, hour, {SURPLUS}
         FROM letter_count_changes WHERE what = 'open' GROUP BY 1, 2, 3, 4"
    );
    psql(&url, &more).expect("written");
    assert_counts_use_counters(&ledger).await;
}

#[tokio::test]
async fn sqlite_counts_dead_letters_by_their_counters() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).await.expect("the file opens");
    three_letters(&ledger).await;
    let more = format!("UPDATE letter_counts SET count = count + {SURPLUS} WHERE what = 'open'");
    Connection::open(&path).expect("the file").execute_batch(&more).expect("written");
    assert_counts_use_counters(&ledger).await;
}

/// While counting reads, it holds no lock on the counters: recording, and dropping a week, would wait for that.
#[tokio::test]
async fn sums_are_committed_before_counting_begins() {
    let url = url();
    let ledger = open(&url).await;
    let ended: Outcome = outcome(Uuid::from_u128(1), State::Updated, 1);
    let changes = Changes { events: vec![event(ended.event, 1)], outcomes: vec![ended], ..of(Vec::new()) };
    ledger.record(changes).await.expect("recorded");
    // Counting gets as far as the due work, and waits there.
    let mut other = PgConnection::connect(&url).await.expect("connected");
    let lock = "BEGIN; LOCK TABLE work IN ACCESS EXCLUSIVE MODE";
    raw_sql(lock).execute(&mut other).await.expect("locked");
    let counting = tokio::spawn(async move { ledger.counts(Some(ONE), at(0)).await });
    let waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'work'::regclass";
    while psql(&url, waits).expect("asked").is_empty() {
        tokio::task::yield_now().await;
    }
    let held = "SELECT (SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
            (SELECT oid FROM pg_database WHERE datname = current_database())),
        (SELECT COUNT(*) FROM tally_changes), (SELECT COUNT(*) FROM tallies)";
    assert_eq!(psql(&url, held).expect("counted").trim(), "0|0|1");
    raw_sql("ROLLBACK").execute(&mut other).await.expect("unlocked");
    let counts = counting.await.expect("no panic").expect("counted");
    assert_eq!(counts.outcomes, [("updated".to_owned(), 1)].into());
}
