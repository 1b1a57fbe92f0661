//! Promises of the Postgres engine beyond the contract: many workers at once, a server that dies, and migrations.

use std::sync::Arc;
use std::time::Duration;

use identity::graph::{Identifier, Kind, Lane};
use identity::plan::StepKind;
use identity::{Digest, Graph, Map};
use jiff::Timestamp;
use ledger::postgres::{Options, PostgresLedger};
use ledger::{
    Calls as _, Changes, Fence, Graphs as _, LedgerError, NewEvent, Outcome, Row, Save, State, View as _,
    Work,
};
use testbed::Authority;
use testbed::postgres::{Server, fresh_database, psql};
use uuid::Uuid;

pub(super) const ONE: i64 = 1;
const LEASE: Duration = Duration::from_secs(15);

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(4_000_000_000 + second).expect("a time in this century")
}

pub(super) fn digest(number: u64) -> Digest {
    Digest((u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64 | u128::from(number)).to_be_bytes())
}

pub(super) fn event(id: Uuid, number: u64) -> NewEvent {
    NewEvent {
        event: id,
        kind: "a\0b".to_owned(),
        received_at: at(0),
        lane: Lane::Live,
        payload: "{}".into(),
        found_by: vec![digest(number)],
    }
}

pub(super) fn outcome(event: Uuid, state: State, second: i64) -> Outcome {
    Outcome { event, number: 1, state, reason: None, affiliate: None, at: at(second) }
}

fn save(row: Option<Row>, number: u64) -> Save {
    let identifiers = Map::from_iter([(digest(number), Identifier::new(Kind::User))]);
    let graph = Graph { identifiers, ..Graph::default() };
    let work =
        number.is_multiple_of(2).then_some(Work { lane: Lane::Live, step: StepKind::Edit, due_at: at(1) });
    Save {
        row,
        graph,
        counted: identity::audiences::Counted::default(),
        new_digests: vec![digest(number)],
        work,
        dirty: 1,
        waiting: 0,
    }
}

pub(super) fn of(saves: Vec<Save>) -> Changes {
    Changes { connection: ONE, saves, ..Changes::default() }
}

pub(super) fn url() -> String {
    fresh_database().expect("a Postgres for the tests")
}

pub(super) async fn open(url: &str) -> PostgresLedger {
    PostgresLedger::connect(url, Options { connections: 16, ..Options::default() })
        .await
        .expect("the ledger opens")
}

/// Reads some graphs and writes them back with an event each, as absorb does, and repeats this after a conflict.
async fn absorb(ledger: &PostgresLedger, numbers: &[u64], first_event: u128) -> Result<(), LedgerError> {
    loop {
        let digests: Vec<Digest> = numbers.iter().map(|number| digest(*number)).collect();
        let gathered = ledger.gather(ONE, &digests, &[]).await?;
        let row = |number: u64| {
            let holds = |row: &&ledger::GraphRow| row.graph.identifiers.contains_key(&digest(number));
            gathered.graphs.iter().find(holds).map(|row| row.row)
        };
        let saves = numbers.iter().map(|number| save(row(*number), *number)).collect();
        let ids = (first_event..).map(Uuid::from_u128);
        let events: Vec<NewEvent> = ids.zip(numbers).map(|(id, number)| event(id, *number)).collect();
        let outcomes = events.iter().map(|event| outcome(event.event, State::Unchanged, 1)).collect();
        match ledger.record(Changes { events, outcomes, ..of(saves) }).await {
            Err(LedgerError::Conflict) => tokio::task::yield_now().await,
            done => return done,
        }
    }
}

