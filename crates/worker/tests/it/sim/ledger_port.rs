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

use super::life::{Life, Stumble};
use super::plant::{Plant, forget_delivered, keep_the_first};
pub(crate) use super::watch::Watch;

pub(crate) struct LedgerPort {
    pub(crate) life: Arc<Life>,
    pub(crate) inner: SqliteLedger,
    pub(crate) plant: Plant,
    pub(crate) watch: Watch,
    /// What happens just before something is recorded.
    pub(crate) before_recording: Option<BeforeRecording>,
    /// Number of the next recordings under a lease, and openings of calls, that are committed and reported as failed.
    pub(crate) unheard: Arc<AtomicUsize>,
}

/// Something that happens just before changes are recorded.
pub(crate) type BeforeRecording = Box<dyn Fn(&Changes) -> BoxFuture<'static, ()> + Send + Sync>;

pub(crate) fn unavailable() -> LedgerError {
    LedgerError::Unavailable("a fault of the simulation".into())
}

impl LedgerPort {
    /// Whether what was just committed is reported as failed.
    fn is_unheard(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        self.unheard.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }

    async fn any_is_paused(&self) -> bool {
        let all = self.inner.list().await.expect("a ledger");
        all.iter().any(|connection| connection.state != State::Active)
    }

    async fn spoil(&self, changes: &mut Changes) -> Result<(), LedgerError> {
        match self.plant {
            Plant::NoFence => changes.fence = None,
            Plant::PayoutFollowsHolder => {
                let affiliates = changes.saves.iter_mut().flat_map(|save| &mut save.graph.affiliates);
                affiliates.for_each(|affiliate| affiliate.payee = None);
            }
            Plant::SentAgain if changes.fence.is_none() => {
                changes.saves.iter_mut().for_each(forget_delivered)
            }
            Plant::FirstWriterWins if changes.fence.is_none() => {
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
            self.life.come_by(Stumble::BeforeRecording);
        } else {
            self.life.lag().await;
        }
        self.spoil(&mut changes).await?;
        if let Some(before) = &self.before_recording {
            before(&changes).await;
        }
        let recorded = async {
            let lost = self.watch.is_lost(connection, fence).await;
            // Events that are taken for new may have come before: that is no matter of graphs.
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
        self.life.take(recorded, unavailable).await?;
        if fence.is_some() && self.is_unheard() { Err(unavailable()) } else { Ok(()) }
    }

    async fn gather(
        &self,
        connection: ConnectionId,
        digests: &[Digest],
        events: &[Uuid],
    ) -> Result<Gathered, LedgerError> {
        self.life.take(self.inner.gather(connection, digests, events), unavailable).await
    }

    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.life.take(self.inner.claim(connection, claim, now), unavailable).await
    }

    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError> {
        self.life.take(self.inner.end_claim(connection, claim), unavailable).await
    }

    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError> {
        self.life.take(self.inner.graphs(ids), unavailable).await
    }
}

#[async_trait]
impl Calls for LedgerPort {
    async fn calls_left_open(
        &self,
        connection: ConnectionId,
        fence: Fence,
    ) -> Result<Vec<OpenCall>, LedgerError> {
        let left = self.life.take(self.inner.calls_left_open(connection, fence), unavailable).await?;
        Ok(if self.plant == Plant::OpenCallsForgotten { Vec::new() } else { left })
    }

    async fn lease(
        &self,
        connection: ConnectionId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        self.life.take(self.inner.lease(connection, holder, now, lasts), unavailable).await
    }

    async fn give_back(&self, connection: ConnectionId, holder: Uuid) -> Result<(), LedgerError> {
        self.life.take(self.inner.give_back(connection, holder), unavailable).await
    }

    async fn open_calls(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[OpenCall],
    ) -> Result<Vec<CallId>, LedgerError> {
        let opened = self.life.take(self.inner.open_calls(connection, fence, calls), unavailable).await?;
        if self.is_unheard() { Err(unavailable()) } else { Ok(opened) }
    }

    async fn affiliate_codes(
        &self,
        connection: ConnectionId,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, String>, LedgerError> {
        self.life.take(self.inner.affiliate_codes(connection, ids), unavailable).await
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
        let mut due = self.life.take(self.inner.due(connection, now, want), unavailable).await?;
        match self.plant {
            Plant::BulkFirst => due.iter_mut().for_each(|graph| graph.lane = other(graph.lane)),
            Plant::BulkStarves if due.iter().any(|graph| graph.lane == Lane::Live) => {
                due.retain(|graph| graph.lane == Lane::Live);
            }
            Plant::AllWaitForOne if self.any_is_paused().await => due.clear(),
            Plant::OneByOne => due.truncate(1),
            _ => {}
        }
        Ok(due)
    }

    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError> {
        self.life.take(self.inner.next_due(connection), unavailable).await
    }

    async fn walk(
        &self,
        connection: ConnectionId,
        after: GraphId,
        limit: usize,
    ) -> Result<Vec<GraphRow>, LedgerError> {
        self.life.take(self.inner.walk(connection, after, limit), unavailable).await
    }

    async fn walk_position(&self, connection: ConnectionId) -> Result<Option<(i64, GraphId)>, LedgerError> {
        self.life.take(self.inner.walk_position(connection), unavailable).await
    }

    async fn set_walk_position(
        &self,
        connection: ConnectionId,
        version: i64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        self.life.take(self.inner.set_walk_position(connection, version, position), unavailable).await
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
        self.life.take(self.inner.payloads(event), unavailable).await
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
        self.life.take(expired, unavailable).await
    }
}
