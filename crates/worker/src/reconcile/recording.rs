//! Records answers in a task of its own, while the holder makes the next calls.

use ledger::CallId;
use tokio::task::JoinSet;

use super::answers::Delivered;
use super::record::Recorder;
use super::{Ended, Holder, RECORD_AT_MOST};
use crate::deliver::CallOutcome;

/// Number of answered calls that are not recorded from which on no other call starts: the ledger limits the rate then.
const UNRECORDED_AT_MOST: usize = 2 * RECORD_AT_MOST;

/// How a recording ended.
pub(super) struct Recording {
    answers: Vec<Delivered>,
    failed: Option<anyhow::Error>,
}

impl Holder {
    /// Starts to record answers. One recording is under way at a time; its end starts the next.
    pub(super) fn begin_recording(&mut self, under_way: &mut JoinSet<Ended>) {
        let kept = self.unrecorded.answers.len();
        if kept == 0 || self.unrecorded.is_in_doubt || self.in_flight.being_recorded > 0 {
            return;
        }
        let answers: Vec<Delivered> = self.unrecorded.answers.drain(..kept.min(RECORD_AT_MOST)).collect();
        self.in_flight.being_recorded = answers.len();
        let recorder = self.recorder();
        under_way.spawn(async move {
            let failed = recorder.record_calls(&answers).await.err();
            Ended::Recording(Recording { answers, failed })
        });
    }

    /// Forgets the calls that are recorded, or keeps their answers.
    pub(super) fn finish_recording(&mut self, recording: Recording) -> anyhow::Result<()> {
        self.in_flight.being_recorded = 0;
        let Recording { answers, failed } = recording;
        let Some(cause) = failed else {
            self.forget(answers);
            return Ok(());
        };
        self.unrecorded.answers.extend(answers);
        self.unrecorded.is_in_doubt = true;
        Err(cause)
    }

    /// The number of calls that are under way or about to start; `None` while too many answers wait to be recorded.
    pub(super) fn calls_in_progress(&self) -> Option<usize> {
        let answered = self.unrecorded.answers.len() + self.in_flight.being_recorded;
        (answered < UNRECORDED_AT_MOST).then(|| self.in_flight.calls.saturating_sub(answered))
    }
}

impl Recorder {
    /// Records how calls ended, and closes them, in one transaction.
    pub(super) async fn record_calls(&self, answers: &[Delivered]) -> anyhow::Result<()> {
        let closed: Vec<CallId> = answers.iter().map(|answered| answered.call.id).collect();
        let outcomes: Vec<&CallOutcome> = answers.iter().flat_map(|answered| &answered.outcomes).collect();
        self.record_answers(&outcomes, &closed).await?;
        fault_point!("reconcile.recorded");
        Ok(())
    }
}
