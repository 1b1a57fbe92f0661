//! What a plan is about, how it is run, and how far it is: what the ledger keeps as JSON.

use std::collections::BTreeMap;

use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::PlanId;

/// What a plan is about: written when it is planned, and never changed once it is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// The selector with its times frozen, without anything personal.
    pub selector: String,
    /// The plan whose unfinished items it takes up.
    pub left_of: Option<PlanId>,
    /// SHA-256 over the ids of its dead letters in the order of planning, in hex.
    pub digest: String,
    /// Its items by connection, those that were left out included. While it is being made: the connections that they may be of, as
    /// far as these are limited, each with 0.
    pub connections: BTreeMap<ConnectionId, u64>,
    /// What it is expected to take.
    pub estimate: Estimate,
    /// What its patch did; `None` for a plan without one.
    pub patched: Option<Patched>,
}

/// What the patch of a plan did to the events of its dead letters. What it could not repair is left out of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Patched {
    /// Events that have a new revision.
    pub changed: u64,
    /// Events that were already as the patch makes them.
    pub unchanged: u64,
}

/// What a run is expected to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimate {
    /// Events that are replayed.
    pub events: u64,
    /// The persons that they concern.
    pub persons: u64,
    /// Calls that create one affiliate.
    pub creates: u64,
    /// Calls that edit up to 50 affiliates.
    pub edits: u64,
    /// Calls that change the status of up to 50 affiliates.
    pub status_changes: u64,
    /// Calls that search for an affiliate.
    pub searches: u64,
    /// The most calls that it takes without a refusal, however few share a call: see [`Estimate::calls`] for the fewest.
    pub most_calls: u64,
    /// Seconds at the rates that the connections have learned; `None` where nothing is to be called.
    pub seconds: Option<f64>,
}

impl Estimate {
    /// All calls, if each is as full as can be.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.creates + self.edits + self.status_changes + self.searches
    }
}

/// How a plan is run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunOptions {
    /// Calls a second at most, as planned; without it the rate of the connection alone limits.
    pub rate: Option<f64>,
    /// Number of persons that go first; their results decide about the others. 0 for none.
    pub canary: u32,
    /// It stops when this share of the results, from 0 to 1, are failures.
    pub stop_if: Option<f64>,
    /// Why it is run.
    pub reason: Option<String>,
}

/// How far a run is. Only the lease holder, and the commands that resume a plan or replay in one step, write it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// When the first item was released.
    pub started_at: Option<Timestamp>,
    /// When it came to its end, for the time being.
    pub ended_at: Option<Timestamp>,
    /// The last person of the canary.
    pub canary_until: Option<Digest>,
    /// What came of the canary.
    pub canary: Option<CanaryResult>,
    /// Why it stopped.
    pub stopped_because: Option<String>,
    /// Results that were there when it was resumed after it had stopped: its rule does not count them again.
    pub forgiven: Tally,
}

/// Delivered and failed items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Delivered.
    pub delivered: u64,
    /// Died again.
    pub failed: u64,
}

/// What came of the canary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CanaryResult {
    /// Whether the others go on.
    pub passed: bool,
    /// The results that decided.
    pub tally: Tally,
}
