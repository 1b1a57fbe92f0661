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
    PostgresLedger, arrivals, claims, codes, due, events, expire, find, graphs, groups, idempotency, leases,
    letters, message_ids, notes, plans, record, repairs, unmapped, views,
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
        let ((graphs, partial), known) = on!(self.read(), |line| async {
            let graphs = graphs::holding(line, connection, digests).await?;
            let known = events::known(line, connection, ids).await?;
            Ok((graphs, known))
        })?;
        let known = known.into_iter().map(|(event, known)| (event, known.into_known_event())).collect();
        Ok(Gathered { graphs: parsed(graphs)?, known, partial, ..Gathered::default() })
    }

    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError> {
        parsed(on!(self.read(), |line| graphs::by_ids(line, ids))?)
    }

    async fn record(&self, changes: Changes) -> Result<(), LedgerError> {
        let prepared = Prepared::of(changes);
        on!(self.begin(), |line| record::record(line, &prepared))?;
        let appended = prepared.appended();
        if appended > 0 && self.appended.fetch_add(appended, Ordering::Relaxed) >= unmapped::SUM_UP_AFTER {
            self.appended.store(0, Ordering::Relaxed);
            on!(self.begin(), |line| notes::sum_up(line))?;
        }
        Ok(())
    }

    async fn note_arrivals(&self, numbers: &BTreeMap<Uuid, Ranges>) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |line| arrivals::note(line, numbers))?)
    }

    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        Ok(on!(self.read(), |line| claims::take(line, connection, claim, now))?)
    }

    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError> {
        Ok(on!(self.read(), |line| claims::end(line, connection, claim))?)
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
        Ok(on!(self.read(), |line| leases::take(line, connection, holder, now, lasts))?)
    }

    async fn give_back(&self, connection: ConnectionId, holder: Uuid) -> Result<(), LedgerError> {
        Ok(on!(self.read(), |line| leases::give_back(line, connection, holder))?)
    }

    async fn open_calls(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[OpenCall],
    ) -> Result<Vec<CallId>, LedgerError> {
        Ok(on!(self.begin(), |line| leases::open_calls(line, connection, fence, calls))?)
    }

    async fn calls_left_open(
        &self,
        connection: ConnectionId,
        fence: Fence,
    ) -> Result<Vec<OpenCall>, LedgerError> {
        Ok(on!(self.read(), |line| leases::left_open(line, connection, fence))?)
    }

    async fn affiliate_codes(
        &self,
        connection: ConnectionId,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, String>, LedgerError> {
        Ok(on!(self.read(), |line| codes::read(line, connection, ids))?)
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
        let due = on!(self.read(), |line| due::graphs(line, connection, now, want))?;
        let parse = |due: due::StoredDue| {
            Ok(DueGraph { graph: parse(due.graph)?, lane: due.lane, step: due.step, due_at: due.due_at })
        };
        due.into_iter().map(parse).collect()
    }

    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError> {
        Ok(on!(self.read(), |line| due::next(line, connection))?)
    }

    async fn walk(
        &self,
        connection: ConnectionId,
        after: GraphId,
        limit: usize,
    ) -> Result<Vec<GraphRow>, LedgerError> {
        parsed(on!(self.read(), |line| graphs::walk(line, connection, after, limit))?)
    }

    async fn walk_position(&self, connection: ConnectionId) -> Result<Option<(i64, GraphId)>, LedgerError> {
        Ok(on!(self.read(), |line| due::walk_position(line, connection))?)
    }

    async fn set_walk_position(
        &self,
        connection: ConnectionId,
        version: i64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        Ok(on!(self.read(), |line| due::set_walk_position(line, connection, version, position))?)
    }
}

#[async_trait]
impl View for PostgresLedger {
    async fn find_events(&self, digests: &[Digest], limit: usize) -> Result<Vec<EventView>, LedgerError> {
        let (mut found, mut below) = (BTreeSet::new(), Some(Uuid::max()));
        while let Some(from) = below.filter(|_| found.len() < limit && !digests.is_empty()) {
            let piece = on!(self.read(), |line| find::piece(line, digests, from))?;
            found.extend(piece.events);
            below = piece.below;
        }
        let newest: Vec<Uuid> = found.into_iter().rev().take(limit).collect();
        Ok(on!(self.read(), |line| views::events(line, &newest))?)
    }

    async fn payload(&self, event: Uuid) -> Result<Option<(ConnectionId, Timestamp, String)>, LedgerError> {
        Ok(on!(self.read(), |line| views::payload(line, event))?)
    }

    async fn payloads(&self, event: Uuid) -> Result<Vec<String>, LedgerError> {
        Ok(on!(self.read(), |line| repairs::payloads(line, event))?)
    }

    async fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterView>, LedgerError> {
        Ok(on!(self.begin(), |line| letters::read(line, filter))?)
    }

    async fn move_dead_letters(
        &self,
        ids: &[i64],
        from: DeadLetterState,
        to: DeadLetterState,
    ) -> Result<usize, LedgerError> {
        Ok(on!(self.begin(), |line| letters::set_state(line, ids, from, to))?)
    }

    async fn counts(&self, connection: Option<ConnectionId>, now: Timestamp) -> Result<Counts, LedgerError> {
        // Others wait for the rows that are summed up, so nothing else is done in that transaction.
        on!(self.begin(), |line| notes::sum_up(line))?;
        Ok(on!(self.read(), |line| views::counts(line, connection, now))?)
    }
}

#[async_trait]
impl Housekeeping for PostgresLedger {
    async fn reclassify(&self, limit: usize) -> Result<usize, LedgerError> {
        Ok(on!(self.begin(), |line| groups::classify(line, limit))?)
    }

    async fn drop_discarded(&self, now: Timestamp, limit: usize) -> Result<usize, LedgerError> {
        on!(self.begin(), |line| idempotency::drop_expired(line, now, limit))?;
        Ok(on!(self.write_at_once(), |line| letters::drop_discarded(line, now.as_microsecond(), limit))?)
    }

    async fn expire_class(
        &self,
        class: &str,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError> {
        Ok(on!(self.write_at_once(), |line| letters::expire_class(line, class, (before, now), limit))?)
    }

    async fn expire(
        &self,
        what: Expiring,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError> {
        let done = match what {
            Expiring::DeadLetters => on!(self.begin(), |line| expire::letters(line, (before, now), limit)),
            Expiring::PlanItems => on!(self.begin(), |line| plans::expire(line, before, limit)),
            Expiring::Outcomes => on!(self.begin(), |line| expire::events(line, before, limit)),
            Expiring::Attempts => on!(self.begin(), |line| expire::attempts(line, before, limit)),
            Expiring::Weeks => self.expire_week(before, limit).await,
            Expiring::MessageIds => on!(self.begin(), |line| message_ids::clear(line, limit)),
        };
        Ok(done?)
    }

    async fn sweep_clock(&self, _: Timestamp) -> Result<SweepClock, LedgerError> {
        Ok(on!(self.read(), |line| expire::clock(line))?)
    }

    async fn set_swept(&self, swept: Timestamp) -> Result<(), LedgerError> {
        Ok(on!(self.read(), |line| expire::set_swept(line, swept))?)
    }
}

fn parse((id, version, graph, dirty, waiting, counted): Stored) -> Result<GraphRow, LedgerError> {
    let (dirty, waiting) = (dirty.unsigned_abs(), waiting.unsigned_abs());
    Body { graph, counted }.read(Row { id, version, dirty, waiting })
}

fn parsed(stored: Vec<Stored>) -> Result<Vec<GraphRow>, LedgerError> {
    stored.into_iter().map(parse).collect()
}
