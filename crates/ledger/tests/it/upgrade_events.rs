//! Events of an older program on Postgres: all of their outcomes are in separate rows.

use identity::Digest;
use identity::graph::Lane;
use jiff::Timestamp;
use ledger::contract::fixtures::expire;
use ledger::postgres::{Options, PostgresLedger};
use ledger::{AffiliateRef, Changes, Graphs as _, NewEvent, Outcome, State, View as _};
use testbed::postgres::{fresh_database, psql};
use uuid::Uuid;

use super::upgrade::before_events_kept_outcomes;

const ONE: i64 = 1;
const DIGEST: Digest = Digest([7; 16]);

/// A week that has partitions, and one that has none.
const WEEKS: [u128; 2] = [2840, 2726];

/// The times of outcomes by the older program, and by this one.
const EARLIER: i64 = 10;
const NOW: i64 = 100;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time in this century")
}

fn begin(week: u128) -> Uuid {
    Uuid::from_u128((week * 604_800_000) << 80)
}

fn id(week: u128, number: u128) -> Uuid {
    Uuid::from_u128(begin(week).as_u128() | 7 << 76 | number)
}

fn outcome(event: Uuid, number: u32, second: i64) -> Outcome {
    Outcome { event, number, state: State::Updated, reason: None, affiliate: None, at: at(second) }
}

/// The statements that create one pending event, one updated event, one that was created later, and a dead one.
fn events(week: u128) -> String {
    let [pending, updated, later, dead] = [1, 2, 3, 4].map(|number| id(week, number));
    let (then, digest) = (at(EARLIER).as_microsecond(), r"\x07070707070707070707070707070707");
    let event = |id| format!("('{id}', {ONE}, 'message', 'identify', 'live', {then}, '{digest}')");
    let rows = [pending, updated, later, dead].map(event).join(", ");
    format!(
        r"INSERT INTO events VALUES {rows};
        INSERT INTO pending VALUES ('{pending}', false, '{{}}'), ('{dead}', true, '{{}}');
        INSERT INTO outcomes VALUES ('{updated}', 1, 'updated', 'told', 7, 'a3y7', {then}),
            ('{later}', 1, 'remembered', 'waits', 7, 'a3y7', {then}), ('{later}', 2, 'created', NULL, NULL, NULL, {then}),
            ('{dead}', 1, 'dead', 'refused', NULL, NULL, {then});
        INSERT INTO dead_letters (event_id, connection, class, cause, attempts, died_at, state)
            VALUES ('{dead}', {ONE}, 'refused', 'cause', 1, {then}, 'open');
        INSERT INTO findable VALUES ('{dead}', ARRAY['{pending}', '{updated}', '{later}', '{dead}']::uuid[],
            '\x070707070707070700000000070707070707070700000001070707070707070700000002070707070707070700000003');
        INSERT INTO tallies SELECT {ONE}, {week}, what, 1
            FROM UNNEST(ARRAY['pending', 'updated', 'created', 'dead']) AS what;"
    )
}

/// The partitions of a week, as the older program made them.
fn partitions(week: u128) -> String {
    let (from, to) = (begin(week), begin(week + 1));
    let create = |table| {
        format!("CREATE TABLE {table}_w{week} PARTITION OF {table} FOR VALUES FROM ('{from}') TO ('{to}');")
    };
    ["events", "outcomes", "attempts", "findable"].map(create).concat()
}

async fn states(ledger: &PostgresLedger) -> Vec<(Uuid, State)> {
    let found = ledger.find_events(&[DIGEST], 100).await.expect("found");
    found.iter().map(|view| (view.event, view.state)).collect()
}

/// They are read in their states, can change from there, and expire, together with new events.
#[tokio::test]
async fn events_of_postgres_with_separate_outcomes_continue_after_the_upgrade() {
    let url = fresh_database().expect("a Postgres for the tests");
    let statements =
        [before_events_kept_outcomes(), partitions(WEEKS[0]), events(WEEKS[0]), events(WEEKS[1])].concat();
    psql(&url, &statements).expect("made");
    let ledger = PostgresLedger::connect(&url, Options::default()).await.expect("the ledger opens");
    let then = [(4, State::Dead, 1), (3, State::Created, 2), (2, State::Updated, 1), (1, State::Pending, 0)];
    let all =
        WEEKS.map(|week| then.map(|(number, state, outcomes)| (id(week, number), state, outcomes))).concat();
    assert_eq!(states(&ledger).await, all.iter().map(|it| (it.0, it.1)).collect::<Vec<_>>());
    let ids: Vec<Uuid> = all.iter().map(|it| it.0).collect();
    let known = ledger.gather(ONE, &[], &ids).await.expect("gathered").known;
    assert!(all.iter().all(|it| (known[&it.0].state, known[&it.0].outcomes) == (it.1, it.2)), "{known:?}");
    let found = ledger.find_events(&[DIGEST], 3).await.expect("found");
    let affiliate = AffiliateRef { id: Some(7), code: Some("a3y7".to_owned()) };
    assert_eq!((&found[1].reason, &found[1].affiliate), (&None, &None));
    assert_eq!((found[2].reason.as_deref(), &found[2].affiliate), (Some("told"), &Some(affiliate)));

    let new = NewEvent {
        event: id(WEEKS[0], 5),
        kind: "identify".to_owned(),
        received_at: at(NOW),
        lane: Lane::Live,
        payload: "{}".into(),
        found_by: vec![DIGEST],
    };
    let ends = WEEKS.map(|week| [outcome(id(week, 1), 1, NOW), outcome(id(week, 4), 2, NOW)]).concat();
    let changes = Changes {
        connection: ONE,
        outcomes: [vec![outcome(new.event, 1, EARLIER)], ends].concat(),
        events: vec![new],
        reopened: WEEKS.map(|week| id(week, 4)).into(),
        ..Changes::default()
    };
    ledger.record(changes).await.expect("recorded");
    let expired = expire(&ledger, at(NOW - 1), Timestamp::UNIX_EPOCH, 100).await;
    assert_eq!(expired.outcomes, 5, "two of each week, and the new one");
    let left = WEEKS.map(|week| [4, 1].map(|number| (id(week, number), State::Updated))).concat();
    assert_eq!(states(&ledger).await, left);
    let counts = ledger.counts(Some(ONE), at(NOW)).await.expect("counted");
    assert_eq!((counts.pending, counts.outcomes), (0, [("updated".to_owned(), 4)].into()));
}
