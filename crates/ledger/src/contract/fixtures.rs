//! Test data for the promises: small graphs, events and connections, made from numbers.

use std::time::Duration;

use connections::{ApiKey, Connection, MasterKey, NewConnection, OsRandomness, SealedKey, Settings, Vault};

use identity::audiences::Counted;
use identity::graph::{Identifier, Kind, Lane};
use identity::plan::StepKind;
use identity::{Digest, Graph};
use jiff::Timestamp;
use uuid::Uuid;

use super::Engine;
use crate::{
    Changes, Counts, DeadLetter, DeadLetterFilter, DeadLetterView, EventView, Expiring, GraphRow, NewEvent,
    Outcome, Row, Save, State, Work,
};

/// The id of a connection, for promises that do not need an existing connection.
pub(super) const ONE: i64 = 101;

/// The id of another connection.
pub(super) const OTHER: i64 = 102;

pub(super) const LEASE: Duration = Duration::from_secs(15);

/// A time, in seconds after a fixed one.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a time in this century")
}

pub(super) fn digest(number: u64) -> Digest {
    // Digests of consecutive numbers differ in their first bytes, as real digests do.
    Digest((u128::from(number) << 64 | 0xD1).to_be_bytes())
}

pub(super) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub(super) fn graph(digests: &[u64]) -> Graph {
    let identifiers = digests.iter().map(|number| (digest(*number), Identifier::new(Kind::User))).collect();
    Graph { identifiers, ..Graph::default() }
}

/// A save of a graph with these identifiers, all of them new.
pub(super) fn save(row: Option<Row>, digests: &[u64]) -> Save {
    let new_digests = digests.iter().map(|number| digest(*number)).collect();
    let graph = graph(digests);
    Save { row, graph, counted: Counted::default(), new_digests, work: None, dirty: 0, waiting: 0 }
}

pub(super) fn work(lane: Lane, step: StepKind, due: i64) -> Option<Work> {
    Some(Work { lane, step, due_at: at(due) })
}

pub(super) fn saves(connection: i64, saves: Vec<Save>) -> Changes {
    Changes { connection, saves, ..Changes::default() }
}

pub(super) fn event(number: u128, digests: &[u64]) -> NewEvent {
    NewEvent {
        event: uuid(number),
        kind: "identify".to_owned(),
        received_at: at(number.try_into().expect("a small number")),
        lane: Lane::Live,
        payload: format!(r#"{{"number":{number}}}"#).into(),
        found_by: digests.iter().map(|number| digest(*number)).collect(),
    }
}

pub(super) fn events(connection: i64, events: Vec<NewEvent>) -> Changes {
    Changes { connection, events, ..Changes::default() }
}

pub(super) fn outcome(number: u128, nth: u32, state: State, ended: i64) -> Outcome {
    let reason = Some(format!("because {nth}"));
    Outcome { event: uuid(number), number: nth, state, reason, affiliate: None, at: at(ended) }
}

pub(super) fn outcomes(connection: i64, outcomes: Vec<Outcome>) -> Changes {
    Changes { connection, outcomes, ..Changes::default() }
}

pub(super) fn letter(number: u128, died: i64) -> DeadLetter {
    DeadLetter {
        event: uuid(number),
        class: "refused".to_owned(),
        cause: format!("cause {number}"),
        http_status: Some(422),
        field: Some("phone".to_owned()),
        attempts: 3,
        died_at: at(died),
        person: None,
    }
}

/// Records an event that dies at `died`, with its dead letter.
pub(super) async fn dead_letter(engine: &impl Engine, connection: i64, number: u128, died: i64) {
    let changes = Changes {
        connection,
        events: vec![event(number, &[u64::try_from(number).expect("a small number")])],
        outcomes: vec![outcome(number, 1, State::Dead, died)],
        dead_letters: vec![letter(number, died)],
        ..Changes::default()
    };
    record(engine, changes).await;
}

pub(super) async fn record(engine: &impl Engine, changes: Changes) {
    engine.record(changes).await.expect("recorded");
}

/// The graphs that contain these digests.
pub(super) async fn holding(engine: &impl Engine, connection: i64, digests: &[u64]) -> Vec<GraphRow> {
    let digests: Vec<Digest> = digests.iter().map(|number| digest(*number)).collect();
    engine.gather(connection, &digests, &[]).await.expect("gathered").graphs
}

/// The only graph that contains this digest.
pub(super) async fn holder(engine: &impl Engine, connection: i64, number: u64) -> GraphRow {
    let mut graphs = holding(engine, connection, &[number]).await;
    assert_eq!(graphs.len(), 1, "one graph holds digest {number}");
    graphs.remove(0)
}

/// The events that are found by this digest.
pub(super) async fn found(engine: &impl Engine, number: u64) -> Vec<EventView> {
    engine.find_events(&[digest(number)], 1_000).await.expect("found")
}

/// The only event that is found by this digest.
pub(super) async fn found_one(engine: &impl Engine, number: u64) -> EventView {
    let mut events = found(engine, number).await;
    assert_eq!(events.len(), 1, "one event is found by digest {number}");
    events.remove(0)
}

/// Checks that the audit has these lines and no others: connection, action and subject, in this order.
pub(super) async fn assert_audited(engine: &impl Engine, expected: &[(i64, &str, &str)]) {
    let audit = engine.audit(None, 100).await.expect("read");
    let mut lines: Vec<(i64, &str, &str)> =
        audit.iter().map(|(of, line)| (*of, line.action.as_str(), line.subject.as_str())).collect();
    lines.sort_unstable();
    assert_eq!(lines, expected);
}

/// The numbers of rows that one page of each kind deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expired {
    /// Outcomes, including those of whole weeks.
    pub outcomes: usize,
    /// Failed calls.
    pub attempts: usize,
    /// Dead letters.
    pub dead_letters: usize,
    /// Items of plans.
    pub plan_items: usize,
    /// Message ids.
    pub message_ids: usize,
}

