//! The proof: compares the ledger and the simulated Refersion with the reference model and the accepted events.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use ledger::{EventView, LedgerError};
use reference::{
    Accepted, ActualAffiliate, Expected, LeastCalls, Settings, World, affiliates_of, check_outcomes, compare,
    expect, least_calls, left_over,
};
use serde_json::{Value, json};
use worker::translate::{MESSAGE, Translator};

use super::environment::{CUSTOM_FIELDS, Environment, PUBLIC_KEY};
use super::sender::Sent;
use service::failure::Failure;

/// Messages that are looked up in one go.
const CHUNK: usize = 500;
/// Events that one chunk may find: each message was sent three times at most.
const FOUND: usize = 4 * CHUNK;

/// The accepted events as the ledger shows them.
pub(super) struct Ended {
    pub(super) views: Vec<EventView>,
}

/// The result of the comparison.
pub(super) struct Proof {
    pub(super) compared: usize,
    pub(super) forbidden: usize,
    pub(super) differences: Vec<String>,
    pub(super) events: usize,
    pub(super) outcome_faults: Vec<String>,
    pub(super) left_over: Vec<ActualAffiliate>,
    pub(super) least: LeastCalls,
}

/// Reads how every accepted event ended.
pub(super) async fn read_ends(environment: &Environment, sent: &Sent) -> Result<Ended, LedgerError> {
    let engines = environment.stack.engines();
    let translator = Translator { vault: &engines.vault, connection: environment.connection.id };
    let messages: BTreeSet<&str> =
        sent.accepted.iter().filter_map(|(_, call)| call.message_id.as_deref()).collect();
    let digests: Vec<_> = messages.into_iter().map(|id| translator.digest(MESSAGE, id)).collect();
    let mut views = Vec::with_capacity(sent.accepted.len());
    for chunk in digests.chunks(CHUNK) {
        views.extend(engines.ledger.find_events(chunk, FOUND).await?);
    }
    Ok(Ended { views })
}

/// Compares everything. `refused` holds the values that were generated to be refused.
pub(super) fn prove(
    environment: &Environment,
    sent: &Sent,
    ended: &Ended,
    refused: &BTreeSet<(String, String)>,
) -> Result<Proof, Failure> {
    let bug = |error: &dyn std::error::Error| Failure::failed("proof", error, "report this as a bug");
    let state = environment.simulator.with(|simulator, _| simulator.state());
    let state = serde_json::to_value(state).map_err(|error| bug(&error))?;
    let actual = affiliates_of(&state, PUBLIC_KEY, &BTreeSet::new()).map_err(|error| bug(&error))?;
    let expected = expectation(sent, ended);
    let is_refused =
        |_: &str, field: &str, value: &str| refused.contains(&(field.to_owned(), value.to_owned()));
    let differences = compare(&expected, &actual, &is_refused);
    let found = Value::Array(ended.views.iter().map(as_found).collect());
    let faults = check_outcomes(sent.accepted.iter().map(|(id, _)| id.as_str()), &found);
    Ok(Proof {
        compared: expected.affiliates.len(),
        forbidden: expected.forbidden.len(),
        differences: differences.iter().map(ToString::to_string).collect(),
        events: sent.accepted.len(),
        outcome_faults: faults.iter().map(ToString::to_string).collect(),
        left_over: left_over(&expected, &actual).into_iter().cloned().collect(),
        least: least_calls(&expected, &[]),
    })
}

/// The expected state of Refersion after these events; the account was empty before them.
fn expectation(sent: &Sent, ended: &Ended) -> Expected {
    let received: HashMap<String, Timestamp> =
        ended.views.iter().map(|view| (view.event.to_string(), view.received_at)).collect();
    let events = sent.accepted.iter().filter_map(|(id, call)| {
        // An event that the ledger does not know is reported as lost; the model is not asked about it.
        Some(Accepted { received_at: *received.get(id)?, json: call.body.as_bytes(), revision: 0 })
    });
    expect(events, &settings(), &World::default())
}

/// The settings of the demo's connection, as the reference model takes them.
fn settings() -> Settings {
    Settings {
        require_address: true,
        new_status_active: true,
        one_word_last_name: Some("-".to_owned()),
        custom_fields: CUSTOM_FIELDS.iter().map(|(name, id, _)| ((*name).to_owned(), *id)).collect(),
        ..Settings::default()
    }
}

/// An event as `events find --json` shows it.
fn as_found(view: &EventView) -> Value {
    json!({ "event_id": view.event.to_string(), "state": view.state.word() })
}

impl Ended {
    /// Time from acceptance to outcome, for each event of one lane.
    pub(super) fn took(&self, sent: &Sent, bulk: bool) -> Vec<Duration> {
        let lanes: HashMap<&str, bool> =
            sent.accepted.iter().map(|(id, call)| (id.as_str(), call.bulk)).collect();
        let of_lane =
            self.views.iter().filter(|view| lanes.get(view.event.to_string().as_str()) == Some(&bulk));
        let took = of_lane.filter_map(|view| Some(view.ended_at?.duration_since(view.received_at)));
        took.map(|took| Duration::try_from(took).unwrap_or_default()).collect()
    }

    /// Events by outcome, and each of these by reason.
    pub(super) fn outcomes(&self) -> BTreeMap<&'static str, BTreeMap<String, u64>> {
        let mut outcomes: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for view in &self.views {
            let reason = view.reason.clone().unwrap_or_default();
            *outcomes.entry(view.state.word()).or_default().entry(reason).or_default() += 1;
        }
        outcomes
    }
}
