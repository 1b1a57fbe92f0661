//! The parts of the port that operators read through, and that sweeps use.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    Counts, DeadLetterFilter, DeadLetterState, DeadLetterView, EventView, Expiring, LedgerError, SweepClock,
};

/// What an operator reads of events and dead letters, and the states of dead letters.
#[async_trait]
pub trait View: Send + Sync {
    /// Events by any of their digests (message id, address, user id), newest first, at most `limit`.
    async fn find_events(&self, digests: &[Digest], limit: usize) -> Result<Vec<EventView>, LedgerError>;

    /// One event's payload while it is kept (pending or dead).
    async fn payload(&self, event: Uuid) -> Result<Option<(ConnectionId, Timestamp, String)>, LedgerError>;

    /// The payload of an event that is pending or dead, and the revisions of it, as far as they are kept.
    async fn payloads(&self, event: Uuid) -> Result<Vec<String>, LedgerError>;

    /// Dead letters, newest first, of equal times the greater id first.
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
}

/// What is done again and again in the background.
#[async_trait]
pub trait Housekeeping: Send + Sync {
    /// Classifies dead letters again that older rules classified ([`groups::VERSION`](crate::groups::VERSION)), at most
    /// `limit`; how many.
    /// An engine that does not group them has nothing to do.
    async fn reclassify(&self, _limit: usize) -> Result<usize, LedgerError> {
        Ok(0)
    }

    /// Drops payloads of dead letters that were discarded and kept until `now`, of at most `limit`; of how many.
    /// Keys of acts that have expired by then are dropped too, at most `limit`.
    /// An engine that keeps none has nothing to do.
    async fn drop_discarded(&self, _now: Timestamp, _limit: usize) -> Result<usize, LedgerError> {
        Ok(0)
    }

    /// Drops payloads of open dead letters of a class that died before a time, of at most `limit`, and writes the audit; of how
    /// many. They are discarded, with the reason that their retention has ended; their causes and counts stay.
    /// An engine that keeps none has nothing to do.
    async fn expire_class(
        &self,
        _class: &str,
        _before: Timestamp,
        _now: Timestamp,
        _limit: usize,
    ) -> Result<usize, LedgerError> {
        Ok(0)
    }

    /// Drops what expires and is older than a time, at most `limit` rows in a transaction of their own; how many. Open dead letters
    /// that go are in the audit, at `now`.
    async fn expire(
        &self,
        what: Expiring,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError>;

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
