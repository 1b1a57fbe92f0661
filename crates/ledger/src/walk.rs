//! Walks through the affiliates that Refersion lists.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A walk that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkRequest {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// It compares what Refersion lists with what was last sent.
    #[serde(default)]
    pub verify: bool,
    /// What differs is sent again.
    #[serde(default)]
    pub repair: bool,
    /// Upper limit of calls; `None`: as many as the list needs.
    #[serde(default)]
    pub max_calls: Option<u64>,
}

/// A walk under way: passes over the pages of Refersion's list, until one brings nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// What was asked for.
    pub request: WalkRequest,
    /// When it began.
    pub started_at: Timestamp,
    /// The number of the pass, from 1.
    pub pass: u32,
    /// When the pass began.
    pub pass_started_at: Timestamp,
    /// The next page of the pass, from 1.
    pub page: u32,
    /// Affiliates that this pass has met.
    pub seen: u64,
    /// Those of them that no earlier pass of this walk has met.
    pub fresh: u64,
    /// Affiliates of the pass that the directory cannot keep, because they were shown without a code.
    #[serde(default)]
    pub unreadable: u64,
    /// How many affiliates there are, by what Refersion said last; `None` if it does not say.
    pub total: Option<u64>,
    /// What Refersion said at the end of the pass before.
    #[serde(default)]
    pub total_before: Option<u64>,
    /// Calls so far.
    pub calls: u64,
    /// Pages in a row without an affiliate that is new to the pass.
    #[serde(default)]
    pub idle: u32,
    /// Affiliates that were compared with what was sent.
    #[serde(default)]
    pub compared: u64,
    /// Those of them that differ.
    #[serde(default)]
    pub drifted: u64,
    /// What the last call failed of, without any value; `None`: it did not.
    #[serde(default)]
    pub failure: Option<String>,
    /// Calls in a row that failed.
    #[serde(default)]
    pub failures: u32,
    /// Not before this.
    #[serde(default)]
    pub next_at: Option<Timestamp>,
}

/// A walk that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedWalk {
    /// The walk as it was in the end.
    pub walk: Walk,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whether it has met everybody; not if its limit of calls ended it, nor if its last pass still missed somebody.
    pub complete: bool,
    /// How many affiliates the last of all passes has not met, at least; `None`: it met everybody, or was not read to its end.
    #[serde(default)]
    pub missing: Option<u64>,
    /// The last walk that compared, up to this one.
    #[serde(default)]
    pub verified: Option<Verified>,
}

/// What a walk that compared came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When it ended.
    pub ended_at: Timestamp,
    /// Affiliates that it compared with what they were sent.
    pub compared: u64,
    /// Those of them that differed.
    pub drifted: u64,
    /// Whether it was asked to send again what differed.
    pub repair: bool,
    /// Whether it met everybody.
    pub complete: bool,
}

impl FinishedWalk {
    /// A walk that ended at `ended_at`; `before` is the one that ended last.
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
    /// Whether it has made as many calls as it may.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.request.max_calls.is_some_and(|most| self.calls >= most)
    }

    /// A walk that begins.
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
