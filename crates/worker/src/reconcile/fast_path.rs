//! The fast path: the edits of a handoff are sent at once, and all of it is recorded together with the answers.

use std::time::Duration;

use connections::Epoch;
use futures_util::future::join_all;
use ledger::{CallId, GraphId, LedgerError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

use super::answers::{Delivered, Unrecorded};
use super::batcher::{BATCH, Planned};
use super::record::Recorder;
use super::take::request;
use super::{Ended, Holder};
use crate::absorb::{Folded, ends};
use crate::deliver::{Api, Call, CallOutcome, deliver};
use crate::handoff::{Handoff, HandoffResult};
use crate::locks::in_order;
use crate::notices::record;
use crate::off_thread::off_thread;

/// How long a handoff waits for its answers before absorb records it: no message is held for longer than 2 s.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1500);

/// The result of a handoff.
pub(super) enum HandoffOutcome {
    /// Its calls were sent, and their answers are recorded.
    Recorded(Vec<Delivered>),
    /// Its calls were sent; their answers are not recorded, or it is unknown whether they are.
    Unrecorded(Unrecorded),
    /// Its calls could not be recorded as open, and were not sent.
    NotOpened(Vec<Planned>, LedgerError),
}

impl Holder {
    /// Sends the edits of a handoff in at most `capacity` calls: the number that the rate allows in addition to due work. A
    /// handoff that cannot be sent is returned to absorb at once.
    ///
    /// # Errors
    ///
    /// If the ledger cannot note which calls are repeated; then nothing was sent.
    pub(super) async fn take_handoff(
        &mut self,
        handoff: Handoff,
        capacity: usize,
        under_way: &mut JoinSet<Ended>,
    ) -> Result<(), LedgerError> {
        let planned = match handoff.settings_version == self.connection.settings_version {
            true => self.batches(&handoff.folded, capacity),
            false => Vec::new(),
        };
        let api = if planned.is_empty() { None } else { self.api().await.ok() };
        let Some(api) = api else {
            not_sent(handoff.answer, handoff.folded);
            return Ok(());
        };
        if let Err(cause) = self.count_repeated(&planned).await {
            not_sent(handoff.answer, handoff.folded);
            return Err(cause);
        }
        for call in &planned {
            self.in_flight.begin(call);
        }
        self.in_flight.handoffs += 1;
        let (recorder, epoch) = (self.recorder(), self.connection.epoch());
        under_way
            .spawn(async move { Ended::Handoff(recorder.send_handoff(&api, handoff, planned, epoch).await) });
        Ok(())
    }

    /// Forgets that a handoff was under way, unless its answers are still to be recorded.
    pub(super) fn finish_handoff(&mut self, outcome: HandoffOutcome) -> Result<(), LedgerError> {
        self.in_flight.handoffs -= 1;
        match outcome {
            HandoffOutcome::Recorded(answers) => {
                answers.iter().for_each(|answered| self.suspect(answered));
                self.forget(answers);
            }
            HandoffOutcome::Unrecorded(kept) => {
                kept.answers.iter().for_each(|answered| self.suspect(answered));
                self.unrecorded.answers.extend(kept.answers);
                self.unrecorded.is_in_doubt |= kept.is_in_doubt;
            }
            HandoffOutcome::NotOpened(planned, cause) => {
                self.has_lost_count = true;
                for call in planned {
                    self.in_flight.end(&call.graphs, call.request.anchors());
                }
                return Err(cause);
            }
        }
        Ok(())
    }

    /// The calls that send a handoff's edits: at most `capacity`, and none with fewer edits than the fast path requires
    /// (`Limits::fast_path_from`). Graphs with a call under way are left out.
    fn batches(&self, folded: &Folded, capacity: usize) -> Vec<Planned> {
        let room = self.room().min(capacity);
        let mut planned: Vec<Planned> = Vec::new();
        for (place, steps) in &folded.edits {
            let save = &folded.changes.saves[*place];
            let Some(graph) = save.row.map(|row| row.id) else { continue };
            let busy = self.in_flight.graphs.contains(&graph) || self.in_flight.is_about(&save.graph);
            if busy {
                continue;
            }
            for step in steps {
                let Some((_, request)) = request(&self.worker.vault, &save.graph, step) else { continue };
                let left = match planned.last_mut() {
                    Some(call) => call.add(graph, request),
                    None => Some(request),
                };
                let Some(request) = left else { continue };
                if planned.len() == room {
                    return planned;
                }
                planned.push(Planned { request, graphs: vec![graph] });
            }
        }
        planned.retain(|call| call.graphs.len() >= self.worker.limits.fast_path_from.min(BATCH));
        planned
    }
}

/// Sends calls at the same time, and waits for all their answers.
async fn deliver_all(api: &Api, calls: Vec<(Call, Vec<GraphId>)>, epoch: Epoch) -> Vec<Delivered> {
    let outcomes = join_all(calls.iter().map(|(call, _)| deliver(api, call))).await;
    let answered = calls.into_iter().zip(outcomes);
    answered
        .map(|((call, graphs), outcomes)| Delivered { call, graphs, outcomes, epoch, is_probe: false })
        .collect()
}

impl Recorder {
    /// Sends a handoff's edits, and records the handoff together with the answers. In three cases absorb records the handoff
    /// first, and the holder records the answers afterwards, as for any other call: answers are late, another process has changed
    /// a graph, or the ledger fails.
    async fn send_handoff(
        &self,
        api: &Api,
        handoff: Handoff,
        planned: Vec<Planned>,
        epoch: Epoch,
    ) -> HandoffOutcome {
        let Handoff { folded, answer, .. } = handoff;
        let ids = match self.write_down(&planned).await {
            Ok(ids) => ids,
            Err(cause) => {
                not_sent(answer, folded);
                return HandoffOutcome::NotOpened(planned, cause);
            }
        };
        fault_point!("carry.written_down");
        let calls = planned.into_iter().zip(&ids).map(|(call, id)| call.into_call(*id));
        let delivering = deliver_all(api, calls.collect(), epoch);
        let mut delivering = std::pin::pin!(fault_point_within!("carry.sent", delivering));
        let (when_recorded, answers, is_in_doubt) = match timeout(ANSWER_TIMEOUT, &mut delivering).await {
            Ok(answers) => {
                fault_point!("carry.answered");
                let failed = match self.record_handoff(folded, &answers, &ids).await {
                    Ok(ended) => {
                        // The waiting task may be gone; it finds the events recorded when it reads the ledger.
                        drop(answer.send(HandoffResult::Recorded(ended)));
                        fault_point!("carry.recorded");
                        return HandoffOutcome::Recorded(answers);
                    }
                    Err(failed) => failed,
                };
                let is_certain = matches!(failed, LedgerError::Conflict | LedgerError::Claimed);
                (record_first(answer, None), answers, !is_certain)
            }
            Err(_) => {
                let (connection, id) = (&self.connection.name, self.connection.id);
                debug!(%connection, connection_id = id, "answers are late: absorb records the handoff");
                (record_first(answer, Some(folded)), delivering.await, false)
            }
        };
        // An error means that absorb could not record the handoff. The answers are valid nevertheless.
        drop(when_recorded.await);
        HandoffOutcome::Unrecorded(Unrecorded { answers, is_in_doubt })
    }

    /// Records the folded batch together with the answers.
    async fn record_handoff(
        &self,
        folded: Box<Folded>,
        answers: &[Delivered],
        calls: &[CallId],
    ) -> Result<Vec<(uuid::Uuid, ledger::State)>, LedgerError> {
        let mut changes = folded.changes;
        let graphs = changes.saves.iter().flat_map(|save| save.graph.identifiers.keys());
        let _held = self.worker.locks.writing.hold(&in_order(graphs.copied())).await;
        changes.fence = Some(self.fence);
        changes.closed_calls = calls.to_vec();
        let outcomes: Vec<&CallOutcome> = answers.iter().flat_map(|answered| &answered.outcomes).collect();
        off_thread(|| self.apply(&mut changes, &outcomes, &self.rules()));
        let ended = ends(&changes);
        record(&self.worker, changes).await?;
        Ok(ended)
    }
}

fn not_sent(answer: oneshot::Sender<HandoffResult>, folded: Box<Folded>) {
    // The waiting task may be gone: then its batch is redelivered.
    drop(answer.send(HandoffResult::NotSent(folded)));
}

/// Lets absorb record a handoff; the receiver is notified when it has.
fn record_first(
    answer: oneshot::Sender<HandoffResult>,
    folded: Option<Box<Folded>>,
) -> oneshot::Receiver<()> {
    let (recorded, when_recorded) = oneshot::channel();
    drop(answer.send(HandoffResult::RecordFirst { folded, recorded }));
    when_recorded
}
