//! The ledger as one process reaches it, and the faults that are planted there to see whether they are found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connections::{ConnectionId, Registry as _, State};
use futures_util::future::BoxFuture;
use identity::Digest;
use identity::graph::Lane;
use jiff::Timestamp;
use ledger::sqlite::SqliteLedger;
use ledger::{
    CallId, Calls, Changes, Claim, Counts, DeadLetterFilter, DeadLetterState, DeadLetterView, DueGraph,
    EventView, Expiring, Fence, Gathered, GraphId, GraphRow, Graphs, Housekeeping, Lease, LedgerError,
    OpenCall, Row, Schedule, View, Want,
};
use uuid::Uuid;

use super::planted_bug::{PlantedBug, forget_delivered, keep_the_first};
use super::process::{FreezePoint, Process};
pub(crate) use super::watch::Watch;

pub(crate) struct LedgerPort {
    pub(crate) process: Arc<Process>,
    pub(crate) inner: SqliteLedger,
    pub(crate) planted_bug: PlantedBug,
    pub(crate) watch: Watch,
    /// A hook that runs just before something is recorded.
    pub(crate) before_recording: Option<BeforeRecording>,
    /// Number of the next recordings under a lease, and openings of calls, that are committed and reported as failed.
    pub(crate) reported_as_failed: Arc<AtomicUsize>,
}

/// A hook that runs just before changes are recorded.
pub(crate) type BeforeRecording = Box<dyn Fn(&Changes) -> BoxFuture<'static, ()> + Send + Sync>;

pub(crate) fn unavailable() -> LedgerError {
    LedgerError::Unavailable("a fault of the simulation".into())
}

impl LedgerPort {
    /// Whether the last commit is reported as failed.
    fn is_reported_as_failed(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        self.reported_as_failed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }

    async fn any_is_paused(&self) -> bool {
        let all = self.inner.list().await.expect("a ledger");
        all.iter().any(|connection| connection.state != State::Active)
    }

