//! The ledger's port, method by method: each is one statement or one transaction of the modules beside it, within the
//! deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use numbers::Ranges;
use uuid::Uuid;

use super::graphs::Stored;
use super::pool::within;
use super::record::Prepared;
use super::{
    PostgresLedger, accounts, arrivals, claims, codes, due, events, expire, find, graphs, groups,
    idempotency, leases, letters, message_ids, notes, orphans, plans, record, repairs, unmapped, views,
};
use crate::body::Body;
use crate::{
    CallId, Calls, Changes, Claim, Counts, DeadLetterFilter, DeadLetterState, DeadLetterView, DueGraph,
    Engine, EventView, Expiring, Fence, Gathered, GraphId, GraphRow, Graphs, Housekeeping, Lease,
    LedgerError, OpenCall, Row, Schedule, SweepClock, View, Want,
};

/// Runs a piece of work on a session, within its deadline, and ends the session.
macro_rules! on {
    ($session:expr, |$connection:ident| $work:expr) => {{
        let mut session = $session.await?;
        let until = session.until;
        let $connection = session.connection();
        let done = within(until, $work).await;
        session.end(done).await
    }};
}
pub(super) use on;

impl Engine for PostgresLedger {}

#[async_trait]
impl Graphs for PostgresLedger {
    async fn gather(
        &self,
        connection: ConnectionId,
        digests: &[Digest],
        ids: &[Uuid],
    ) -> Result<Gathered, LedgerError> {
        let ((graphs, partial), known) = on!(self.read(), |db| async {
            let graphs = graphs::holding(db, connection, digests).await?;
            let known = events::known(db, connection, ids).await?;
            Ok((graphs, known))
        })?;
        let known = known.into_iter().map(|(event, known)| (event, known.into_known_event())).collect();
        Ok(Gathered { graphs: parsed(graphs)?, known, partial, ..Gathered::default() })
    }

    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError> {
        parsed(on!(self.read(), |db| graphs::by_ids(db, ids))?)
    }

    async fn record(&self, changes: Changes) -> Result<(), LedgerError> {
        let prepared = Prepared::of(changes);
        on!(self.begin(), |db| record::record(db, &prepared))?;
        let appended = prepared.appended();
        if appended > 0 && self.appended.fetch_add(appended, Ordering::Relaxed) >= unmapped::SUM_UP_AFTER {
            self.appended.store(0, Ordering::Relaxed);
            on!(self.begin(), |db| notes::sum_up(db))?;
        }
        Ok(())
    }

    async fn note_arrivals(&self, numbers: &BTreeMap<Uuid, Ranges>) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| arrivals::note(db, numbers))?)
    }

    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        Ok(on!(self.read(), |db| claims::take(db, connection, claim, now))?)
    }

    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError> {
        Ok(on!(self.read(), |db| claims::end(db, connection, claim))?)
    }
}

#[async_trait]
impl Calls for PostgresLedger {
    async fn lease(
        &self,
        connection: ConnectionId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        Ok(on!(self.read(), |db| leases::take(db, connection, holder, now, lasts))?)
    }

    async fn give_back(&self, connection: ConnectionId, holder: Uuid) -> Result<(), LedgerError> {
        Ok(on!(self.read(), |db| leases::give_back(db, connection, holder))?)
    }

    async fn open_calls(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[OpenCall],
    ) -> Result<Vec<CallId>, LedgerError> {
        Ok(on!(self.begin(), |db| leases::open_calls(db, connection, fence, calls))?)
    }

    async fn calls_left_open(
        &self,
        connection: ConnectionId,
        fence: Fence,
    ) -> Result<Vec<OpenCall>, LedgerError> {
        Ok(on!(self.read(), |db| leases::left_open(db, connection, fence))?)
    }

    async fn affiliate_codes(
        &self,
        connection: ConnectionId,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, String>, LedgerError> {
        Ok(on!(self.read(), |db| codes::read(db, connection, ids))?)
    }
}

#[async_trait]
impl Schedule for PostgresLedger {
    async fn due(
        &self,
        connection: ConnectionId,
        now: Timestamp,
        want: &Want,
    ) -> Result<Vec<DueGraph>, LedgerError> {
        let due = on!(self.read(), |db| due::graphs(db, connection, now, want))?;
        let parse = |due: due::StoredDue| {
            Ok(DueGraph { graph: parse(due.graph)?, lane: due.lane, step: due.step, due_at: due.due_at })
        };
        due.into_iter().map(parse).collect()
    }

    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError> {
        Ok(on!(self.read(), |db| due::next(db, connection))?)
    }

    async fn walk(
        &self,
        connection: ConnectionId,
        after: GraphId,
        limit: usize,
    ) -> Result<Vec<GraphRow>, LedgerError> {
        parsed(on!(self.read(), |db| graphs::walk(db, connection, after, limit))?)
    }

