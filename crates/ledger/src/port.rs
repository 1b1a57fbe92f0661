//! The ledger's port, divided by its users.

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

/// An engine of the ledger: all ports over one database.
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

/// The ports about operators: their accounts, the audit, and acts that are carried out once.
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
    /// Reads, in one step, every graph with one of `digests`, and the state of those `events` that are recorded already. If the graphs
    /// together are larger than [`READ_BYTES`](crate::READ_BYTES), only some are read ([`Gathered::partial`]), at least one.
    async fn gather(
        &self,
        connection: ConnectionId,
        digests: &[Digest],
        events: &[Uuid],
    ) -> Result<Gathered, LedgerError>;

    /// Reads graphs by id; those that no longer exist are left out.
    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError>;

    /// Writes everything or nothing, in one transaction: [`LedgerError::Conflict`] if a version has changed, a digest belongs to another
    /// graph already, or an event that was assumed to be new is recorded already (see [`Changes::assume_new`]); [`LedgerError::Fenced`] if
    /// `changes.fence` is given and not the newest token; [`LedgerError::Claimed`] if graphs are to be written that another process has
    /// claimed.
    async fn record(&self, changes: Changes) -> Result<(), LedgerError>;

    /// Notes recorded events, by stream and number ([`Arrivals`]), before they are acknowledged. An engine without
    /// arrivals notes nothing.
    async fn note_arrivals(&self, _arrivals: &BTreeMap<Uuid, Ranges>) -> Result<(), LedgerError> {
        Ok(())
    }

    /// Claims the graphs of a connection: until the claim ends, nobody else can write them. Returns `false` while another holder's claim
    /// runs. Claim before reading; a process that is writing at this moment may still be faster.
    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Ends a claim at once, if it still runs.
    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError>;
}

/// Leases, and calls that are under way.
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

    /// Ends `holder`'s lease at once, so that another worker may take over.
    async fn give_back(&self, connection: ConnectionId, holder: Uuid) -> Result<(), LedgerError>;

    /// Records calls that are about to be sent, fenced. Returns their ids in the same order.
    async fn open_calls(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[OpenCall],
    ) -> Result<Vec<CallId>, LedgerError>;

    /// The calls of a connection that were recorded under an older token than `fence` and never closed.
    async fn calls_left_open(
        &self,
        connection: ConnectionId,
        fence: Fence,
    ) -> Result<Vec<OpenCall>, LedgerError>;

    /// The affiliate codes of numeric ids, if [`Changes::affiliates`] stated them; other ids are left out.
    async fn affiliate_codes(
        &self,
        connection: ConnectionId,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, String>, LedgerError>;
}

/// The schedule: graphs that need calls, and the walk that applies changed settings.
#[async_trait]
pub trait Schedule: Send + Sync {
    /// Due graphs, oldest first within each lane and step, up to the limits, and up to [`READ_BYTES`](crate::READ_BYTES) of each.
    async fn due(
        &self,
        connection: ConnectionId,
        now: Timestamp,
        want: &Want,
    ) -> Result<Vec<DueGraph>, LedgerError>;

    /// When the next graph of a connection becomes due, if any; in the past if one is due already.
    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError>;

    /// Graphs of a connection with ids after `after`, in their order, for a walk through all. Returns fewer than
    /// `limit` if the graphs are larger than [`READ_BYTES`](crate::READ_BYTES), but at least one.
    async fn walk(
        &self,
        connection: ConnectionId,
        after: GraphId,
        limit: usize,
    ) -> Result<Vec<GraphRow>, LedgerError>;

    /// The progress of the walk that applies settings version `version`: `None` once it is done. A connection whose
    /// settings version is newer than its last finished walk starts at 0.
    async fn walk_position(&self, connection: ConnectionId) -> Result<Option<(i64, GraphId)>, LedgerError>;

    /// Stores the progress of the walk for a settings version; `None` = done.
    async fn set_walk_position(
        &self,
        connection: ConnectionId,
        version: i64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError>;
}
