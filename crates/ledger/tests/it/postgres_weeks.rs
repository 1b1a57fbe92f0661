//! Dropping weeks of events on Postgres.

use identity::Digest;
use jiff::Timestamp;
use ledger::contract::fixtures::expire;
use ledger::postgres::PostgresLedger;
use ledger::{Changes, Expiring, Graphs as _, Housekeeping as _, Outcome, State, View as _};
use sqlx::{Connection as _, PgConnection, raw_sql};
use testbed::postgres::psql;
use uuid::Uuid;

use super::postgres_server::{ONE, at, digest, event, of, open, outcome, url};

/// The seconds after which the outcome of an event counts as late.
const LATE: i64 = 1_000_000;

/// An id of the server's present week.
fn id_of_this_week() -> Uuid {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let ms = u64::try_from(now.as_millis()).expect("in this age");
    Uuid::from_u128(u128::from(ms) << 80 | 7 << 76)
}

/// Writes a dead letter for each of these events, without the ledger.
fn write_letters(url: &str, first: Uuid, numbers: std::ops::RangeInclusive<u64>) {
    let letters = format!(
        "INSERT INTO dead_letters (event_id, connection, class, cause, attempts, died_at, state)
         SELECT ('{}' || lpad(to_hex(n), 12, '0'))::uuid, {ONE}, 'refused', 'a test', 1, 0, 'open'
         FROM generate_series({}, {}) AS n",
        &first.to_string()[..24],
        numbers.start(),
        numbers.end(),
    );
    psql(url, &letters).expect("written");
}

/// Deletes everything that has expired. Returns the number of events.
async fn expire_all(ledger: &PostgresLedger, before: Timestamp) -> usize {
    let mut dropped = 0;
    loop {
        match expire(ledger, before, Timestamp::UNIX_EPOCH, 20).await.outcomes {
            0 => return dropped,
            more => dropped += more,
        }
    }
}

/// Dropping a week as a whole would delay recording if many of its events have to stay. Such a week does not delay other weeks: its other
/// events are deleted page by page, and it is dropped as a whole once few events stay.
#[tokio::test]
async fn a_week_with_many_remaining_events_is_dropped_event_by_event() {
    let url = url();
    let ledger = open(&url).await;
    let first = id_of_this_week();
    let id = |number: u64| Uuid::from_u128(first.as_u128() | u128::from(number));
    let next_week = Uuid::from_u128(first.as_u128() + (u128::from(7 * 24 * 3_600_000_u64) << 80));
    let mut events = vec![event(next_week, 700)];
    let mut outcomes = vec![outcome(next_week, State::Updated, 10)];
    for number in 1..=600 {
        events.push(event(id(number), number));
        // The last ten end late, and ten are pending.
        let at = if number > 580 { LATE } else { 10 };
        outcomes.extend((number <= 590).then(|| outcome(id(number), State::Updated, at)));
    }
    ledger.record(Changes { events, outcomes, ..of(Vec::new()) }).await.expect("recorded");
    write_letters(&url, first, 41..=560);
    let before = at(LATE / 2);
    assert_eq!(expire_all(&ledger, before).await, 61, "40 and 20 of this week, and the other week");
    assert_eq!(expire_all(&ledger, before).await, 0);
    let left = |table: &str| psql(&url, &format!("SELECT COUNT(*) FROM {table}")).expect("counted");
    assert_eq!((left("events").trim(), left("events_rest").trim()), ("540", "0"));
    let digests: Vec<Digest> = [1, 41, 580, 581, 600].map(digest).into();
    let found = ledger.find_events(&digests, 10).await.expect("found");
    assert_eq!(found.iter().map(|view| view.event).collect::<Vec<_>>(), [600, 581, 41].map(id));
    let counts = ledger.counts(Some(ONE), at(0)).await.expect("counted");
    assert_eq!((counts.pending, counts.outcomes), (10, [("updated".to_owned(), 530)].into()));

    // A day later, events that have lost their dead letter are deleted as well, and then 500 are few enough.
    psql(&url, "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters ORDER BY id LIMIT 39)")
        .expect("deleted");
    assert_eq!(expire_all(&ledger, before).await, 0, "each event is looked at once a day");
    let next_day = before.checked_add(jiff::SignedDuration::from_hours(24)).expect("in range");
    assert_eq!(expire_all(&ledger, next_day).await, 39);
    assert_eq!(left("events_rest").trim(), "0", "501 are too many");
    psql(&url, "DELETE FROM dead_letters WHERE id = (SELECT MIN(id) FROM dead_letters)").expect("deleted");
    assert_eq!(expire_all(&ledger, next_day).await, 1);
    assert_eq!((left("events").trim(), left("events_rest").trim()), ("500", "500"));
    assert_eq!(left("thinned_weeks").trim(), "0");
    let counts = ledger.counts(Some(ONE), at(0)).await.expect("counted");
    assert_eq!((counts.pending, counts.outcomes), (10, [("updated".to_owned(), 490)].into()));
}

