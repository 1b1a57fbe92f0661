//! What happens while a simulation runs: events, bad weather, trouble with workers, and an operator's acts.

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
use super::crew::Crew;
use super::life::Storm;
use super::repairs;
use super::staff;
use super::stage::Stage;
use super::story::SentEvent;

/// An event that the queue has taken.
pub(crate) struct Accepted {
    pub(crate) account: usize,
    pub(crate) id: Uuid,
    pub(crate) received_at: Timestamp,
    pub(crate) said: SentEvent,
    /// How often an operator has repaired it.
    pub(crate) revision: u32,
}

/// Plays the whole script; returns what was accepted on the way.
pub(crate) async fn play(stage: &mut Stage, crew: &mut Crew) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    let steps = 5 + stage.dice.below(20);
    let stormy = stage.dice.per_mille(800);
    stage.disturbed = stormy;
    for _ in 0..steps {
        match stage.dice.below(100) {
            0..60 => publish(stage, &mut accepted).await,
            60..72 if stormy => crew.trouble(),
            72..82 if stormy => weather(stage),
            82..86 if stormy => storm(stage),
            86..94 => operator(stage, &mut accepted).await,
            _ => {}
        }
        adoption::meanwhile(stage).await;
        staff::meanwhile(stage).await;
        crew.tend(stage);
        let pause = *stage.dice.pick(&[20, 400, 3_000]);
        sleep(stage.dice.millis(pause)).await;
    }
    accepted
}

/// The next few events of the accounts' stories.
pub(crate) async fn publish(stage: &mut Stage, accepted: &mut Vec<Accepted>) {
    let (dice, now) = (stage.dice.clone(), stage.now());
    let mut said = Vec::new();
    for _ in 0..=dice.below(5) {
        let account = usize::try_from(dice.below(stage.accounts.len() as u64)).expect("few accounts");
        said.push((account, stage.accounts[account].story.next(now)));
    }
    accept(stage, accepted, said).await;
}

/// Puts events, each with the index of its account, into the queue, as the ingest endpoint does.
pub(crate) async fn accept(stage: &Stage, accepted: &mut Vec<Accepted>, said: Vec<(usize, SentEvent)>) {
    let (dice, now) = (&stage.dice, stage.now());
    let mut envelopes = Vec::new();
    for (account, said) in said {
        let id = event_id(now, dice);
        envelopes.push(envelope(stage.accounts[account].id, id, now, &said.json, said.bulk, None));
        accepted.push(Accepted { account, id, received_at: now, said, revision: 0 });
    }
    // An ingest endpoint that heard no confirmation publishes once more.
    for _ in 0..=u64::from(dice.per_mille(80)) {
        stage.queue.publish(&envelopes).await.expect("the engine takes events");
    }
    stage.bell.notify_one();
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

/// Other weather on the way to Refersion.
pub(crate) fn weather(stage: &Stage) {
    let dice = &stage.dice;
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
    let now = stage.began.elapsed();
    stage.refersion.core.lock().set_faults(now, faults);
    *stage.refersion.rough.lock() = (dice.below(40), dice.below(200));
}

fn latency(which: u64) -> Latency {
    let most = [5, 200, 2_000][usize::try_from(which).expect("small")];
    Latency { min: Duration::from_millis(1), max: Duration::from_millis(most) }
}

/// Other weather around queue and ledger.
pub(crate) fn storm(stage: &Stage) {
    let dice = &stage.dice;
    let mut storm = stage.storm.lock();
    storm.unavailable = dice.below(60);
    storm.slow = dice.below(60);
    storm.crash = dice.below(25);
    storm.outage_until = dice.per_mille(300).then(|| Instant::now() + dice.millis(20_000));
}

async fn operator(stage: &mut Stage, accepted: &mut Vec<Accepted>) {
    let dice = stage.dice.clone();
    let index = usize::try_from(dice.below(stage.accounts.len() as u64)).expect("few accounts");
    let connection = stage.accounts[index].id;
    match dice.below(5) {
        0 => {
            let paused = stage.ledger.pause(connection, PausedFor::Operator, "a look around", stage.now());
            paused.await.expect("the connection is there");
        }
        1 => {
            stage.refersion.waits_end();
            stage.ledger.resume(connection, None).await.expect("the connection is there");
        }
        2 => map_a_field(stage, index, "tier", 103).await,
        3 => repairs::repair(stage, accepted).await,
        _ => replay(stage, &|_| true).await,
    }
}

/// An operator tells a connection which custom field takes a trait.
pub(crate) async fn map_a_field(stage: &mut Stage, index: usize, key: &str, field: u64) {
    let account = &mut stage.accounts[index];
    account.settings.custom_fields.insert(key.to_owned(), field);
    let seen = stage.ledger.by_id(account.id).await.expect("a ledger").expect("a connection");
    let set = stage.ledger.set_settings(account.id, seen.settings_version, &account.settings);
    set.await.expect("nobody else changes settings");
}

/// Tries dead letters of the classes that `which` picks again; returns how many.
pub(crate) async fn replay(stage: &Stage, which: &dyn Fn(&str) -> bool) {
    let open = DeadLetterFilter {
        states: Some(vec![DeadLetterState::Open]),
        limit: 1_000,
        ..DeadLetterFilter::default()
    };
    let letters = stage.ledger.dead_letters(&open).await.expect("a ledger");
    let picked: Vec<DeadLetterView> = letters.into_iter().filter(|letter| which(&letter.class)).collect();
    replay_these(stage, &picked).await;
}

/// Marks dead letters, and sends the newest versions of their events.
pub(crate) async fn replay_these(stage: &Stage, letters: &[DeadLetterView]) {
    let ids: Vec<i64> = letters.iter().map(|letter| letter.id).collect();
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    stage.ledger.move_dead_letters(&ids, open, replaying).await.expect("a ledger");
    let mut newest = stage.ledger.newest_revisions(&ids).await.expect("a ledger");
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
    stage.queue.publish(&envelopes).await.expect("the engine takes events");
    stage.bell.notify_one();
}

/// All faults end, and whoever is held up goes on.
pub(crate) fn calm(stage: &Stage, crew: &mut Crew) {
    let mut storm = stage.storm.lock();
    *storm = Storm { operations: storm.operations, ..Storm::default() };
    drop(storm);
    *stage.refersion.rough.lock() = (0, 0);
    let mut core = stage.refersion.core.lock();
    core.set_faults(stage.began.elapsed(), Faults { latency: latency(0), ..Faults::default() });
    drop(core);
    crew.calm();
}
