//! Counters of calls and their effects, as `/_simulator/calls` returns them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::webhooks::WebhookCounts;

/// Counters since the start. They contain no personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Requests of every kind.
    pub total: u64,
    /// By operation (`affiliate/edit`; `unknown` for other paths), then by HTTP status as text, or `dropped` if the
    /// connection was closed without an answer.
    pub by_operation: BTreeMap<String, BTreeMap<String, u64>>,
    /// Injected faults, by their name in a specification (`drop-after`, `429`, `limit`, ...).
    pub faults: BTreeMap<String, u64>,
    /// Webhooks of all accounts.
    #[serde(default)]
    pub webhooks: WebhookCounts,
    /// In the order in which the accounts were opened.
    pub accounts: Vec<AccountCalls>,
}

impl Calls {
    /// Number of calls of an operation with this status, for example `count("affiliate/edit", "200")`.
    #[must_use]
    pub fn count(&self, operation: &str, status: &str) -> u64 {
        self.by_operation.get(operation).and_then(|statuses| statuses.get(status)).copied().unwrap_or(0)
    }

    /// Number of calls of an operation.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        self.by_operation.get(operation).map_or(0, |statuses| statuses.values().sum())
    }
}

/// The calls of one account. Calls with unknown keys are in the totals only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCalls {
    /// The public half of its key pair.
    pub public_key: String,
    /// Calls with its keys.
    pub calls: u64,
    /// Maximum number of calls that arrived within any 10 s, both ends included.
    pub max_in_10s: u64,
    /// Calls that arrived after an answer with `Retry-After` and before its time was over. Over HTTP, a call that
    /// crossed with that answer counts as well.
    pub before_retry_after: u64,
    /// The effects of its calls.
    pub effects: Effects,
}

/// The effects of the calls of an account, whatever was answered. Each number counts affiliates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// Affiliates created.
    pub created: u64,
    /// Creates refused because the address was taken, for example a retry after a lost answer.
    pub creates_of_a_taken_address: u64,
    /// Items of `edit` that changed something.
    pub edited: u64,
    /// Items of `edit` that changed nothing.
    pub edited_in_vain: u64,
    /// Items of `status_change` that changed the status.
    pub status_changed: u64,
    /// Items of `status_change` that changed nothing.
    pub status_changed_in_vain: u64,
    /// Items of a batch for an affiliate that occurs earlier in the same batch.
    pub repeated_in_one_batch: u64,
    /// Welcome mails that Refersion would have sent.
    pub welcome_mails: u64,
}
