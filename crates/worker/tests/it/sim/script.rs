//! The steps of a simulation: events, faults, disturbed workers, and operations of an operator.

use std::time::Duration;

use connections::{PausedFor, Registry as _, StateStore as _};
use jiff::Timestamp;
use ledger::{DeadLetterFilter, DeadLetterState, DeadLetterView, Repairs as _, View as _};
use queue::{Envelope, FORMAT, Lane, Publish as _};
use serde_json::value::RawValue;
use simulator::{Faults, Kind, Latency, Outage, Probability};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::adoption;
use super::harness::Harness;
use super::process::EngineFaults;
use super::processes::Processes;
use super::repairs;
use super::staff;
use super::story::SentEvent;

/// An event that the queue has taken.
pub(crate) struct Accepted {
    pub(crate) account: usize,
    pub(crate) id: Uuid,
    pub(crate) received_at: Timestamp,
    pub(crate) sent: SentEvent,
    /// How often an operator has repaired it.
    pub(crate) revision: u32,
}

/// Runs all steps. Returns the accepted events.
pub(crate) async fn run(harness: &mut Harness, processes: &mut Processes) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    let steps = 5 + harness.dice.below(20);
    let with_faults = harness.dice.per_mille(800);
    harness.disturbed = with_faults;
    for _ in 0..steps {
        match harness.dice.below(100) {
            0..60 => publish(harness, &mut accepted).await,
            60..72 if with_faults => processes.disturb(),
            72..82 if with_faults => change_refersion_faults(harness),
            82..86 if with_faults => change_engine_faults(harness),
            86..94 => operator(harness, &mut accepted).await,
            _ => {}
        }
        adoption::random_step(harness).await;
        staff::random_step(harness).await;
        processes.supervise(harness);
        let pause = *harness.dice.pick(&[20, 400, 3_000]);
        sleep(harness.dice.millis(pause)).await;
    }
    accepted
}

/// The next few events of the accounts' stories.
pub(crate) async fn publish(harness: &mut Harness, accepted: &mut Vec<Accepted>) {
    let (dice, now) = (harness.dice.clone(), harness.now());
    let mut sent = Vec::new();
    for _ in 0..=dice.below(5) {
        let account = usize::try_from(dice.below(harness.accounts.len() as u64)).expect("few accounts");
        sent.push((account, harness.accounts[account].story.next(now)));
    }
    accept(harness, accepted, sent).await;
}

/// Puts events, each with the index of its account, into the queue, as the ingest endpoint does.
pub(crate) async fn accept(harness: &Harness, accepted: &mut Vec<Accepted>, sent: Vec<(usize, SentEvent)>) {
    let (dice, now) = (&harness.dice, harness.now());
    let mut envelopes = Vec::new();
    for (account, sent) in sent {
        let id = event_id(now, dice);
        envelopes.push(envelope(harness.accounts[account].id, id, now, &sent.json, sent.bulk, None));
        accepted.push(Accepted { account, id, received_at: now, sent, revision: 0 });
    }
    // An ingest endpoint that received no confirmation publishes once more.
    for _ in 0..=u64::from(dice.per_mille(80)) {
        harness.queue.publish(&envelopes).await.expect("the engine takes events");
    }
    harness.published.notify_one();
}

