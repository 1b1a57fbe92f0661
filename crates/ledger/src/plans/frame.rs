//! The parts of a plan that the ledger stores as JSON: its frame, its options and its progress.

use std::collections::BTreeMap;

use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::PlanId;

/// The definition of a plan. It is written when the plan is made, and never changes once the plan is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// The selector with its times frozen, without personal data.
    pub selector: String,
    /// The plan whose unfinished items this plan continues.
    pub left_of: Option<PlanId>,
    /// SHA-256 over the ids of its dead letters in the order of planning, in hex.
    pub digest: String,
    /// The number of its items by connection, including those that were left out. While the plan is being made: the connections that its
    /// items may belong to, if the selector limits these, each with 0.
    pub connections: BTreeMap<ConnectionId, u64>,
    /// The estimate of the run.
    pub estimate: Estimate,
    /// The results of its patch; `None` for a plan without one.
    pub patched: Option<Patched>,
}

/// The results of a plan's patch of its dead letters' events. Events that it could not repair are left out of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Patched {
    /// Events that have a new revision.
    pub changed: u64,
    /// Events that the patch would not change.
    pub unchanged: u64,
}

/// An estimate of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimate {
    /// Events that are replayed.
    pub events: u64,
    /// The number of persons concerned.
    pub persons: u64,
    /// Calls that create one affiliate.
    pub creates: u64,
    /// Calls that edit up to 50 affiliates.
    pub edits: u64,
    /// Calls that change the status of up to 50 affiliates.
    pub status_changes: u64,
    /// Calls that search for an affiliate.
    pub searches: u64,
    /// The maximum number of calls without refusals, if calls are not shared: see [`Estimate::calls`] for the minimum.
    pub most_calls: u64,
    /// Seconds at the rates that the connections have learned; `None` if no call is needed.
    pub seconds: Option<f64>,
}

impl Estimate {
    /// The number of all calls, if each is as full as possible.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.creates + self.edits + self.status_changes + self.searches
    }
}

/// The options of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunOptions {
    /// Maximum number of calls a second, as planned; without it, only the connection's rate is the limit.
    pub rate: Option<f64>,
    /// The number of persons in the canary: their results decide about the others. 0 for no canary.
    pub canary: u32,
    /// The share of failures among the results, from 0 to 1, at which the run stops.
    pub stop_if: Option<f64>,
    /// The reason for the run.
    pub reason: Option<String>,
}

/// The progress of a run. Only the lease holder, and the commands that resume a plan or replay in one step, write it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// When the first item was released.
    pub started_at: Option<Timestamp>,
    /// When it ended; a stopped run may be resumed.
    pub ended_at: Option<Timestamp>,
    /// The last person of the canary.
    pub canary_until: Option<Digest>,
    /// The result of the canary.
    pub canary: Option<CanaryResult>,
    /// The reason that it stopped.
    pub stopped_because: Option<String>,
    /// The results at the time when the run was resumed after it had stopped: the stop rule does not count them again.
    pub forgiven: Tally,
}

/// The numbers of delivered and failed items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Delivered.
    pub delivered: u64,
    /// Died again.
    pub failed: u64,
}

/// The result of the canary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CanaryResult {
    /// Whether the others go on.
    pub passed: bool,
    /// The results that decided this.
    pub tally: Tally,
}
