//! The ledger: the only memory of the destination.
//!
//! It keeps identity graphs, the events that have not ended, outcomes, failed attempts, dead letters, open calls and
//! leases. The port speaks of them in our own words; no type of a database crosses it. Engines: SQLite (embedded) and,
//! with the same contract, Postgres.
//!
//! Readers of a graph remember its version; [`Ledger::record`] writes only if no version has moved, so absorb and
//! reconcile need no locks between reading and writing: on [`LedgerError::Conflict`] the caller reads again.

pub mod arrivals;
pub mod changes;
#[cfg(feature = "contract")]
pub mod contract;
mod failure;
pub mod monitoring;
pub mod postgres;
mod rows;
pub mod sqlite;
mod storage;
pub mod unmapped;
pub mod view;
mod words;

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use numbers::Ranges;
use uuid::Uuid;

pub use arrivals::{Arrivals, Missing, Stream};
pub use changes::{
    Attempt, Audit, Changes, DeadLetter, NewEvent, OrphanedDeadLetter, Outcome, Save, State, Unmapped, Work,
};
pub use monitoring::{HeldConnection, Monitoring, ProcessReport, ProcessRole, Registrations};
pub use rows::{
    CallItem, Claim, DueGraph, Fence, Gathered, GraphRow, KnownEvent, Lease, OpenCall, READ_BYTES, Want,
};
pub use storage::{KeptLetters, Storage};
pub use view::{
    AffiliateRef, AttemptView, Counts, DeadLetterFilter, DeadLetterRef, DeadLetterState, DeadLetterView,
    EventView, Expired, SweepClock,
};

/// The row id of a graph.
pub type GraphId = i64;

/// The row id of an open call.
pub type CallId = i64;

/// The row of a graph as it was read. As long as the version is the same, so is the rest: who writes it need not look
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: GraphId,
    /// Its version when it was read.
    pub version: i64,
    /// How many of its affiliates or persons differed from what Refersion knew.
    pub dirty: u32,
    /// How many of its persons and identifiers waited.
    pub waiting: u32,
}

/// What went wrong, by what the caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A graph has moved since it was read: read again.
    #[error("a graph was changed by someone else meanwhile")]
    Conflict,
    /// Somebody else has claimed the connection's graphs for a moment: try again soon.
    #[error("another worker has claimed the connection's graphs for a moment")]
    Claimed,
    /// Another worker holds the lease now: drop all that is in hand.
    #[error("the lease on the connection is lost")]
    Fenced,
    /// The ledger cannot be reached or is busy: try again later.
    #[error("the ledger is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was asked or stored makes no sense: a bug, or a damaged file.
    #[error("the ledger cannot do that: {0}")]
    Broken(String),
}

/// A graph that is due later than this from now is due at once: no retry waits as long, so that its time was written
/// while the clock was wrong.
pub const FURTHEST_DUE: std::time::Duration = std::time::Duration::from_secs(2 * 86_400);

/// A lease that ends later than this many times its length from now has ended: it was taken while the clock was wrong.
pub const LONGEST_LEASE: u32 = 4;