fn event_id(now: Timestamp, dice: &super::dice::Dice) -> Uuid {
    let mut random = [0; 10];
    connections::Randomness::fill(dice, &mut random);
    let millis = u64::try_from(now.as_millisecond()).expect("after 1970");
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn envelope(
    connection: i64,
    event_id: Uuid,
    received_at: Timestamp,
    json: &str,
    bulk: bool,
    revision: Option<u32>,
) -> Envelope {
    let payload = RawValue::from_string(json.to_owned()).expect("the story is JSON");
    let lane = if bulk { Lane::Bulk } else { Lane::Live };
    Envelope {
        format: FORMAT,
        event_id,
        connection,
        lane,
        received_at,
        replay: revision.is_some(),
        revision: revision.unwrap_or(0),
        public: false,
        payload,
    }
}

/// Changes the faults on the way to Refersion.
pub(crate) fn change_refersion_faults(harness: &Harness) {
    let dice = &harness.dice;
    let mut faults = Faults { latency: latency(dice.below(3)), ..Faults::default() };
    for kind in Kind::ALL {
        if dice.per_mille(250) {
            let chance = u32::try_from(dice.below(300_000)).expect("small");
            faults.probabilities.insert(kind, Probability::per_million(chance));
        }
    }
    faults.retry_after = dice.millis(8_000);
    faults.slow_by = dice.millis(15_000);
    faults.late_by = dice.millis(25_000);
    faults.bad_credentials = dice.per_mille(100);
    if dice.per_mille(150) {
        faults.outages.push(Outage { duration: dice.millis(120_000), start: Duration::ZERO });
    }
    let now = harness.began.elapsed();
    harness.refersion.core.lock().set_faults(now, faults);
    *harness.refersion.network_faults.lock() = (dice.below(40), dice.below(200));
}

fn latency(which: u64) -> Latency {
    let most = [5, 200, 2_000][usize::try_from(which).expect("small")];
    Latency { min: Duration::from_millis(1), max: Duration::from_millis(most) }
}

/// Changes the faults of queue and ledger.
pub(crate) fn change_engine_faults(harness: &Harness) {
    let dice = &harness.dice;
    let mut engine_faults = harness.engine_faults.lock();
    engine_faults.unavailable = dice.below(60);
    engine_faults.slow = dice.below(60);
    engine_faults.crash = dice.below(25);
    engine_faults.outage_until = dice.per_mille(300).then(|| Instant::now() + dice.millis(20_000));
}

async fn operator(harness: &mut Harness, accepted: &mut Vec<Accepted>) {
    let dice = harness.dice.clone();
    let index = usize::try_from(dice.below(harness.accounts.len() as u64)).expect("few accounts");
    let connection = harness.accounts[index].id;
    match dice.below(5) {
        0 => {
            let paused =
                harness.ledger.pause(connection, PausedFor::Operator, "a look around", harness.now());
            paused.await.expect("the connection is there");
        }
        1 => {
            harness.refersion.end_waits();
            harness.ledger.resume(connection, None).await.expect("the connection is there");
        }
        2 => map_a_field(harness, index, "tier", 103).await,
        3 => repairs::repair(harness, accepted).await,
        _ => replay(harness, &|_| true).await,
    }
}

/// An operator maps a trait to a custom field.
pub(crate) async fn map_a_field(harness: &mut Harness, index: usize, key: &str, field: u64) {
    let account = &mut harness.accounts[index];
    account.settings.custom_fields.insert(key.to_owned(), field);
    let seen = harness.ledger.by_id(account.id).await.expect("a ledger").expect("a connection");
    let set = harness.ledger.set_settings(account.id, seen.settings_version, &account.settings);
    set.await.expect("no other process changes settings");
}

/// Tries dead letters of the classes that `which` picks again; returns how many.
pub(crate) async fn replay(harness: &Harness, which: &dyn Fn(&str) -> bool) {
    let open = DeadLetterFilter {
        states: Some(vec![DeadLetterState::Open]),
        limit: 1_000,
        ..DeadLetterFilter::default()
    };
    let letters = harness.ledger.dead_letters(&open).await.expect("a ledger");
    let picked: Vec<DeadLetterView> = letters.into_iter().filter(|letter| which(&letter.class)).collect();
    replay_these(harness, &picked).await;
}

/// Marks dead letters, and sends the newest versions of their events.
pub(crate) async fn replay_these(harness: &Harness, letters: &[DeadLetterView]) {
    let ids: Vec<i64> = letters.iter().map(|letter| letter.id).collect();
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    harness.ledger.move_dead_letters(&ids, open, replaying).await.expect("a ledger");
    let mut newest = harness.ledger.newest_revisions(&ids).await.expect("a ledger");
    let envelopes: Vec<Envelope> = letters
        .iter()
        .filter_map(|letter| {
            let newest = newest.remove(&letter.id);
            let revision = newest.as_ref().map_or(0, |newest| newest.revision);
            let payload = newest.map_or_else(|| letter.payload.clone(), |newest| newest.payload)?;
            let (of, event, at) = (letter.connection, letter.event, letter.received_at);
            Some(envelope(of, event, at, &payload, true, Some(revision)))
        })
        .collect();
    harness.queue.publish(&envelopes).await.expect("the engine takes events");
    harness.published.notify_one();
}

/// Ends all faults, and resumes frozen workers.
pub(crate) fn end_faults(harness: &Harness, processes: &mut Processes) {
    let mut engine_faults = harness.engine_faults.lock();
    *engine_faults = EngineFaults { operations: engine_faults.operations, ..EngineFaults::default() };
    drop(engine_faults);
    *harness.refersion.network_faults.lock() = (0, 0);
    let mut core = harness.refersion.core.lock();
    core.set_faults(harness.began.elapsed(), Faults { latency: latency(0), ..Faults::default() });
    drop(core);
    processes.end_faults();
}
