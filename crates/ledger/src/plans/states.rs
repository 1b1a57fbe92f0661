//! How far plans and their items are.

use serde::{Deserialize, Serialize};

/// How far a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// Its dead letters are being collected and looked at.
    Planning,
    /// It can be run.
    Ready,
    /// It runs.
    Running,
    /// An operator paused it: nothing more is released.
    Paused,
    /// It stopped by its own rule; an operator may resume it.
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

    /// Whether it releases its dead letters: other plans can have them.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Cancelled | Self::Done | Self::Expired)
    }
}

/// What became of one dead letter of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// It waits to be released.
    Planned,
    /// It was left out when it was planned; the reason says why.
    LeftOut,
    /// It is about to be published.
    Releasing,
    /// Its event is in the queue or with the worker.
    Released,
    /// Refersion has what it states.
    Delivered,
    /// It died again of the same cause.
    SameCause,
    /// It died again of another cause; the reason is its new group.
    NewCause,
    /// Its event is kept, and its person waits.
    Waits,
    /// It had changed since the plan, or its event ended without anything to deliver; the reason says how.
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

    /// Whether its result is awaited.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Releasing | Self::Released)
    }
}
