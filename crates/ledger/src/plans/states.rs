//! The states of plans and of their items.

use serde::{Deserialize, Serialize};

/// The state of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// Its dead letters are being collected and checked.
    Planning,
    /// It is ready to be run.
    Ready,
    /// It runs.
    Running,
    /// An operator paused it: no further items are released.
    Paused,
    /// Its stop rule ended the run; an operator may resume it.
    Stopped,
    /// An operator ended it.
    Cancelled,
    /// Every item has its result.
    Done,
    /// It was not run in time.
    Expired,
}

impl PlanState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Planning,
        Self::Ready,
        Self::Running,
        Self::Paused,
        Self::Stopped,
        Self::Cancelled,
        Self::Done,
        Self::Expired,
    ];

    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
            Self::Expired => "expired",
        }
    }

    /// Whether its reservations have ended: other plans can take its dead letters.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Cancelled | Self::Done | Self::Expired)
    }
}

/// The state of one dead letter of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// It waits to be released.
    Planned,
    /// It was left out when the plan was made, for the given reason.
    LeftOut,
    /// It is about to be published.
    Releasing,
    /// Its event is in the queue or with the worker.
    Released,
    /// Its values were delivered to Refersion.
    Delivered,
    /// It died again of the same cause.
    SameCause,
    /// It died again of another cause; the reason is the key of its new group.
    NewCause,
    /// Its event is remembered, and its person waits.
    Waits,
    /// It had changed since the plan was made, or its event ended without anything to deliver; the reason contains the details.
    Skipped,
}

impl ItemState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Planned,
        Self::LeftOut,
        Self::Releasing,
        Self::Released,
        Self::Delivered,
        Self::SameCause,
        Self::NewCause,
        Self::Waits,
        Self::Skipped,
    ];

    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::LeftOut => "left_out",
            Self::Releasing => "releasing",
            Self::Released => "released",
            Self::Delivered => "delivered",
            Self::SameCause => "same_cause",
            Self::NewCause => "new_cause",
            Self::Waits => "waits",
            Self::Skipped => "skipped",
        }
    }

    /// Whether it is under way: its result is not known yet.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Releasing | Self::Released)
    }
}
