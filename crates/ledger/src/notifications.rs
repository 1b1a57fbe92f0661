//! The port for notifications of operators: an outbox, and what the process that fills it has seen.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::LedgerError;

/// The longest error that is kept of a delivery, in characters.
pub const MAX_ERROR_CHARS: usize = 200;

/// Something that operators are to be notified of. Nothing in it is personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotification {
    /// What happened, once: a second one of the same fact is left out.
    pub fact: String,
    /// The connection concerned; with it, what waits is removed.
    pub connection: Option<ConnectionId>,
    /// The type, as `connection.paused`.
    pub kind: String,
    /// The body that is sent: JSON.
    pub body: String,
}

/// A notification that is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its row id.
    pub id: i64,
    /// What happened.
    pub fact: String,
    /// The type.
    pub kind: String,
    /// The body.
    pub body: String,
    /// When it was noticed.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver has it.
    Done,
    /// It failed, and is tried again then.
    Later {
        /// When.
        due_at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// It failed, and is given up.
    GivenUp {
        /// Why it failed.
        error: String,
    },
}

/// How deliveries stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// Notifications that wait.
    pub waiting: u64,
    /// When the oldest of them was noticed.
    pub oldest: Option<Timestamp>,
    /// Notifications that were given up and are still kept.
    pub failed: u64,
    /// Why the newest delivery failed, of those that wait or were given up.
    pub error: Option<String>,
}

/// The outbox of notifications. One process at a time watches and delivers.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Takes or renews the right to watch and deliver; what was seen so far, an empty text before anything was. `None` while
    /// another process has it.
    async fn hold_notifier(
        &self,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<String>, LedgerError>;

    /// Adds notifications and remembers what was seen, in one transaction; `false`, and nothing is written, if another process
    /// has the right by now.
    async fn add_notifications(
        &self,
        holder: Uuid,
        new: &[NewNotification],
        seen: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Notifications that are due, the longest waiting first.
    async fn due_notifications(&self, now: Timestamp, limit: usize)
    -> Result<Vec<Notification>, LedgerError>;

    /// Notes how a delivery ended.
    async fn note_delivery(&self, id: i64, delivery: &Delivery) -> Result<(), LedgerError>;

    /// How deliveries stand.
    async fn outbox(&self) -> Result<Outbox, LedgerError>;

    /// Drops notifications that were noticed before a time, at most `limit`; how many.
    async fn expire_notifications(&self, before: Timestamp, limit: usize) -> Result<usize, LedgerError>;
}

impl Delivery {
    /// State, time of the next try and error, as columns have them.
    pub(crate) fn columns(&self) -> (&'static str, Option<Timestamp>, Option<String>) {
        let cut = |error: &str| Some(error.chars().take(MAX_ERROR_CHARS).collect());
        match self {
            Self::Done => ("delivered", None, None),
            Self::Later { due_at, error } => ("waiting", Some(*due_at), cut(error)),
            Self::GivenUp { error } => ("failed", None, cut(error)),
        }
    }
}
