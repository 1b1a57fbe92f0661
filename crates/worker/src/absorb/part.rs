//! Some events of one connection, from reading their graphs to recording the result.

use std::collections::VecDeque;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use connections::ConnectionId;
use futures_util::FutureExt as _;
use identity::Digest;
use identity::eligibility::Rules;
use ledger::{Gathered, LedgerError};
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::{Instant, sleep};

use super::fold::{self, Folded};
use super::gather::gather;
use super::read::Reading;
use crate::Worker;
use crate::contention::Contention;
use crate::handoff::{Handoff, HandoffResult};
use crate::locks::{Held, in_order, read_locked};
use crate::notices::record;
use crate::off_thread::off_thread;
use crate::rules::ConnectionCache;

/// Maximum number of times that events are settled again because the settings changed meanwhile.
const SETTINGS_CHANGES: usize = 20;
/// Wait between two attempts to record.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Some events of one connection, to be recorded together.
#[derive(Clone)]
pub(super) struct Part {
    connection: ConnectionId,
    all: Arc<[Reading]>,
    range: Range<usize>,
    rules: Arc<Rules>,
    settings_version: Option<i64>,
    /// The events may be recorded already: they were redelivered, or recording them together with others failed.
    may_be_known: bool,
}

/// Why some events could not be recorded.
pub(super) enum PartError {
    /// The ledger is not available: nothing is wrong with them.
    NotNow(anyhow::Error),
    /// Other processes keep changing their graphs: nothing is wrong with them, nor with other events.
    Contended(anyhow::Error),
    /// They could not be recorded together; in smaller pieces they can.
    Together(&'static str),
    /// One of them, at least, makes the fold fail.
    Bad(String),
}

impl From<LedgerError> for PartError {
    fn from(cause: LedgerError) -> Self {
        match cause {
            LedgerError::Broken(why) => Self::Bad(why),
            LedgerError::Conflict | LedgerError::Claimed => Self::Contended(cause.into()),
            other => Self::NotNow(other.into()),
        }
    }
}

/// Changes that may be recorded as they are while the locks are held.
type Ready = (Box<Folded>, Option<Held>);

impl Part {
    pub(super) fn new(
        worker: &Worker,
        connection: ConnectionId,
        readings: Vec<Reading>,
        cache: &ConnectionCache,
    ) -> Self {
        Self {
            connection,
            range: 0..readings.len(),
            all: readings.into(),
            rules: Arc::new(cache.rules(worker, connection)),
            settings_version: cache.get(connection).map(|connection| connection.settings_version),
            may_be_known: false,
        }
    }

    pub(super) fn readings(&self) -> &[Reading] {
        &self.all[self.range.clone()]
    }

    /// The same events, each by itself.
    pub(super) fn singles(&self) -> VecDeque<Self> {
        self.range.clone().map(|place| self.piece(place..place + 1)).collect()
    }

    /// The same events in two pieces; one event stays one.
    pub(super) fn halves(&self) -> Vec<Self> {
        let Range { start, end } = self.range;
        let middle = start + (end - start) / 2;
        [start..middle, middle..end]
            .into_iter()
            .filter(|range| !range.is_empty())
            .map(|range| self.piece(range))
            .collect()
    }

    fn piece(&self, range: Range<usize>) -> Self {
        Self { range, may_be_known: true, ..self.clone() }
    }

    /// Records the events, on the fast path if the API keeps up.
    pub(super) async fn record(&self, worker: &Worker, cache: &ConnectionCache) -> Result<(), PartError> {
        let recorded = AssertUnwindSafe(self.fold_and_record(worker, cache)).catch_unwind().await;
        recorded.unwrap_or_else(|_| Err(PartError::Bad("recording it panicked".to_owned())))
    }

    async fn fold_and_record(&self, worker: &Worker, cache: &ConnectionCache) -> Result<(), PartError> {
        // A replayed event exists already. Others are not looked up, because hardly any exists.
        let assume_new = !self.may_be_known && !self.readings().iter().any(|reading| reading.replay);
        let locks = [&worker.locks.absorbing, &worker.locks.writing];
        let (gathered, permit, mut held) =
            read_locked(&locks, self.names_to_lock(worker), || self.admitted(worker, assume_new)).await?;
        worker.locks.note_shared(&gathered);
        let writing = held.pop();
        let mut folded = self.fold(worker, gathered)?;
        folded.changes.assume_new = assume_new;
        // Other work need not wait until the ledger has written this.
        drop(permit);
        fault_point!("absorb.folded");
        let (mut ready, mut waiting) = (None, None);
        match self.offer(worker, folded) {
            Err(folded) => ready = Some((folded, writing)),
            Ok(answer) => {
                // The lease holder writes it; the work of others does not wait for Refersion.
                drop(writing);
                match answer.await {
                    Ok(HandoffResult::Recorded(ends)) => {
                        fold::count(worker, self.readings(), &ends);
                        return self.keep_up_with_settings(worker, cache).await;
                    }
                    Ok(HandoffResult::NotSent(folded)) => ready = Some((folded, None)),
                    Ok(HandoffResult::RecordFirst { folded, recorded }) => {
                        ready = folded.map(|folded| (folded, None));
                        waiting = Some(recorded);
                    }
                    // Whether it was recorded is found out by looking the events up.
                    Err(_) => {}
                }
            }
        }
        let mut recorded = self.record_alone(worker, ready).await;
        let latest = Instant::now() + worker.limits.lease;
        // Calls were sent for these events. The events have to be recorded before the answers: an answer about traits that no
        // recorded event states could not be credited to an event.
        while waiting.is_some() && matches!(recorded, Err(PartError::NotNow(_))) && Instant::now() < latest {
            sleep(RETRY_INTERVAL).await;
            recorded = self.record_alone(worker, None).await;
        }
        recorded?;
        // The lease holder that waits for this may be gone. Then the next holder settles its open calls.
        waiting.map(|recorded| recorded.send(()));
        self.keep_up_with_settings(worker, cache).await
    }

