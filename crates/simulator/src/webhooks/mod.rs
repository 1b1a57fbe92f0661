//! Webhooks about affiliates, which an account posts when one is added or changes.
//!
//! Refersion documents their topics, bodies and signature, but neither retries, nor order, nor delivery. So [`Deliveries`]
//! produces everything that this permits: webhooks that are late, overtake each other, come twice, come again, or never come.

mod body;
mod deliveries;
mod outbox;

use serde::{Deserialize, Serialize};

pub(crate) use body::body;
pub use deliveries::{Deliveries, DeliveriesError, Retries};
pub(crate) use outbox::Outbox;

/// The target of an account's webhooks. There is no `Debug`, because it contains a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookTarget {
    /// The address to post to: `http` only.
    pub url: String,
    /// The account's Webhook Signing Secret, which is not its API secret.
    pub secret: String,
}

/// The topic of a webhook. Source: Refersion, "Webhooks for merchants"; the texts of the first two are assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// An affiliate was added.
    New,
    /// Its status changed.
    StatusChange,
    /// One of its details changed.
    DetailsChange,
}

impl Topic {
    /// The text of the header `Refersion-Topic`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "NEW_AFFILIATE",
            Self::StatusChange => "AFFILIATE_STATUS_CHANGE",
            Self::DetailsChange => "AFFILIATE_DETAILS_CHANGE",
        }
    }
}

/// One webhook to post. There is no `Debug`, because its body is about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The public key of its account.
    pub public_key: String,
    /// The address to post it to.
    pub url: String,
    /// The header `Refersion-Topic`.
    pub topic: Topic,
    /// The header `Refersion-Signature`: base64 of the HMAC-SHA256 of the body under the account's signing secret.
    pub signature: String,
    /// The affiliate as JSON, as it was when it changed: the content of a late webhook may be out of date.
    pub body: Vec<u8>,
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

/// Counters of webhooks. They contain no personal data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookCounts {
    /// Changes of affiliates that a webhook reports.
    pub changes: u64,
    /// Webhooks that were sent twice on purpose.
    pub twice: u64,
    /// Webhooks that were never sent, on purpose or because too many waited.
    pub lost: u64,
    /// Attempts that were answered 2xx.
    pub delivered: u64,
    /// Attempts that were answered otherwise, or not at all.
    pub refused: u64,
    /// Webhooks that were given up after their last attempt.
    pub given_up: u64,
}