    async fn walk_position(&self, connection: ConnectionId) -> Result<Option<(i64, GraphId)>, LedgerError> {
        Ok(on!(self.read(), |db| due::walk_position(db, connection))?)
    }

    async fn set_walk_position(
        &self,
        connection: ConnectionId,
        version: i64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        Ok(on!(self.read(), |db| due::set_walk_position(db, connection, version, position))?)
    }
}

#[async_trait]
impl View for PostgresLedger {
    async fn find_events(&self, digests: &[Digest], limit: usize) -> Result<Vec<EventView>, LedgerError> {
        let (mut found, mut below) = (BTreeSet::new(), Some(Uuid::max()));
        while let Some(from) = below.filter(|_| found.len() < limit && !digests.is_empty()) {
            let piece = on!(self.read(), |db| find::piece(db, digests, from))?;
            found.extend(piece.events);
            below = piece.below;
        }
        // What operators repaired may name other identifiers than the event as it came.
        found.extend(on!(self.read(), |db| orphans::naming(db, digests, limit))?);
        let newest: Vec<Uuid> = found.into_iter().rev().take(limit).collect();
        Ok(on!(self.read(), |db| views::events(db, &newest))?)
    }

    async fn payload(&self, event: Uuid) -> Result<Option<(ConnectionId, Timestamp, String)>, LedgerError> {
        Ok(on!(self.read(), |db| views::payload(db, event))?)
    }

    async fn payloads(&self, event: Uuid) -> Result<Vec<String>, LedgerError> {
        Ok(on!(self.read(), |db| repairs::payloads(db, event))?)
    }

    async fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterView>, LedgerError> {
        Ok(on!(self.begin(), |db| letters::read(db, filter))?)
    }

    async fn move_dead_letters(
        &self,
        ids: &[i64],
        from: DeadLetterState,
        to: DeadLetterState,
    ) -> Result<usize, LedgerError> {
        Ok(on!(self.begin(), |db| letters::set_state(db, ids, from, to))?)
    }

    async fn counts(&self, connection: Option<ConnectionId>, now: Timestamp) -> Result<Counts, LedgerError> {
        // Others wait for the rows that are summed up, so nothing else is done in that transaction.
        on!(self.begin(), |db| notes::sum_up(db))?;
        Ok(on!(self.read(), |db| views::counts(db, connection, now))?)
    }
}

#[async_trait]
impl Housekeeping for PostgresLedger {
    async fn reclassify(&self, limit: usize) -> Result<usize, LedgerError> {
        Ok(on!(self.begin(), |db| groups::classify(db, limit))?)
    }

    async fn drop_discarded(&self, now: Timestamp, limit: usize) -> Result<usize, LedgerError> {
        on!(self.begin(), |db| idempotency::drop_expired(db, now, limit))?;
        Ok(on!(self.write_at_once(), |db| letters::drop_discarded(db, now.as_microsecond(), limit))?)
    }

    async fn expire_class(
        &self,
        class: &str,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError> {
        Ok(on!(self.write_at_once(), |db| letters::expire_class(db, class, (before, now), limit))?)
    }

    async fn expire(
        &self,
        what: Expiring,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError> {
        let done = match what {
            Expiring::DeadLetters => on!(self.begin(), |db| expire::letters(db, (before, now), limit)),
            Expiring::PlanItems => on!(self.begin(), |db| plans::expire(db, before, limit)),
            Expiring::Outcomes => on!(self.begin(), |db| expire::events(db, before, limit)),
            Expiring::Attempts => on!(self.begin(), |db| expire::attempts(db, before, limit)),
            Expiring::Weeks => self.expire_week(before, limit).await,
            Expiring::MessageIds => on!(self.begin(), |db| message_ids::clear(db, limit)),
            Expiring::RemovedConnections => on!(self.begin(), |db| accounts::removal::empty(db, limit)),
        };
        Ok(done?)
    }

    async fn sweep_clock(&self, _: Timestamp) -> Result<SweepClock, LedgerError> {
        Ok(on!(self.read(), |db| expire::clock(db))?)
    }

    async fn set_swept(&self, swept: Timestamp) -> Result<(), LedgerError> {
        Ok(on!(self.read(), |db| expire::set_swept(db, swept))?)
    }
}

fn parse((id, version, graph, dirty, waiting, counted): Stored) -> Result<GraphRow, LedgerError> {
    let (dirty, waiting) = (dirty.unsigned_abs(), waiting.unsigned_abs());
    Body { graph, counted }.read(Row { id, version, dirty, waiting })
}

fn parsed(stored: Vec<Stored>) -> Result<Vec<GraphRow>, LedgerError> {
    stored.into_iter().map(parse).collect()
}