    fn names_to_lock(&self, worker: &Worker) -> Vec<Digest> {
        worker.locks.without_shared(in_order(self.readings().iter().flat_map(Reading::names_to_lock)))
    }

    /// Gathers as soon as there is room in memory for the graphs.
    async fn admitted<'a>(
        &self,
        worker: &'a Worker,
        assume_new: bool,
    ) -> Result<(Gathered, Option<SemaphorePermit<'a>>), LedgerError> {
        let permit = worker.locks.folding().await;
        Ok((gather(worker, self.connection, self.readings(), assume_new).await?, permit))
    }

    fn fold(&self, worker: &Worker, gathered: Gathered) -> Result<Box<Folded>, PartError> {
        if gathered.partial {
            return Err(PartError::Together("their graphs are too large to be read at once"));
        }
        let fold = || fold::fold(worker, self.connection, &self.rules, self.readings(), gathered);
        let folded = std::panic::catch_unwind(AssertUnwindSafe(|| off_thread(fold)));
        folded.map(Box::new).map_err(|_| PartError::Bad("folding it panicked".to_owned()))
    }

    /// Offers what was folded to the lease holder, if its edits are worth a call.
    fn offer(
        &self,
        worker: &Worker,
        folded: Box<Folded>,
    ) -> Result<oneshot::Receiver<HandoffResult>, Box<Folded>> {
        let is_too_little = folded.edits.len() < worker.limits.fast_path_from;
        let Some(settings_version) = self.settings_version.filter(|_| !is_too_little) else {
            return Err(folded);
        };
        if worker.handoffs.capacity(self.connection) == 0 {
            return Err(folded);
        }
        let (answer, result) = oneshot::channel();
        let handoff = Handoff { settings_version, folded, answer };
        worker.handoffs.offer(self.connection, handoff).map(|()| result).map_err(|handoff| handoff.folded)
    }

    /// Records what is ready; folds again if another process was faster.
    async fn record_alone(&self, worker: &Worker, mut ready: Option<Ready>) -> Result<(), PartError> {
        let mut contention = Contention::none_yet(worker, self.connection);
        let recorded = loop {
            let (mut folded, held) = match ready.take() {
                Some(ready) => ready,
                None => match self.fold_again(worker).await {
                    Ok(ready) => ready,
                    Err(failed) => break Err(failed),
                },
            };
            let ends = fold::ends(&folded.changes);
            folded.changes.claim = contention.claim();
            let failed = match record(worker, folded.changes).await {
                Ok(()) => {
                    fold::count(worker, self.readings(), &ends);
                    break Ok(());
                }
                Err(failed) => failed,
            };
            drop(held);
            if matches!(failed, LedgerError::Conflict) && contention.is_stubborn() && self.range.len() > 1 {
                break Err(PartError::Together("another process changes one of their graphs"));
            }
            if let Err(failed) = contention.passes(failed).await {
                break Err(failed.into());
            }
        };
        contention.end().await;
        recorded
    }

    async fn fold_again(&self, worker: &Worker) -> Result<Ready, PartError> {
        let locks = [&worker.locks.writing];
        let (gathered, _permit, mut held) =
            read_locked(&locks, self.names_to_lock(worker), || self.admitted(worker, false)).await?;
        Ok((self.fold(worker, gathered)?, held.pop()))
    }

    /// Settles the graphs again if the settings have changed since they were read: the walk that applies new settings may have
    /// passed these graphs before they were recorded. The events are known by now, so folding them again only settles their graphs.
    async fn keep_up_with_settings(&self, worker: &Worker, cache: &ConnectionCache) -> Result<(), PartError> {
        if cache.is_fresh_enough_for_a_walk(worker.now()) {
            return Ok(());
        }
        let mut part = self.clone();
        for _ in 0..SETTINGS_CHANGES {
            let newest = worker.connections.by_id(self.connection).await;
            let newest = newest.map_err(|cause| PartError::NotNow(cause.into()))?;
            let version = newest.as_ref().map(|connection| connection.settings_version);
            worker.audiences.read(worker).await?;
            let are_known = worker.audiences.of(self.connection) == part.rules.audiences;
            if version == part.settings_version && are_known {
                return Ok(());
            }
            part.settings_version = version;
            if let Some(connection) = newest {
                part.rules = Arc::new(worker.rules_of(connection.id, &connection.settings));
            }
            part.record_alone(worker, None).await?;
        }
        Err(PartError::NotNow(anyhow::anyhow!("the settings keep changing")))
    }
}