/// The ledger's port.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Reads, in one go, every graph that holds one of `digests`, and which of `events` are recorded already. Of graphs that
    /// are larger than [`READ_BYTES`] together only some are read ([`Gathered::partial`]), at least one.
    async fn gather(
        &self,
        connection: ConnectionId,
        digests: &[Digest],
        events: &[Uuid],
    ) -> Result<Gathered, LedgerError>;

    /// Reads graphs by id; those that no longer exist are left out.
    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError>;

    /// Writes everything or nothing, in one transaction: [`LedgerError::Conflict`] if a version has moved, a digest
    /// belongs to another graph already, or an event that was taken for new is there (see [`Changes::unasked`]);
    /// [`LedgerError::Fenced`] if `changes.fence` is given and not the newest token; [`LedgerError::Claimed`] if graphs are
    /// to be written that somebody else has claimed.
    async fn record(&self, changes: Changes) -> Result<(), LedgerError>;

    /// Notes events that are recorded by now, by stream and number ([`Arrivals`]), before they are acknowledged. An engine
    /// without [`Arrivals`] has nothing to note.
    async fn note_arrivals(&self, _arrivals: &BTreeMap<Uuid, Ranges>) -> Result<(), LedgerError> {
        Ok(())
    }

    /// Claims the graphs of a connection: until the claim ends, nobody else can write them. `false` while another holder's
    /// claim runs. To be made before they are read; whoever is writing at this moment may still be the faster one.
    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Ends a claim at once, if it still runs.
    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError>;

    /// Takes or renews the lease for `holder`. `None` while another holder's lease runs. A new holder gets a greater
    /// token; the same holder keeps its token while its lease has not been taken by another.
    async fn lease(
        &self,
        connection: ConnectionId,
        holder: Uuid,
        now: Timestamp,
        lasts: std::time::Duration,
    ) -> Result<Option<Lease>, LedgerError>;

    /// Ends `holder`'s lease at once, so that another may take over.
    async fn give_back(&self, connection: ConnectionId, holder: Uuid) -> Result<(), LedgerError>;

    /// Due graphs, per lane and step oldest due first, up to the limits, and to [`READ_BYTES`] of each.
    async fn due(
        &self,
        connection: ConnectionId,
        now: Timestamp,
        want: &Want,
    ) -> Result<Vec<DueGraph>, LedgerError>;

    /// When the next graph of a connection becomes due, if any; in the past if one is due already.
    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError>;

    /// Writes down calls that are about to go out, fenced; their ids in the same order.
    async fn open_calls(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[OpenCall],
    ) -> Result<Vec<CallId>, LedgerError>;

    /// The calls of a connection that were written down and never closed under an older token than `fence`.
    async fn calls_left_open(
        &self,
        connection: ConnectionId,
        fence: Fence,
    ) -> Result<Vec<OpenCall>, LedgerError>;

    /// Graphs of a connection in id order after `after`, for a walk through all; fewer than `limit` if these are larger
    /// than [`READ_BYTES`], but at least one.
    async fn walk(
        &self,
        connection: ConnectionId,
        after: GraphId,
        limit: usize,
    ) -> Result<Vec<GraphRow>, LedgerError>;

    /// How far the walk that applies settings version `version` has come: `None` once it is done.
    /// A connection whose settings version is newer than its last finished walk starts at 0.
    async fn walk_position(&self, connection: ConnectionId) -> Result<Option<(i64, GraphId)>, LedgerError>;

    /// Remembers how far the walk for a settings version has come; `None` = done.
    async fn set_walk_position(
        &self,
        connection: ConnectionId,
        version: i64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError>;

    /// The affiliate code that a numeric id belongs to, as far as [`Changes::affiliates`] said.
    async fn affiliate_code(&self, connection: ConnectionId, id: u64) -> Result<Option<String>, LedgerError>;

    /// Events by any of their digests (message id, address, user id), newest first, at most `limit`.
    async fn find_events(&self, digests: &[Digest], limit: usize) -> Result<Vec<EventView>, LedgerError>;

    /// One event's payload while it is kept (pending or dead).
    async fn payload(&self, event: Uuid) -> Result<Option<(ConnectionId, Timestamp, String)>, LedgerError>;

    /// Dead letters, newest first.
    async fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterView>, LedgerError>;

    /// Sets the state of dead letters by id; returns how many were in `from` and have moved. A discarded one loses its
    /// payload.
    async fn move_dead_letters(
        &self,
        ids: &[i64],
        from: DeadLetterState,
        to: DeadLetterState,
    ) -> Result<usize, LedgerError>;

    /// Counts for `status`, of all connections or of one.
    async fn counts(&self, connection: Option<ConnectionId>, now: Timestamp) -> Result<Counts, LedgerError>;

    /// Drops outcomes, attempts and dead letters that are older than their retention; at most `limit` rows of each.
    async fn expire(
        &self,
        outcomes_before: Timestamp,
        dead_letters_before: Timestamp,
        limit: usize,
    ) -> Result<Expired, LedgerError>;

    /// The time that counts for what has expired, and how far sweeps have come. A database server goes by its own clock; an
    /// engine without one by `now`. An engine that remembers nothing has never swept.
    async fn sweep_clock(&self, now: Timestamp) -> Result<SweepClock, LedgerError> {
        Ok(SweepClock { now, swept: None })
    }

    /// Remembers how far sweeps have come.
    async fn set_swept(&self, _swept: Timestamp) -> Result<(), LedgerError> {
        Ok(())
    }
}
