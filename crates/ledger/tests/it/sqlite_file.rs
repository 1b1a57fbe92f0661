//! Promises of the SQLite engine with a file beyond the contract: data is durable, processes share the file, and
//! deleted data is gone for good.

use std::path::Path;
use std::time::Duration;

use connections::OsRandomness;
use identity::graph::{Identifier, Kind, Lane, TraitValue};
use identity::stamp::{Moment, Stamp};
use identity::{Digest, Graph, Map};
use jiff::Timestamp;
use ledger::sqlite::SqliteLedger;
use ledger::{
    Calls as _, Changes, Fence, Graphs as _, LedgerError, NewEvent, Outcome, Row, Save, State, Storage,
    View as _,
};
use uuid::Uuid;

const ONE: i64 = 1;
const PERSONAL: &str = "ann.personal@example.com";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time in this century")
}

fn event(number: u128, payload: &str) -> NewEvent {
    NewEvent {
        event: Uuid::from_u128(number),
        kind: "identify".to_owned(),
        received_at: at(0),
        lane: Lane::Live,
        payload: payload.into(),
        found_by: vec![Digest(number.to_be_bytes())],
    }
}

fn save(row: Option<Row>, value: Option<&str>) -> Save {
    let mut identifier = Identifier::new(Kind::Address);
    if let Some(value) = value {
        let stamp = Stamp { time: Moment(1), received: None, key: "m".into(), revision: 0 };
        let value = TraitValue::new(Some(value.into()), stamp);
        identifier.traits.insert("company".into(), value);
    }
    let digest = Digest([7; 16]);
    let graph = Graph { identifiers: Map::from_iter([(digest, identifier)]), ..Graph::default() };
    Save {
        row,
        graph,
        counted: identity::audiences::Counted::default(),
        new_digests: vec![digest],
        work: None,
        dirty: 0,
        waiting: 0,
    }
}

fn changes(fence: Option<Fence>, number: u128) -> Changes {
    Changes { connection: ONE, fence, events: vec![event(number, "{}")], ..Changes::default() }
}

async fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::open(path).await.expect("the file opens")
}

#[tokio::test]
async fn recorded_data_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("ledger.db");
    let before = open(&path).await;
    before.record(changes(None, 1)).await.expect("recorded");
    let lease =
        before.lease(ONE, Uuid::from_u128(1), at(0), Duration::from_secs(15)).await.expect("answered");
    drop(before);
    let after = open(&path).await;
    let found = after.find_events(&[Digest(1u128.to_be_bytes())], 10).await.expect("found");
    assert_eq!(found.len(), 1);
    let renewed =
        after.lease(ONE, Uuid::from_u128(1), at(0), Duration::from_secs(15)).await.expect("answered");
    assert_eq!(renewed, lease);
}

/// The caller disappears (a crash, a deadline) at an arbitrary moment: everything is recorded, or nothing.
#[tokio::test]
async fn a_cancelled_recording_is_complete_or_absent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = open(&folder.path().join("ledger.db")).await;
    for number in 1..=50u128 {
        let mut recorded = std::pin::pin!(ledger.record(Changes {
            outcomes: vec![Outcome {
                event: Uuid::from_u128(number),
                number: 1,
                state: State::Skipped,
                reason: None,
                affiliate: None,
                at: at(0),
            }],
            ..changes(None, number)
        }));
        // Polled a few times, then dropped.
        for _ in 0..number % 4 {
            tokio::select! { biased; _ = &mut recorded => break, () = tokio::task::yield_now() => {} }
        }
    }
    let all: Vec<Digest> = (1..=50u128).map(|number| Digest(number.to_be_bytes())).collect();
    let found = ledger.find_events(&all, 100).await.expect("found");
    assert!(found.iter().all(|view| view.state == State::Skipped), "an event without its outcome");
    let counts = ledger.counts(Some(ONE), at(0)).await.expect("counted");
    let ended: u64 = counts.outcomes.values().sum();
    assert_eq!((counts.pending, ended), (0, u64::try_from(found.len()).expect("few")));
}

