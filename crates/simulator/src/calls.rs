//! What was asked of the simulator and what came of it, as `/_simulator/calls` shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counters since the start. They hold no personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Requests of every kind.
    pub total: u64,
    /// By operation (`affiliate/edit`; `unknown` for paths that are none), then by HTTP status as text, or `dropped`
    /// where the connection closed without an answer.
    pub by_operation: BTreeMap<String, BTreeMap<String, u64>>,
    /// Faults injected, by their name in a specification (`drop-after`, `429`, `limit`, ...).
    pub faults: BTreeMap<String, u64>,
    /// In the order in which the accounts were opened.
    pub accounts: Vec<AccountCalls>,
}

impl Calls {
    /// How often that operation was answered so; for example `count("affiliate/edit", "200")`.
    #[must_use]
    pub fn count(&self, operation: &str, status: &str) -> u64 {
        self.by_operation.get(operation).and_then(|statuses| statuses.get(status)).copied().unwrap_or(0)
    }

    /// How often that operation was asked for.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        self.by_operation.get(operation).map_or(0, |statuses| statuses.values().sum())
    }
}

/// The calls of one account. Calls with keys that open none are in the totals alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCalls {
    /// The public half of its key pair.
    pub public_key: String,
    /// Calls with its keys.
    pub calls: u64,
    /// The most calls that arrived within any 10 s, both ends included.
    pub max_in_10s: u64,
    /// Calls that arrived although an answer with `Retry-After` had gone out and its time was not over. Over HTTP, a
    /// call that crossed with that answer counts as well.
    pub before_retry_after: u64,
    /// What its calls did.
    pub effects: Effects,
}

/// What the calls of an account did, whatever was answered. Each number counts affiliates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// Affiliates created.
    pub created: u64,
    /// Creates refused because the address was taken: for example the second try after an answer that was lost.
    pub creates_of_a_taken_address: u64,
    /// Items of `edit` that changed something.
    pub edited: u64,
    /// Items of `edit` that told what was there already.
    pub edited_in_vain: u64,
    /// Items of `status_change` that changed the status.
    pub status_changed: u64,
    /// Items of `status_change` that asked for the status that was there already.
    pub status_changed_in_vain: u64,
    /// Items of a batch for an affiliate that the same batch names already.
    pub repeated_in_one_batch: u64,
    /// Welcome mails that Refersion would have sent.
    pub welcome_mails: u64,
}
