//! The ledger: the database with all state of the destination.
//!
//! It stores identity graphs, pending events, outcomes, failed attempts, dead letters, open calls and leases. The port
//! uses types of this project only, and no type of a database. There are two engines with the same contract: SQLite
//! (embedded) and Postgres.
//!
//! Readers of a graph remember its version; [`Graphs::record`] writes only if no version has changed, so absorb and
//! reconcile need no locks between reading and writing: on [`LedgerError::Conflict`] the caller reads again.

pub mod arrivals;
mod audience;
pub mod audiences;
mod audit;
mod body;
pub mod changes;
#[cfg(feature = "contract")]
pub mod contract;
mod dead_letter;
mod dead_letters;
pub mod directory;
mod failure;
pub mod groups;
pub mod hints;
mod idempotency;
mod interruptions;
mod letter_view;
pub mod monitoring;
mod notifications;
mod operators;
mod outcome;
mod page_size;
pub mod plans;
mod port;
pub mod postgres;
mod removals;
mod repairs;
mod rows;
mod segment_answers;
pub mod selector;
pub mod sqlite;
mod storage;
mod tallies;
pub mod unmapped;
pub mod view;
mod view_port;
mod walk;
mod words;

pub use arrivals::{Arrivals, Missing, Stream};
pub use audiences::{Audience, AudienceCounts, Audiences, Counting, NamedAudience, Rejections};
pub use audit::{AuditEntry, AuditFilter, AuditLine, AuditLog, AuditResult};
pub use changes::{Attempt, Audit, Changes, NewEvent, Save, Unmapped, Work};
pub use dead_letter::{DeadLetter, OrphanedDeadLetter};
pub use dead_letters::{Act, DeadLetters};
pub use directory::{Directory, DirectoryState, Drift, ListedAffiliate, MAX_DRIFT, Page};
pub use groups::{Group, Mender};
pub use hints::Hints;
pub use idempotency::{Begun, Idempotency, IdempotentRequest, KeptAnswer, RENEW_REQUEST_EVERY};
pub use interruptions::Interruptions;
pub use letter_view::{DeadLetterFilter, DeadLetterState, DeadLetterView, Discarded};
pub use monitoring::{
    HeldConnection, Monitoring, ProcessReport, ProcessRole, RefusedSignatures, Registrations,
};
pub use notifications::{Delivery, MAX_ERROR_CHARS, NewNotification, Notification, Notifications, Outbox};
pub use operators::{MAX_OPERATORS, NewOperator, OperatorRole, OperatorView, Operators, TokenDigest};
pub use page_size::PageSize;
pub use removals::finish_removals;

pub use outcome::{Outcome, State};
pub use plans::{Plan, PlanFilter, PlanId, PlanItems, PlanState, Plans};
pub use port::{Calls, Engine, Graphs, Ledger, OperatorPorts, Schedule};
pub use repairs::{MAX_REVISIONS, NewRevision, Repairs, Revision, Stored};
pub use rows::{
    CallItem, Claim, DueGraph, Fence, Gathered, GraphRow, KnownEvent, Lease, OpenCall, READ_BYTES, Want,
};
pub use segment_answers::{SegmentAnswer, SegmentAnswers};
pub use selector::{AuditSelector, Selector, SelectorError};
pub use storage::{KeptLetters, Storage};
pub use view::{AffiliateRef, AttemptView, Counts, DeadLetterRef, EventView, Expiring, SweepClock};
pub use view_port::{Housekeeping, View};
pub use walk::{FinishedWalk, Verified, Walk, WalkRequest};

/// The row id of a graph.
pub type GraphId = i64;

/// The row id of an open call.
pub type CallId = i64;

/// The row of a graph as it was read. While the version is the same, so is the rest, and the writer need not read it
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: GraphId,
    /// Its version when it was read.
    pub version: i64,
    /// The number of its dirty affiliates and persons.
    pub dirty: u32,
    /// The number of its waiting persons and identifiers.
    pub waiting: u32,
}

/// Errors of the ledger, grouped by what the caller does about them.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A graph has changed since it was read: read again.
    #[error("a graph was changed by someone else meanwhile")]
    Conflict,
    /// Another process has claimed the connection's graphs for a moment: try again soon.
    #[error("another worker has claimed the connection's graphs for a moment")]
    Claimed,
    /// Another worker holds the lease now: drop all unfinished work.
    #[error("the lease on the connection is lost")]
    Fenced,
    /// The ledger cannot be reached or is busy: try again later.
    #[error("the ledger is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request or the stored data is invalid: a bug, or a damaged file.
    #[error("the ledger cannot do that: {0}")]
    Broken(String),
}

/// A graph that is due later than this from now counts as due at once: no retry waits as long, so its time was written
/// while the clock was wrong.
pub const FURTHEST_DUE: std::time::Duration = std::time::Duration::from_secs(2 * 86_400);

/// A lease that ends later than this many times its length from now counts as ended: it was taken while the clock was wrong.
pub const LONGEST_LEASE: u32 = 4;