/// Two processes share one file: if both read the same graph, one writes, and a previous lease holder writes nothing.
#[tokio::test]
async fn two_processes_do_not_overwrite_each_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("ledger.db");
    let (left, right) = (open(&path).await, open(&path).await);
    left.record(Changes { connection: ONE, saves: vec![save(None, None)], ..Changes::default() })
        .await
        .expect("saved");
    for _ in 0..20 {
        let row = right.gather(ONE, &[Digest([7; 16])], &[]).await.expect("read").graphs.remove(0);
        let write =
            || Changes { connection: ONE, saves: vec![save(Some(row.row), None)], ..Changes::default() };
        let (one, two) = tokio::join!(left.record(write()), right.record(write()));
        let lost = [&one, &two].into_iter().filter(|it| matches!(it, Err(LedgerError::Conflict))).count();
        assert_eq!(lost, 1, "{one:?} {two:?}");
    }
    let lease = async |ledger: &SqliteLedger, holder, second| {
        let lasts = Duration::from_secs(15);
        ledger.lease(ONE, Uuid::from_u128(holder), at(second), lasts).await.expect("answered")
    };
    let old = lease(&left, 1, 0).await.expect("free").token;
    assert_eq!(lease(&right, 2, 1).await, None);
    let new = lease(&right, 2, 20).await.expect("run out").token;
    let late = left.record(changes(Some(Fence { token: old }), 5)).await;
    assert!(matches!(late, Err(LedgerError::Fenced)), "{late:?}");
    right.record(changes(Some(Fence { token: new }), 5)).await.expect("recorded");
}

fn files_contain(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).expect("the folder");
    files.into_iter().any(|file| {
        let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn a_delete_leaves_no_personal_byte_in_any_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = open(&folder.path().join("ledger.db")).await;
    let changes = Changes {
        connection: ONE,
        saves: vec![save(None, Some(PERSONAL))],
        events: vec![event(1, PERSONAL)],
        ..Changes::default()
    };
    ledger.record(changes).await.expect("recorded");
    assert!(files_contain(folder.path(), PERSONAL), "the test looks at the right files");
    let row = ledger.gather(ONE, &[Digest([7; 16])], &[]).await.expect("read").graphs.remove(0);
    let forgotten = Changes {
        connection: ONE,
        saves: vec![save(Some(row.row), None)],
        events: vec![event(2, "{}")],
        outcomes: vec![Outcome {
            event: Uuid::from_u128(2),
            number: 1,
            state: State::Deleted,
            reason: None,
            affiliate: None,
            at: at(1),
        }],
        erased: vec![Uuid::from_u128(1)],
        ..Changes::default()
    };
    ledger.record(forgotten).await.expect("recorded");
    assert!(!files_contain(folder.path(), PERSONAL));
}

#[tokio::test]
async fn no_key_is_readable_in_any_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = open(&folder.path().join("ledger.db")).await;
    let vault = connections::Vault::new(
        connections::MasterKey::generate(&OsRandomness),
        1,
        std::sync::Arc::new(OsRandomness),
    );
    let key = connections::ApiKey::parse("pub_readable.sec_secret0123").expect("a good key");
    let new = connections::NewConnection {
        name: "shop".parse().expect("a good name"),
        settings: connections::Settings::default(),
        key: vault.seal_key(&key),
        write_key: vault.new_write_key(),
        created_at: at(0),
    };
    connections::Registry::add(&ledger, new).await.expect("added");
    assert!(files_contain(folder.path(), "shop"), "the test looks at the right files");
    assert!(!files_contain(folder.path(), "sec_secret0123"));
    assert!(!files_contain(folder.path(), "pub_readable"));
}

/// A file keeps its length, but its free pages count as free.
#[tokio::test]
async fn freed_space_counts_as_free_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("ledger.db");
    let ledger = open(&path).await;
    let before = ledger.used_bytes().await.expect("measured");
    let large = Changes { events: vec![event(1, &"x".repeat(1_000_000))], ..changes(None, 1) };
    ledger.record(large).await.expect("recorded");
    assert!(ledger.used_bytes().await.expect("measured") > before + 900_000);
    let ended = Outcome {
        event: Uuid::from_u128(1),
        number: 1,
        state: State::Deleted,
        reason: None,
        affiliate: None,
        at: at(1),
    };
    let ends = Changes { connection: ONE, outcomes: vec![ended], ..Changes::default() };
    ledger.record(ends).await.expect("recorded");
    assert!(ledger.used_bytes().await.expect("measured") < before + 100_000);
    assert!(std::fs::metadata(&path).expect("the file").len() > 900_000);
}