    async fn apply_planted_bug(&self, changes: &mut Changes) -> Result<(), LedgerError> {
        match self.planted_bug {
            PlantedBug::NoFence => changes.fence = None,
            PlantedBug::PayoutFollowsHolder => {
                let affiliates = changes.saves.iter_mut().flat_map(|save| &mut save.graph.affiliates);
                affiliates.for_each(|affiliate| affiliate.payee = None);
            }
            PlantedBug::SentAgain if changes.fence.is_none() => {
                changes.saves.iter_mut().for_each(forget_delivered)
            }
            PlantedBug::FirstWriterWins if changes.fence.is_none() => {
                for save in &mut changes.saves {
                    let Some(Row { id, .. }) = save.row else { continue };
                    for before in self.inner.graphs(&[id]).await? {
                        keep_the_first(&before.graph, &mut save.graph);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn other(lane: Lane) -> Lane {
    if lane == Lane::Live { Lane::Bulk } else { Lane::Live }
}

#[async_trait]
impl Graphs for LedgerPort {
    async fn record(&self, mut changes: Changes) -> Result<(), LedgerError> {
        let (connection, fence) = (changes.connection, changes.fence);
        if fence.is_some() {
            self.process.freeze_if_chosen(FreezePoint::BeforeRecording);
        } else {
            self.process.delay_absorb().await;
        }
        self.apply_planted_bug(&mut changes).await?;
        if let Some(before) = &self.before_recording {
            before(&changes).await;
        }
        let recorded = async {
            let lost = self.watch.is_lost(connection, fence).await;
            // Events that were assumed to be new may be known already: such a conflict is not about graphs.
            let is_about_graphs = !changes.assume_new;
            let versions = Watch::versions_in(&changes);
            let recorded = self.inner.record(changes).await;
            if is_about_graphs && matches!(recorded, Err(LedgerError::Conflict)) {
                self.watch.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            recorded?;
            self.watch.versions.lock().extend(versions);
            if lost {
                self.watch.note();
            }
            Ok(())
        };
        self.process.run(recorded, unavailable).await?;
        if fence.is_some() && self.is_reported_as_failed() { Err(unavailable()) } else { Ok(()) }
    }

    async fn gather(
        &self,
        connection: ConnectionId,
        digests: &[Digest],
        events: &[Uuid],
    ) -> Result<Gathered, LedgerError> {
        self.process.run(self.inner.gather(connection, digests, events), unavailable).await
    }

    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.process.run(self.inner.claim(connection, claim, now), unavailable).await
    }

    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError> {
        self.process.run(self.inner.end_claim(connection, claim), unavailable).await
    }

    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError> {
        self.process.run(self.inner.graphs(ids), unavailable).await
    }
}

#[async_trait]
impl Calls for LedgerPort {
    async fn calls_left_open(
        &self,
        connection: ConnectionId,
        fence: Fence,
    ) -> Result<Vec<OpenCall>, LedgerError> {
        let left = self.process.run(self.inner.calls_left_open(connection, fence), unavailable).await?;
        Ok(if self.planted_bug == PlantedBug::OpenCallsForgotten { Vec::new() } else { left })
    }

    async fn lease(
        &self,
        connection: ConnectionId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        self.process.run(self.inner.lease(connection, holder, now, lasts), unavailable).await
    }

    async fn give_back(&self, connection: ConnectionId, holder: Uuid) -> Result<(), LedgerError> {
        self.process.run(self.inner.give_back(connection, holder), unavailable).await
    }

    async fn open_calls(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[OpenCall],
    ) -> Result<Vec<CallId>, LedgerError> {
        let opened = self.process.run(self.inner.open_calls(connection, fence, calls), unavailable).await?;
        if self.is_reported_as_failed() { Err(unavailable()) } else { Ok(opened) }
    }

    async fn affiliate_codes(
        &self,
        connection: ConnectionId,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, String>, LedgerError> {
        self.process.run(self.inner.affiliate_codes(connection, ids), unavailable).await
    }
}

#[async_trait]
impl Schedule for LedgerPort {
    async fn due(
        &self,
        connection: ConnectionId,
        now: Timestamp,
        want: &Want,
    ) -> Result<Vec<DueGraph>, LedgerError> {
        let mut due = self.process.run(self.inner.due(connection, now, want), unavailable).await?;
        match self.planted_bug {
            PlantedBug::BulkFirst => due.iter_mut().for_each(|graph| graph.lane = other(graph.lane)),
            PlantedBug::BulkStarves if due.iter().any(|graph| graph.lane == Lane::Live) => {
                due.retain(|graph| graph.lane == Lane::Live);
            }
            PlantedBug::AllWaitForOne if self.any_is_paused().await => due.clear(),
            PlantedBug::OneByOne => due.truncate(1),
            _ => {}
        }
        Ok(due)
    }

    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError> {
        self.process.run(self.inner.next_due(connection), unavailable).await
    }

    async fn walk(
        &self,
        connection: ConnectionId,
        after: GraphId,
        limit: usize,
    ) -> Result<Vec<GraphRow>, LedgerError> {
        self.process.run(self.inner.walk(connection, after, limit), unavailable).await
    }

    async fn walk_position(&self, connection: ConnectionId) -> Result<Option<(i64, GraphId)>, LedgerError> {
        self.process.run(self.inner.walk_position(connection), unavailable).await
    }

    async fn set_walk_position(
        &self,
        connection: ConnectionId,
        version: i64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        self.process.run(self.inner.set_walk_position(connection, version, position), unavailable).await
    }
}

#[async_trait]
impl View for LedgerPort {
    async fn find_events(&self, digests: &[Digest], limit: usize) -> Result<Vec<EventView>, LedgerError> {
        self.inner.find_events(digests, limit).await
    }

    async fn payload(&self, event: Uuid) -> Result<Option<(ConnectionId, Timestamp, String)>, LedgerError> {
        self.inner.payload(event).await
    }

    async fn payloads(&self, event: Uuid) -> Result<Vec<String>, LedgerError> {
        self.process.run(self.inner.payloads(event), unavailable).await
    }

    async fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterView>, LedgerError> {
        self.inner.dead_letters(filter).await
    }

    async fn move_dead_letters(
        &self,
        ids: &[i64],
        from: DeadLetterState,
        to: DeadLetterState,
    ) -> Result<usize, LedgerError> {
        self.inner.move_dead_letters(ids, from, to).await
    }

    async fn counts(&self, connection: Option<ConnectionId>, now: Timestamp) -> Result<Counts, LedgerError> {
        self.inner.counts(connection, now).await
    }
}

#[async_trait]
impl Housekeeping for LedgerPort {
    async fn expire(
        &self,
        what: Expiring,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, LedgerError> {
        let expired = self.inner.expire(what, before, now, limit);
        self.process.run(expired, unavailable).await
    }
}
