//! The ledger's port, method by method: each is one snapshot or one transaction of the modules beside it.
//!
//! Graphs are packed and unpacked here, outside of the database's one thread.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use numbers::Ranges;
use sqlite::rusqlite::Connection;
use uuid::Uuid;

use super::failure::Failure;
use super::graphs::Stored;
use super::record::Prepared;
use super::{
    SqliteLedger, arrivals, claims, codes, due, events, expire, find, graphs, groups, idempotency, leases,
    letters, record, repairs, views,
};
use crate::{
    CallId, Calls, Changes, Claim, Counts, DeadLetterFilter, DeadLetterState, DeadLetterView, DueGraph,
    Engine, EventView, Expired, Fence, Gathered, GraphId, GraphRow, Graphs, Housekeeping, Lease, LedgerError,
    OpenCall, Row, Schedule, SweepClock, View, Want,
};

impl Engine for SqliteLedger {}

#[async_trait]
impl Graphs for SqliteLedger {
    async fn gather(
        &self,
        connection: ConnectionId,
        digests: &[Digest],
        events: &[Uuid],
    ) -> Result<Gathered, LedgerError> {
        let (digests, events) = (digests.to_vec(), events.to_vec());
        let ((graphs, partial), known) = self
            .read::<_, LedgerError>(move |database| {
                let graphs = graphs::holding(database, connection, &digests)?;
                let mut known = BTreeMap::new();
                for event in events {
                    let found = events::known(database, connection, event)?;
                    known.extend(found.map(|found| (event, found.told())));
                }
                Ok((graphs, known))
            })
            .await?;
        Ok(Gathered { graphs: parsed(graphs)?, known, partial, ..Gathered::default() })
    }

    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError> {
        let ids = ids.to_vec();
        parsed(self.read::<_, LedgerError>(move |database| graphs::by_ids(database, ids)).await?)
    }

    async fn record(&self, changes: Changes) -> Result<(), LedgerError> {
        let prepared = Prepared::of(changes);
        let forgets = prepared.forgets();
        self.write::<_, LedgerError>(move |database| record::record(database, &prepared)).await?;
        if forgets {
            self.forgot().await;
        }
        Ok(())
    }

    async fn note_arrivals(&self, numbers: &BTreeMap<Uuid, Ranges>) -> Result<(), LedgerError> {
        let numbers = numbers.clone();
        self.write(move |database| arrivals::note(database, &numbers)).await
    }

    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.write(move |database| claims::take(database, connection, claim, now)).await
    }

    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError> {
        self.write(move |database| claims::end(database, connection, claim)).await
    }
}

#[async_trait]
impl Calls for SqliteLedger {
    async fn lease(
        &self,
        connection: ConnectionId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        self.write(move |database| leases::take(database, connection, holder, now, lasts)).await
    }

    async fn give_back(&self, connection: ConnectionId, holder: Uuid) -> Result<(), LedgerError> {
        self.write(move |database| leases::give_back(database, connection, holder)).await
    }

    async fn open_calls(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[OpenCall],
    ) -> Result<Vec<CallId>, LedgerError> {
        let with_items = |call: &OpenCall| Ok((call.clone(), serde_json::to_string(&call.items)?));
        let calls = calls.iter().map(with_items).collect::<Result<Vec<_>, Failure>>()?;
        self.write(move |database| leases::open_calls(database, connection, fence, &calls)).await
    }

    async fn calls_left_open(
        &self,
        connection: ConnectionId,
        fence: Fence,
    ) -> Result<Vec<OpenCall>, LedgerError> {
        self.read(move |database| leases::left_open(database, connection, fence)).await
    }

    async fn affiliate_codes(
        &self,
        connection: ConnectionId,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, String>, LedgerError> {
        let ids = ids.to_vec();
        self.read(move |database| codes::read(database, connection, &ids)).await
    }
}

#[async_trait]
impl Schedule for SqliteLedger {
    async fn due(
        &self,
        connection: ConnectionId,
        now: Timestamp,
        want: &Want,
    ) -> Result<Vec<DueGraph>, LedgerError> {
        let want = want.clone();
        let due = self
            .read::<_, LedgerError>(move |database| due::graphs(database, connection, now, &want))
            .await?;
        due.into_iter()
            .map(|due| {
                Ok(DueGraph { graph: parse(due.graph)?, lane: due.lane, step: due.step, due_at: due.due_at })
            })
            .collect()
    }

    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError> {
        self.read(move |database| due::next(database, connection)).await
    }

    async fn walk(
        &self,
        connection: ConnectionId,
        after: GraphId,
        limit: usize,
    ) -> Result<Vec<GraphRow>, LedgerError> {
        let rows = move |database: &Connection| graphs::walk(database, connection, after, limit);
        parsed(self.read::<_, LedgerError>(rows).await?)
    }

    async fn walk_position(&self, connection: ConnectionId) -> Result<Option<(i64, GraphId)>, LedgerError> {
        self.read(move |database| due::walk_position(database, connection)).await
    }

    async fn set_walk_position(
        &self,
        connection: ConnectionId,
        version: i64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        self.write(move |database| due::set_walk_position(database, connection, version, position)).await
    }
}

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
        found.truncate(limit);
        self.read(move |database| views::events(database, &found)).await
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
        outcomes_before: Timestamp,
        dead_letters_before: Timestamp,
        limit: usize,
    ) -> Result<Expired, LedgerError> {
        let work = move |database: &Connection| {
            expire::expire(database, outcomes_before, dead_letters_before, limit)
        };
        let expired = self.write::<_, LedgerError>(work).await?;
        if expired.message_ids > 0 {
            self.forgot().await;
        }
        self.clear_log().await;
        Ok(expired)
    }

    async fn sweep_clock(&self, now: Timestamp) -> Result<SweepClock, LedgerError> {
        self.read(move |database| expire::clock(database, now)).await
    }

    async fn set_swept(&self, swept: Timestamp) -> Result<(), LedgerError> {
        self.write(move |database| expire::set_swept(database, swept)).await
    }
}

fn parse(stored: Stored) -> Result<GraphRow, LedgerError> {
    let Stored { id, version, body, dirty, waiting } = stored;
    body.read(Row { id, version, dirty, waiting })
}

fn parsed(stored: Vec<Stored>) -> Result<Vec<GraphRow>, LedgerError> {
    stored.into_iter().map(parse).collect()
}
