//! Walks through the affiliates that Refersion lists.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A request for a walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkRequest {
    /// The time of the request.
    pub asked_at: Timestamp,
    /// Whether it compares the values that Refersion lists with those that were last sent.
    #[serde(default)]
    pub verify: bool,
    /// Whether values that differ are sent again.
    #[serde(default)]
    pub repair: bool,
    /// Maximum number of calls; `None`: as many as the list needs.
    #[serde(default)]
    pub max_calls: Option<u64>,
}

/// A walk under way: passes over the pages of Refersion's list, until a pass finds nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Its request.
    pub request: WalkRequest,
    /// When it began.
    pub started_at: Timestamp,
    /// The number of the pass, from 1.
    pub pass: u32,
    /// When the pass began.
    pub pass_started_at: Timestamp,
    /// The next page of the pass, from 1.
    pub page: u32,
    /// The number of affiliates that this pass has met.
    pub seen: u64,
    /// The number of these affiliates that no earlier pass of this walk has met.
    pub fresh: u64,
    /// The number of affiliates of the pass that the directory cannot store, because they were shown without a code.
    #[serde(default)]
    pub unreadable: u64,
    /// The total number of affiliates that Refersion last stated; `None` if it states none.
    pub total: Option<u64>,
    /// The total that Refersion stated at the end of the previous pass.
    #[serde(default)]
    pub total_before: Option<u64>,
    /// The number of calls so far.
    pub calls: u64,
    /// The number of consecutive pages without an affiliate that is new to the pass.
    #[serde(default)]
    pub idle: u32,
    /// The number of affiliates that were compared with the values that were sent.
    #[serde(default)]
    pub compared: u64,
    /// The number of compared affiliates that differ.
    #[serde(default)]
    pub drifted: u64,
    /// The failure of the last call, without any value; `None` if it succeeded.
    #[serde(default)]
    pub failure: Option<String>,
    /// The number of consecutive failed calls.
    #[serde(default)]
    pub failures: u32,
    /// The earliest time of the next call.
    #[serde(default)]
    pub next_at: Option<Timestamp>,
}

/// A walk that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedWalk {
    /// The walk in its final state.
    pub walk: Walk,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whether it has met all affiliates: false if its limit of calls ended it, or if its last pass still missed some.
    pub complete: bool,
    /// The minimum number of affiliates that the last pass has not met; `None` if it met all, or did not reach the end of the list.
    #[serde(default)]
    pub missing: Option<u64>,
    /// The last walk that compared, up to this one.
    #[serde(default)]
    pub verified: Option<Verified>,
}

/// The result of a walk that compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When it ended.
    pub ended_at: Timestamp,
    /// The number of affiliates that it compared with the values that were sent.
    pub compared: u64,
    /// The number of compared affiliates that differed.
    pub drifted: u64,
    /// Whether it was requested to send values again that differed.
    pub repair: bool,
    /// Whether it met all affiliates.
    pub complete: bool,
}

impl FinishedWalk {
    /// The finished walk, ended at `ended_at`; `before` is the previous finished walk.
    #[must_use]
    pub fn of(walk: Walk, ended_at: Timestamp, complete: bool, before: Option<&Self>) -> Self {
        let verified = match walk.request.verify {
            true => {
                let (compared, drifted, repair) = (walk.compared, walk.drifted, walk.request.repair);
                Some(Verified { ended_at, compared, drifted, repair, complete })
            }
            false => before.and_then(|before| before.verified.clone()),
        };
        Self { walk, ended_at, complete, missing: None, verified }
    }
}

impl Walk {
    /// Whether it has reached its limit of calls.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.request.max_calls.is_some_and(|most| self.calls >= most)
    }

    /// A new walk.
    #[must_use]
    pub fn begin(request: WalkRequest, now: Timestamp) -> Self {
        Self {
            request,
            started_at: now,
            pass: 1,
            pass_started_at: now,
            page: 1,
            seen: 0,
            fresh: 0,
            unreadable: 0,
            total: None,
            total_before: None,
            calls: 0,
            idle: 0,
            compared: 0,
            drifted: 0,
            failure: None,
            failures: 0,
            next_at: None,
        }
    }
}
