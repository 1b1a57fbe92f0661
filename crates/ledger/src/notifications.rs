//! The port for notifications of operators: an outbox, and the state of the process that fills it.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::LedgerError;

/// The maximum length of a stored delivery error, in characters.
pub const MAX_ERROR_CHARS: usize = 200;

/// A notification to add. It contains no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotification {
    /// The fact that it is about; a second notification of the same fact is left out.
    pub fact: String,
    /// The connection concerned; when it is removed, so are its waiting notifications.
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
    /// The fact that it is about.
    pub fact: String,
    /// The type.
    pub kind: String,
    /// The body.
    pub body: String,
    /// When it was noticed.
    pub at: Timestamp,
    /// The number of attempts.
    pub attempts: u32,
}

/// The result of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver has it.
    Done,
    /// It failed, and is tried again.
    Later {
        /// The time of the next attempt.
        due_at: Timestamp,
        /// The error.
        error: String,
    },
    /// It failed, and is given up.
    GivenUp {
        /// The error.
        error: String,
    },
}

/// The state of the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// Notifications that wait.
    pub waiting: u64,
    /// When the oldest of them was noticed.
    pub oldest: Option<Timestamp>,
    /// Notifications that were given up and are still kept.
    pub failed: u64,
    /// The newest error among deliveries that wait or were given up.
    pub error: Option<String>,
}

/// The outbox of notifications. One process at a time watches and delivers.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Takes or renews the right to watch and deliver. Returns the state that the last holder stored, or an empty text if there is none
    /// yet; `None` while another process has the right.
    async fn hold_notifier(
        &self,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<String>, LedgerError>;

    /// Adds notifications and stores the state `seen`, in one transaction. Returns `false` and writes nothing if another process has the
    /// right now.
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

    /// Stores the result of a delivery.
    async fn note_delivery(&self, id: i64, delivery: &Delivery) -> Result<(), LedgerError>;

    /// The state of the outbox.
    async fn outbox(&self) -> Result<Outbox, LedgerError>;

    /// Deletes notifications that were noticed before a time, at most `limit`. Returns their number.
    async fn expire_notifications(&self, before: Timestamp, limit: usize) -> Result<usize, LedgerError>;
}

impl Delivery {
    /// State, time of the next attempt and error, as columns.
    pub(crate) fn columns(&self) -> (&'static str, Option<Timestamp>, Option<String>) {
        let cut = |error: &str| Some(error.chars().take(MAX_ERROR_CHARS).collect());
        match self {
            Self::Done => ("delivered", None, None),
            Self::Later { due_at, error } => ("waiting", Some(*due_at), cut(error)),
            Self::GivenUp { error } => ("failed", None, cut(error)),
        }
    }
}
