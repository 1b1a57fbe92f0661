//! Answers of calls: kept in memory until the ledger has them, also while it is not available.

use std::collections::BTreeSet;
use std::time::Duration;

use connections::{Epoch, StoreError};
use ledger::{CallId, Fence, GraphId, LedgerError};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::probe::BEAT_EVERY;
use super::{Ended, Holder};
use crate::deliver::{Call, CallOutcome};
use crate::retry::doubled;

/// The first wait after a temporary failure; it doubles, up to the time between two renewals of the lease.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// A call that ended.
pub(super) struct Delivered {
    pub(super) call: Call,
    pub(super) graphs: Vec<GraphId>,
    pub(super) outcomes: Vec<CallOutcome>,
    /// The epoch in which it was planned.
    pub(super) epoch: Epoch,
    /// Whether it was the probe of a pause: it gives nothing up, and nothing is learned from it.
    pub(super) is_probe: bool,
}

/// Answers that are not recorded yet.
#[derive(Default)]
pub(crate) struct Unrecorded {
    pub(super) answers: Vec<Delivered>,
    /// Whether some of them may be recorded nevertheless: the ledger failed while they were being recorded.
    pub(super) is_in_doubt: bool,
}

impl Holder {
    /// Takes the results of tasks that ended: answers to record, recordings, handoffs, and a page.
    pub(super) async fn end(&mut self, ended: Vec<Result<Ended, JoinError>>) -> anyhow::Result<()> {
        let mut failed = None;
        for one in ended {
            let kept = one.map_err(anyhow::Error::from).and_then(|one| self.keep(one));
            failed = kept.err().or(failed);
        }
        failed.map_or(Ok(()), Err)?;
        self.take_page().await
    }

    fn keep(&mut self, ended: Ended) -> anyhow::Result<()> {
        match ended {
            Ended::Call(delivered) => {
                self.suspect(&delivered);
                self.unrecorded.answers.push(delivered);
            }
            Ended::Recording(recording) => self.finish_recording(recording)?,
            Ended::Handoff(outcome) => self.finish_handoff(outcome)?,
            Ended::Listed(listed) => self.walker.keep(listed),
        }
        Ok(())
    }

    /// Records the answers that are kept, and forgets that their calls were under way. If it fails, they stay.
    pub(super) async fn record(&mut self) -> anyhow::Result<()> {
        if self.unrecorded.is_in_doubt {
            self.forget_recorded().await?;
        }
        let answers = &self.unrecorded.answers;
        if answers.is_empty() {
            return Ok(());
        }
        self.unrecorded.is_in_doubt = true;
        let recorder = self.recorder();
        let is_probe = answers.iter().all(|answered| answered.is_probe);
        let recorder = if is_probe { recorder.lenient() } else { recorder };
        recorder.record_calls(answers).await?;
        let recorded = std::mem::take(&mut self.unrecorded).answers;
        self.forget(recorded);
        Ok(())
    }

    /// Forgets answers that are recorded already: a transaction without a reported end may have been committed. Then its calls
    /// are closed, and nothing is recorded twice.
    async fn forget_recorded(&mut self) -> Result<(), LedgerError> {
        // Calls of this holder have an older token than the next one.
        let next = Fence { token: self.fence.token + 1 };
        let open = self.worker.ledger.calls_left_open(self.connection.id, next).await?;
        let open: BTreeSet<CallId> = open.into_iter().map(|call| call.id).collect();
        let answers = std::mem::take(&mut self.unrecorded).answers;
        let (left, recorded) = answers.into_iter().partition(|answered| open.contains(&answered.call.id));
        self.unrecorded.answers = left;
        self.forget(recorded);
        Ok(())
    }

    /// Forgets calls whose answers are recorded: they are no longer under way.
    pub(super) fn forget(&mut self, recorded: Vec<Delivered>) {
        for Delivered { call, graphs, .. } in recorded {
            self.in_flight.end(&graphs, call.request.anchors());
        }
    }

    /// Learns from an answer whether something is wrong with the settings, before another call starts. Calls that were planned
    /// in an earlier epoch say nothing about the current settings.
    pub(super) fn suspect(&mut self, answered: &Delivered) {
        if answered.epoch == self.connection.epoch() && !answered.is_probe {
            self.suspicion.observe(&answered.outcomes);
        }
    }

    /// Waits after a temporary failure, longer after each one in a row.
    pub(super) async fn pause_after(&self, cause: &anyhow::Error, failures: u32) {
        let (connection, id) = (&self.connection.name, self.connection.id);
        let kept = self.unrecorded.answers.len();
        warn!(%connection, connection_id = id, kept, error = %format!("{cause:#}"), "the ledger failed: answers are kept until it works again");
        let wait = doubled(FIRST_WAIT, failures, self.worker.limits.renew);
        self.beating(tokio::time::sleep(wait)).await;
    }

    /// Before serving ends with a failure: waits for the calls that are under way, and records all answers, as long as this
    /// holder has the lease.
    pub(super) async fn save_answers(&mut self, under_way: &mut JoinSet<Ended>, stop: &CancellationToken) {
        // Calls that wait at the gate are returned unsent.
        self.gate.close();
        let mut ended = Vec::new();
        while !under_way.is_empty() {
            tokio::select! {
                biased;
                Some(one) = under_way.join_next() => ended.push(one),
                () = tokio::time::sleep(BEAT_EVERY) => self.beat(),
            }
            if self.is_over(stop) {
                self.ids.give_up();
            }
        }
        let mut failures = 0;
        let taken = self.end(ended).await;
        let mut saved = self.record().await.and(taken);
        while let Err(cause) = saved
            && !self.unrecorded.answers.is_empty()
            && may_pass(&cause)
            && !self.is_over(stop)
        {
            self.pause_after(&cause, failures).await;
            failures += 1;
            saved = self.record().await;
        }
    }

    /// Whether waiting is useless: the process is stopping, and the lease has run out.
    pub(super) fn is_over(&self, stop: &CancellationToken) -> bool {
        stop.is_cancelled() && !self.gate.has_lease()
    }
}

/// Whether a failure is temporary.
pub(super) fn may_pass(cause: &anyhow::Error) -> bool {
    let of_ledger = cause.downcast_ref::<LedgerError>();
    let of_store = cause.downcast_ref::<StoreError>();
    of_store.is_some_and(|cause| matches!(cause, StoreError::Unavailable(_)))
        || of_ledger.is_some_and(|cause| {
            matches!(cause, LedgerError::Unavailable(_) | LedgerError::Conflict | LedgerError::Claimed)
        })
}

/// Whether another worker holds the lease now.
pub(super) fn is_fenced(cause: &anyhow::Error) -> bool {
    matches!(cause.downcast_ref::<LedgerError>(), Some(LedgerError::Fenced))
}
