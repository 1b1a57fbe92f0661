//! The parts of the port that operators use for reading, and that sweeps use.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    Counts, DeadLetterFilter, DeadLetterState, DeadLetterView, EventView, Expiring, LedgerError, SweepClock,
};

/// Events and dead letters as an operator reads them, and the states of dead letters.
#[async_trait]
pub trait View: Send + Sync {
    /// Events by any of their digests (message id, address, user id), newest first, at most `limit`.
    async fn find_events(&self, digests: &[Digest], limit: usize) -> Result<Vec<EventView>, LedgerError>;

    /// One event's payload while it is kept (pending or dead).
    async fn payload(&self, event: Uuid) -> Result<Option<(ConnectionId, Timestamp, String)>, LedgerError>;

    /// The payload of an event that is pending or dead, then its revisions, oldest first, if they are still stored.
    async fn payloads(&self, event: Uuid) -> Result<Vec<String>, LedgerError>;

    /// Dead letters, newest first; with equal times, the greater id first.
    async fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterView>, LedgerError>;

    /// Sets the state of dead letters by id. Returns how many were in `from` and have changed. A discarded one loses
    /// its payload.
    async fn move_dead_letters(
        &self,
        ids: &[i64],
        from: DeadLetterState,
        to: DeadLetterState,
    ) -> Result<usize, LedgerError>;

    /// Counts for `status`, of all connections or of one.
    async fn counts(&self, connection: Option<ConnectionId>, now: Timestamp) -> Result<Counts, LedgerError>;
}

/// Periodic work in the background.
#[async_trait]
pub trait Housekeeping: Send + Sync {
    /// Classifies dead letters again that an older version of the rules classified
    /// ([`groups::VERSION`](crate::groups::VERSION)), at most `limit`. Returns their number. An engine without groups
    /// has nothing to do.
    async fn reclassify(&self, _limit: usize) -> Result<usize, LedgerError> {
        Ok(0)
    }

    /// Deletes payloads of discarded dead letters that were kept until `now`, at most `limit`. Returns their number.
    /// Also deletes expired keys of acts, at most `limit`. An engine that stores neither has nothing to do.
    async fn drop_discarded(&self, _now: Timestamp, _limit: usize) -> Result<usize, LedgerError> {
        Ok(0)
    }

    /// Discards open dead letters of a class that died before a time, at most `limit`, with the reason that their retention has ended, and
    /// writes the audit. Returns their number. Their payloads are deleted; their causes and counts stay. An engine without dead letters has
    /// nothing to do.
    async fn expire_class(
        &self,
        _class: &str,
        _before: Timestamp,
        _now: Timestamp,
        _limit: usize,
    ) -> Result<usize, LedgerError> {
        Ok(0)
    }

    /// Deletes data of one kind that is older than a time, at most `limit` rows, in one transaction. Returns their number. Open dead
    /// letters that are deleted are recorded in the audit, at `now`.
    async fn expire(
        &self,
        what: Expiring,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError>;

    /// The clock that decides about expiry, and the progress of sweeps. A database server uses its own clock, an engine without a server
    /// uses `now`. An engine that stores no progress has never swept.
    async fn sweep_clock(&self, now: Timestamp) -> Result<SweepClock, LedgerError> {
        Ok(SweepClock { now, swept: None })
    }

    /// Stores the progress of sweeps.
    async fn set_swept(&self, _swept: Timestamp) -> Result<(), LedgerError> {
        Ok(())
    }
}
