//! Checks that every accepted event has exactly one outcome.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// All outcomes of an event.
pub const OUTCOMES: [&str; 8] =
    ["created", "updated", "deleted", "unchanged", "superseded", "remembered", "skipped", "dead"];

/// An event without exactly one current outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutcomeFault {
    /// An accepted event is missing.
    #[error("event {0} was accepted and is lost")]
    Lost(String),
    /// An event has more than one current outcome.
    #[error("event {0} has {1} current outcomes")]
    Several(String, usize),
    /// An event is pending, or its state is not an outcome.
    #[error("event {0} has not ended: its state is {1:?}")]
    Open(String, String),
    /// An event that was not accepted.
    #[error("event {0} was never accepted")]
    Unknown(String),
}

/// Compares the current outcomes with the ids of all accepted events. `found` is an array of objects with `event_id`
/// and `state`, as `events find --json` prints them. An empty result means that no accepted event was lost.
pub fn check_outcomes<'a>(accepted: impl IntoIterator<Item = &'a str>, found: &Value) -> Vec<OutcomeFault> {
    let mut states: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in found.as_array().into_iter().flatten() {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        states.entry(text("event_id")).or_default().push(text("state"));
    }
    let mut faults = Vec::new();
    let accepted: BTreeSet<_> = accepted.into_iter().collect();
    for id in &accepted {
        match states.remove(id).as_deref() {
            None | Some([]) => faults.push(OutcomeFault::Lost((*id).into())),
            Some([state]) if OUTCOMES.contains(state) => {}
            Some([state]) => faults.push(OutcomeFault::Open((*id).into(), (*state).into())),
            Some(several) => faults.push(OutcomeFault::Several((*id).into(), several.len())),
        }
    }
    faults.extend(states.into_keys().map(|id| OutcomeFault::Unknown(id.into())));
    faults
}
