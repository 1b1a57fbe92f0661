//! The parts of the port that operators use for reading, and that sweeps use.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use sqlite::rusqlite::Connection;
use uuid::Uuid;

use super::{SqliteLedger, expire, find, groups, idempotency, letters, orphans, repairs, views};
use crate::{
    Counts, DeadLetterFilter, DeadLetterState, DeadLetterView, EventView, Expiring, Housekeeping,
    LedgerError, SweepClock, View,
};

#[async_trait]
impl View for SqliteLedger {
    async fn find_events(&self, digests: &[Digest], limit: usize) -> Result<Vec<EventView>, LedgerError> {
        let (mut found, mut below) = (Vec::new(), Some(i64::MAX));
        while let Some(from) = below.filter(|_| found.len() < limit) {
            let digests = digests.to_vec();
            let piece =
                self.read::<_, LedgerError>(move |database| find::piece(database, &digests, from)).await?;
            found.extend(piece.events);
            below = piece.below;
        }
        let digests = digests.to_vec();
        self.read(move |database| {
            // What operators repaired may name other identifiers than the event as it came.
            found.extend(orphans::naming(database, &digests, limit)?);
            found.sort_unstable_by_key(|event| Reverse(*event));
            found.dedup();
            found.truncate(limit);
            views::events(database, &found)
        })
        .await
    }

    async fn payload(&self, event: Uuid) -> Result<Option<(ConnectionId, Timestamp, String)>, LedgerError> {
        self.read(move |database| views::payload(database, event)).await
    }

    async fn payloads(&self, event: Uuid) -> Result<Vec<String>, LedgerError> {
        self.read(move |database| repairs::payloads(database, event)).await
    }

    async fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterView>, LedgerError> {
        let filter = filter.clone();
        self.read(move |database| letters::read(database, &filter)).await
    }

    async fn move_dead_letters(
        &self,
        ids: &[i64],
        from: DeadLetterState,
        to: DeadLetterState,
    ) -> Result<usize, LedgerError> {
        let ids = ids.to_vec();
        let moved = self
            .write::<_, LedgerError>(move |database| letters::set_state(database, &ids, from, to))
            .await?;
        if moved > 0 && to == DeadLetterState::Discarded {
            self.forgot().await;
        }
        Ok(moved)
    }

    async fn counts(&self, connection: Option<ConnectionId>, now: Timestamp) -> Result<Counts, LedgerError> {
        self.read(move |database| views::counts(database, connection, now)).await
    }
}

#[async_trait]
impl Housekeeping for SqliteLedger {
    async fn reclassify(&self, limit: usize) -> Result<usize, LedgerError> {
        self.write(move |database| groups::classify(database, limit)).await
    }

    async fn drop_discarded(&self, now: Timestamp, limit: usize) -> Result<usize, LedgerError> {
        let (keys, dropped) = self
            .write::<_, LedgerError>(move |database| {
                let keys = idempotency::drop_expired(database, now, limit)?;
                Ok((keys, letters::drop_discarded(database, now.as_microsecond(), limit)?))
            })
            .await?;
        if keys + dropped > 0 {
            self.forgot().await;
        }
        Ok(dropped)
    }

    async fn expire_class(
        &self,
        class: &str,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError> {
        let class = class.to_owned();
        let expired = self
            .write::<_, LedgerError>(move |database| {
                letters::expire_class(database, &class, (before, now), limit)
            })
            .await?;
        if expired > 0 {
            self.forgot().await;
        }
        Ok(expired)
    }

    async fn expire(
        &self,
        what: Expiring,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError> {
        let work = move |database: &Connection| expire::expire(database, what, (before, now), limit);
        let expired = self.write::<_, LedgerError>(work).await?;
        if expired > 0 && matches!(what, Expiring::MessageIds | Expiring::RemovedConnections) {
            self.log_remembers.store(true, Ordering::Release);
        }
        // Other writers wait while the log is cleared, so a removal does this once, after its last page.
        if expired == 0 || what != Expiring::RemovedConnections {
            self.clear_log().await;
        }
        Ok(expired)
    }

    async fn sweep_clock(&self, now: Timestamp) -> Result<SweepClock, LedgerError> {
        self.read(move |database| expire::clock(database, now)).await
    }

    async fn set_swept(&self, swept: Timestamp) -> Result<(), LedgerError> {
        self.write(move |database| expire::set_swept(database, swept)).await
    }
}
