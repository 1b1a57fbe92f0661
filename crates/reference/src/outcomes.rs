//! Whether every accepted event ended, and ended once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The ways in which an event can end.
pub const OUTCOMES: [&str; 8] =
    ["created", "updated", "deleted", "unchanged", "superseded", "remembered", "skipped", "dead"];

/// An event that did not end in exactly one way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutcomeFault {
    /// An accepted event is nowhere to be found.
    #[error("event {0} was accepted and is lost")]
    Lost(String),
    /// An event has more than one current outcome.
    #[error("event {0} has {1} current outcomes")]
    Several(String, usize),
    /// An event is pending, or in a state that is no outcome.
    #[error("event {0} has not ended: its state is {1:?}")]
    Open(String, String),
    /// An event that nobody sent.
    #[error("event {0} was never accepted")]
    Unknown(String),
}

/// Checks the current outcomes against the ids of all accepted events. `found` is an array of objects with `event_id` and
/// `state`, as `events find --json` prints them. Empty means that nothing accepted was lost.
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