/// Sixteen writers write the same forty graphs, new and known ones, each in a different order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_on_the_same_graphs_never_deadlock() {
    let url = url();
    let ledger = open(&url).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16u64 {
        let ledger = ledger.clone();
        writers.spawn(async move {
            for round in 0..12u64 {
                let start = writer * 7 + round * 3;
                let mut numbers: Vec<u64> =
                    (0..10).map(|step| (start + step * (writer % 3 + 1)) % 40).collect();
                numbers.sort_unstable_by_key(|number| number.wrapping_mul(writer * 2 + 1) % 41);
                numbers.dedup();
                let first = u128::from(writer) << 64 | u128::from(round) << 32;
                absorb(&ledger, &numbers, first).await.expect("recorded in the end");
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("no writer failed");
    }
    let deadlocks = psql(&url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    assert_eq!(deadlocks.expect("statistics").trim(), "0");
    let counts = ledger.counts(Some(ONE), at(100)).await.expect("counted");
    assert_eq!((counts.dirty, counts.due), (40, 20));
    let numbers: Vec<Digest> = (0..40).map(digest).collect();
    let found = ledger.gather(ONE, &numbers, &[]).await.expect("read").graphs.len();
    assert_eq!(found, 40, "no digest has two graphs");
}

/// If many want a lease at the same moment, one gets it; writes under an older token are refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_simultaneous_requests_gets_the_lease() {
    let ledger = Arc::new(open(&url()).await);
    let mut last = 0;
    for round in 0..10i64 {
        let mut all = tokio::task::JoinSet::new();
        for holder in 0..8u128 {
            let ledger = Arc::clone(&ledger);
            let holder = Uuid::from_u128(u128::from(round.unsigned_abs()) << 8 | holder | 1 << 100);
            all.spawn(
                async move { ledger.lease(ONE, holder, at(round * 100), LEASE).await.expect("answered") },
            );
        }
        let leases: Vec<_> = all.join_all().await.into_iter().flatten().collect();
        assert_eq!(leases.len(), 1, "round {round}");
        assert!(leases[0].token > last);
        let stale = Changes { fence: Some(Fence { token: last }), ..of(vec![save(None, 1)]) };
        assert!(matches!(ledger.record(stale).await, Err(LedgerError::Fenced)));
        last = leases[0].token;
    }
}

/// The server dies during recording: every transaction is stored completely or not at all, and the same ledger
/// continues when the server is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_server_leaves_no_partial_transaction() {
    let mut server = Server::start(&["fsync=on"]).expect("a Postgres for the tests");
    let url = server.fresh_database().expect("a database");
    let ledger = open(&url).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4u64 {
        let ledger = ledger.clone();
        writers.spawn(async move {
            let mut confirmed = Vec::new();
            for round in 0u64.. {
                let number = writer << 32 | round;
                match absorb(&ledger, &[number], u128::from(number)).await {
                    Ok(()) => confirmed.push(number),
                    Err(LedgerError::Unavailable(_)) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            confirmed
        });
    }
    while ledger.counts(Some(ONE), at(0)).await.expect("counted").dirty < 40 {
        tokio::task::yield_now().await;
    }
    server.kill().expect("killed");
    let confirmed: Vec<u64> = writers.join_all().await.into_iter().flatten().collect();
    let down = ledger.counts(Some(ONE), at(0)).await;
    assert!(matches!(down, Err(LedgerError::Unavailable(_))), "{down:?}");
    server.start_again().expect("it comes back");

    let digests: Vec<Digest> = confirmed.iter().map(|number| digest(*number)).collect();
    let there = ledger.gather(ONE, &digests, &[]).await.expect("it recovers by itself").graphs.len();
    assert_eq!(there, confirmed.len(), "what was confirmed is there");
    let whole = "SELECT (SELECT COUNT(*) FROM graphs), (SELECT COUNT(*) FROM events), \
        (SELECT COUNT(first_state) FROM events), (SELECT COUNT(*) FROM graph_digests), (SELECT COUNT(*) FROM findable)";
    let counted = psql(&url, whole).expect("counted");
    let mut numbers: Vec<&str> = counted.trim().split('|').collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 1, "half a transaction: {counted}");
    absorb(&ledger, &[7], u128::MAX / 2).await.expect("it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_together_migrate_once() {
    let url = url();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let url = url.clone();
        all.spawn(async move { open(&url).await });
    }
    all.join_all().await;
    let applied = psql(&url, "SELECT COUNT(*) FROM schema_migrations").expect("counted");
    let steps = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");
    let steps = std::fs::read_dir(steps).expect("the folder of the steps").count();
    assert_eq!(applied.trim(), steps.to_string());
    open(&url).await;
}

#[tokio::test]
async fn an_outdated_program_refuses_a_newer_schema() {
    let url = url();
    open(&url).await;
    psql(&url, "INSERT INTO schema_migrations VALUES (999, '0999_from_the_future', 999)").expect("written");
    let refused = PostgresLedger::connect(&url, Options::default()).await;
    let Err(LedgerError::Broken(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("install a newer version"), "{why}");
}

/// A call to a server that does not answer fails within the deadline.
#[tokio::test]
async fn waiting_for_a_lock_ends_at_the_deadline() {
    let url = url();
    let options = Options { deadline: Duration::from_secs(1), ..Options::default() };
    // Creating the schema and its partitions may take longer than this on a busy machine.
    open(&url).await;
    let ledger = PostgresLedger::connect(&url, options).await.expect("the ledger opens");
    ledger.record(of(vec![save(None, 1)])).await.expect("recorded");
    let blocked = {
        let url = url.clone();
        std::thread::spawn(move || psql(&url, "BEGIN; LOCK TABLE graphs; SELECT pg_sleep(4)"))
    };
    while psql(
        &url,
        "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'graphs'::regclass",
    )
    .expect("asked")
    .is_empty()
    {
        tokio::task::yield_now().await;
    }
    let late = ledger.record(of(vec![save(None, 3)])).await;
    assert!(matches!(late, Err(LedgerError::Unavailable(_))), "{late:?}");
    blocked.join().expect("no panic").expect("slept");
    ledger.record(of(vec![save(None, 3)])).await.expect("and works again");
}

/// TLS is verified: the authority must be trusted, and the certificate must name the host.
#[tokio::test]
async fn tls_accepts_the_configured_authority_and_no_other() {
    let authority = Authority::new().expect("an authority");
    let server = Server::start_with_tls(&authority).expect("a Postgres for the tests");
    let url = server.tls_url("localhost", &authority);
    let ledger = open(&url).await;
    ledger.record(of(vec![save(None, 1)])).await.expect("recorded");
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'refersion-destination'";
    assert_eq!(psql(&server.url(), encrypted).expect("asked").trim(), "t");
    let stranger = Authority::new().expect("another authority");
    for refused in [server.tls_url("127.0.0.1", &authority), server.tls_url("localhost", &stranger)] {
        let connected = PostgresLedger::connect(&refused, Options::default()).await;
        let Err(LedgerError::Unavailable(why)) = connected else { panic!("{refused}: {connected:?}") };
        assert!(why.to_string().contains("certificate"), "{why}");
    }
}