/// Deletes a page of each kind, as a sweep does.
pub async fn expire(
    engine: &impl Engine,
    outcomes_before: Timestamp,
    letters_before: Timestamp,
    limit: usize,
) -> Expired {
    let mut dropped = Expired::default();
    for what in Expiring::ALL {
        let before = if what.is_kept_with_dead_letters() { letters_before } else { outcomes_before };
        let done = engine.expire(what, before, at(0), limit).await.expect("expired");
        match what {
            Expiring::DeadLetters => dropped.dead_letters += done,
            Expiring::PlanItems => dropped.plan_items += done,
            Expiring::Outcomes | Expiring::Weeks => dropped.outcomes += done,
            Expiring::Attempts => dropped.attempts += done,
            Expiring::MessageIds => dropped.message_ids += done,
            Expiring::RemovedConnections => assert_eq!(done, 0, "a removal removes everything"),
        }
    }
    dropped
}

/// Removes a connection with all of its data.
pub(super) async fn remove(engine: &impl Engine, connection: i64) {
    engine.remove(connection).await.expect("removed");
    crate::finish_removals(engine, at(0)).await.expect("finished");
}

pub(super) async fn counts(engine: &impl Engine, connection: i64) -> Counts {
    engine.counts(Some(connection), at(0)).await.expect("counted")
}

pub(super) async fn letters(engine: &impl Engine) -> Vec<DeadLetterView> {
    let all = DeadLetterFilter { limit: 1_000, ..DeadLetterFilter::default() };
    engine.dead_letters(&all).await.expect("listed")
}

pub(super) fn master() -> MasterKey {
    MasterKey::from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("32 bytes")
}

pub(super) fn vault() -> Vault {
    Vault::new(master(), 1, std::sync::Arc::new(OsRandomness))
}

pub(super) fn key(number: u32) -> SealedKey {
    vault().seal_key(&api_key(number))
}

pub(super) fn api_key(number: u32) -> ApiKey {
    ApiKey::parse(&format!("pub_{number}.sec_{number}")).expect("a good key")
}

pub(super) fn new_connection(name: &str, key_number: u32) -> NewConnection {
    NewConnection {
        name: name.parse().expect("a good name"),
        settings: Settings::default(),
        key: key(key_number),
        write_key: vault().new_write_key(),
        created_at: at(0),
    }
}

pub(super) async fn connection(engine: &impl Engine, name: &str, key_number: u32) -> Connection {
    engine.add(new_connection(name, key_number)).await.expect("added")
}
