//! The state that the watching process has seen, from which the next one continues.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything that was seen, stored as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    /// Connections that are paused, and since when.
    pub(super) paused: BTreeMap<i64, Timestamp>,
    /// Groups of dead letters that operators were notified of.
    pub(super) groups: BTreeMap<String, Notified>,
    /// Connections with events that wait.
    pub(super) syncs: BTreeMap<i64, Sync>,
    /// The plans of replays that ended within seven days, with their ends; `None` before the first look.
    pub(super) replays: Option<BTreeSet<(i64, Timestamp)>>,
    /// Number of notifications so far, so that the same thing can happen twice.
    pub(super) number: u64,
}

/// How large a group was when operators were notified of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notified {
    /// 1 at the threshold, one more at each ten times as much.
    pub(super) level: u32,
}

/// The waiting events of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sync {
    /// Since when some wait.
    pub(super) began: Timestamp,
    /// How many events had ended by then.
    pub(super) ended_before: u64,
}

impl Seen {
    /// A text that cannot be read counts as empty: it is better to notify operators twice.
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
