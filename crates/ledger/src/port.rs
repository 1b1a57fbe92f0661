//! The ledger's port, in parts by who uses them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::{ConnectionId, ConnectionStore, ReplacedKeys, SharedSecretStore, WriteKeys};
use identity::Digest;
use jiff::Timestamp;
use numbers::Ranges;
use uuid::Uuid;

use super::view_port::{Housekeeping, View};
use crate::{
    Arrivals, Audiences, AuditLog, CallId, Changes, Claim, DeadLetters, Directory, DueGraph, Fence, Gathered,
    GraphId, GraphRow, Hints, Idempotency, Interruptions, Lease, LedgerError, Monitoring, Notifications,
    OpenCall, Operators, Plans, Repairs, SegmentAnswers, Storage, Want,
};

/// What an engine of the ledger is: all ports over one memory.
pub trait Engine:
    Ledger
    + Storage
    + SegmentAnswers
    + Monitoring
    + Arrivals
    + DeadLetters
    + Plans
    + Repairs
    + Notifications
    + ConnectionStore
    + WriteKeys
    + SharedSecretStore
    + OperatorPorts
    + ReplacedKeys
{
}

/// What is kept of operators: who they are, what they did, and what they asked for once only.
pub trait OperatorPorts: Operators + AuditLog + Idempotency {}

impl<E: Operators + AuditLog + Idempotency> OperatorPorts for E {}

/// The ledger: all of its parts that workers and operators share.
pub trait Ledger:
    Graphs + Calls + Interruptions + Schedule + View + Housekeeping + Directory + Audiences + Hints
{
}

impl<L> Ledger for L where
    L: Graphs + Calls + Interruptions + Schedule + View + Housekeeping + Directory + Audiences + Hints
{
}

/// Identity graphs, and the writing of everything that changes with them.
#[async_trait]
pub trait Graphs: Send + Sync {
    /// Reads, in one go, every graph that holds one of `digests`, and which of `events` are recorded already. Of graphs that
    /// are larger than [`READ_BYTES`](crate::READ_BYTES) together only some are read ([`Gathered::partial`]), at least one.
    async fn gather(
        &self,
        connection: ConnectionId,
        digests: &[Digest],
        events: &[Uuid],
    ) -> Result<Gathered, LedgerError>;

    /// Reads graphs by id; those that no longer exist are left out.
    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError>;

    /// Writes everything or nothing, in one transaction: [`LedgerError::Conflict`] if a version has moved, a digest
    /// belongs to another graph already, or an event that was taken for new is there (see [`Changes::assume_new`]);
    /// [`LedgerError::Fenced`] if `changes.fence` is given and not the newest token; [`LedgerError::Claimed`] if graphs are
    /// to be written that another process has claimed.
    async fn record(&self, changes: Changes) -> Result<(), LedgerError>;

    /// Notes events that are recorded by now, by stream and number ([`Arrivals`]), before they are
    /// acknowledged. An engine without these has nothing to note.
    async fn note_arrivals(&self, _arrivals: &BTreeMap<Uuid, Ranges>) -> Result<(), LedgerError> {
        Ok(())
    }

    /// Claims the graphs of a connection: until the claim ends, nobody else can write them. `false` while another holder's
    /// claim runs. To be made before they are read; a process that is writing at this moment may still be faster.
    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Ends a claim at once, if it still runs.
    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError>;
}

/// Who may make calls for a connection, and the calls that are under way.
#[async_trait]
pub trait Calls: Send + Sync {
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

    /// The affiliate codes that numeric ids belong to, as far as [`Changes::affiliates`] named them; others are left out.
    async fn affiliate_codes(
        &self,
        connection: ConnectionId,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, String>, LedgerError>;
}

/// Which graphs need calls and when, and the walk that applies changed settings.
#[async_trait]
pub trait Schedule: Send + Sync {
    /// Due graphs, per lane and step oldest due first, up to the limits, and to [`READ_BYTES`](crate::READ_BYTES) of each.
    async fn due(
        &self,
        connection: ConnectionId,
        now: Timestamp,
        want: &Want,
    ) -> Result<Vec<DueGraph>, LedgerError>;

    /// When the next graph of a connection becomes due, if any; in the past if one is due already.
    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError>;

    /// Graphs of a connection in id order after `after`, for a walk through all; fewer than `limit` if these are larger
    /// than [`READ_BYTES`](crate::READ_BYTES), but at least one.
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
}