/// A week is dropped as a whole; its events that are pending, or ended late, stay, and are found and counted as before. It makes no
/// difference whether an event ended in the transaction that recorded it.
#[tokio::test]
async fn an_old_week_is_dropped_as_a_whole_except_events_that_have_to_stay() {
    let url = url();
    let ledger = open(&url).await;
    let weeks = psql(&url, "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'events'::regclass");
    assert_eq!(weeks.expect("counted").trim(), "6", "this week, four to come, and the rest");
    let first = id_of_this_week().as_u128();
    let id = |number: u64| Uuid::from_u128(first | u128::from(number));
    let events = (1..=7).map(|number| event(id(number), number)).collect();
    let outcomes = vec![
        outcome(id(1), State::Updated, 10),
        outcome(id(2), State::Created, 10),
        outcome(id(3), State::Remembered, LATE),
        outcome(id(5), State::Remembered, 10),
    ];
    ledger.record(Changes { events, outcomes, ..of(Vec::new()) }).await.expect("recorded");
    let outcomes = vec![
        Outcome { number: 2, ..outcome(id(5), State::Created, LATE) },
        outcome(id(6), State::Unchanged, LATE),
        outcome(id(7), State::Skipped, 10),
    ];
    ledger.record(Changes { outcomes, ..of(Vec::new()) }).await.expect("recorded");
    // A time weeks ahead: by then this week is old, and so are events that ended before it.
    let before = at(LATE / 2);
    let expired = expire(&ledger, before, Timestamp::UNIX_EPOCH, 100).await;
    assert_eq!(expired.outcomes, 3);
    let digests: Vec<Digest> = (1..=7).map(digest).collect();
    let found = ledger.find_events(&digests, 10).await.expect("found");
    let states: Vec<_> = found.iter().map(|view| (view.event, view.state)).collect();
    let stayed = [(6, State::Unchanged), (5, State::Created), (4, State::Pending), (3, State::Remembered)];
    assert_eq!(states, stayed.map(|(number, state)| (id(number), state)));
    assert_eq!(found[2].kind, "a\u{FFFD}b");
    assert!(ledger.payload(id(4)).await.expect("read").is_some());
    let counts = ledger.counts(Some(ONE), at(0)).await.expect("counted");
    let ended = ["created", "remembered", "unchanged"].map(|word| (word.to_owned(), 1));
    assert_eq!((counts.pending, counts.outcomes), (1, ended.into()));
    let left = psql(&url, "SELECT COUNT(*) FROM events_rest").expect("counted");
    assert_eq!(left.trim(), "4");
    let end = Changes { outcomes: vec![outcome(id(4), State::Updated, 20)], ..of(Vec::new()) };
    ledger.record(end).await.expect("an event that stayed ends as any other");
    assert_eq!(expire(&ledger, before, Timestamp::UNIX_EPOCH, 100).await.outcomes, 1);
    let later = expire(&ledger, at(LATE + 1), Timestamp::UNIX_EPOCH, 100).await;
    assert_eq!(later.outcomes, 3, "what ended late goes when that is old");
    let rest = "SELECT (SELECT COUNT(*) FROM events) + (SELECT COUNT(*) FROM outcomes)";
    assert_eq!(psql(&url, rest).expect("counted").trim(), "0");
}

/// Dropping a week waits for a process that sums up; recording does not.
#[tokio::test]
async fn recording_does_not_wait_for_the_drop_of_a_week() {
    let url = url();
    let ledger = open(&url).await;
    let first = id_of_this_week();
    let outcomes = vec![outcome(first, State::Updated, 10)];
    ledger
        .record(Changes { events: vec![event(first, 1)], outcomes, ..of(Vec::new()) })
        .await
        .expect("recorded");
    let mut other = PgConnection::connect(&url).await.expect("connected");
    raw_sql("SELECT pg_advisory_lock(7203155811922)").execute(&mut other).await.expect("locked");
    let dropping = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.expire(Expiring::Weeks, at(LATE), at(LATE), 100).await }
    });
    let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())";
    while !dropping.is_finished() && psql(&url, waits).expect("asked").is_empty() {
        tokio::task::yield_now().await;
    }
    let locked =
        "SELECT COUNT(*) FROM pg_locks WHERE relation = 'events'::regclass AND mode = 'AccessExclusiveLock'";
    assert_eq!(psql(&url, locked).expect("asked").trim(), "0");
    raw_sql("SELECT pg_advisory_unlock_all()").execute(&mut other).await.expect("unlocked");
    // The drop may have given up waiting; then the week is dropped the next time.
    drop(dropping.await.expect("no panic"));
    expire(&ledger, at(LATE), Timestamp::UNIX_EPOCH, 100).await;
    assert!(ledger.find_events(&[digest(1)], 10).await.expect("found").is_empty());
}
