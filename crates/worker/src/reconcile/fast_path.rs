//! The fast path: the edits of a handoff are sent at once, and all of it is recorded together with the answers.

use std::time::Duration;

use connections::Epoch;
use futures_util::future::join_all;
use identity::Digest;
use ledger::{CallId, GraphId, LedgerError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

use super::answers::Delivered;
use super::batcher::{BATCH, Planned};
use super::record::Recorder;
use super::take::item;
use super::{Ended, Holder};
use crate::absorb::{Folded, ends};
use crate::deliver::{Api, Call, CallOutcome, Item, deliver};
use crate::handoff::{Handoff, HandoffResult};
use crate::locks::in_order;
use crate::notices::record;
use crate::off_thread::off_thread;

/// How long a handoff waits for its answers before absorb records it: no message is held for longer than 2 s.
const WAITS: Duration = Duration::from_millis(1500);

/// A handoff that has ended.
pub(super) struct FastPathOutcome {
    calls: usize,
    graphs: Vec<GraphId>,
    anchors: Vec<Digest>,
    went: HandoffAnswers,
    /// What was in force when it was planned.
    epoch: Epoch,
}

/// What became of the calls of a handoff.
enum HandoffAnswers {
    /// They were sent, and their answers are recorded.
    Recorded(Vec<CallOutcome>),
    /// They were sent, and their answers are not recorded, or nobody knows whether they are.
    Unrecorded {
        /// The answers.
        answers: Vec<Delivered>,
        /// They may be recorded.
        is_in_doubt: bool,
    },
    /// They could not be written down, and were not sent.
    NotWrittenDown(LedgerError),
}

impl Holder {
    /// Sends the edits of a handoff as far as the calls beside what is due allow. A handoff that cannot be sent goes
    /// back at once.
    pub(super) async fn take_handoff(
        &mut self,
        handoff: Handoff,
        capacity: usize,
        under_way: &mut JoinSet<Ended>,
    ) {
        let planned = match handoff.settings_version == self.connection.settings_version {
            true => self.batches(&handoff.folded, capacity),
            false => Vec::new(),
        };
        let api = if planned.is_empty() { None } else { self.api().await.ok() };
        let Some(api) = api else {
            not_sent(handoff.answer, handoff.folded);
            return;
        };
        for call in &planned {
            self.in_flight.begin(call);
        }
        let mut outcome = FastPathOutcome {
            calls: planned.len(),
            graphs: planned.iter().flat_map(|call| call.graphs.iter().copied()).collect(),
            anchors: planned.iter().flat_map(|call| &call.items).map(|item| item.anchor).collect(),
            went: HandoffAnswers::Recorded(Vec::new()),
            epoch: self.connection.epoch(),
        };
        let recorder = self.recorder();
        under_way.spawn(async move {
            outcome.went = recorder.send_handoff(&api, handoff, planned, outcome.epoch).await;
            Ended::Handoff(outcome)
        });
    }

    /// Forgets that a handoff was under way, unless its answers are still to be recorded.
    pub(super) fn finish_handoff(&mut self, outcome: FastPathOutcome) -> Result<(), LedgerError> {
        let mut failed = None;
        match outcome.went {
            HandoffAnswers::Unrecorded { answers, is_in_doubt } => {
                self.unrecorded.answers.extend(answers);
                self.unrecorded.is_in_doubt |= is_in_doubt;
                return Ok(());
            }
            HandoffAnswers::Recorded(endings) if outcome.epoch == self.connection.epoch() => {
                self.suspicion.learn(&endings);
            }
            HandoffAnswers::Recorded(_) => {}
            HandoffAnswers::NotWrittenDown(cause) => {
                self.has_lost_count = true;
                failed = Some(cause);
            }
        }
        self.in_flight.end(outcome.calls, &outcome.graphs, outcome.anchors);
        failed.map_or(Ok(()), Err)
    }

    /// The calls that send a handoff's edits: batches that are full, or full enough for a call, and no more than there
    /// is room for. Graphs with a call under way are left alone.
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
                let Some((sort, item)) = item(&self.worker.vault, &save.graph, step) else { continue };
                let calls = planned.len();
                match planned.last_mut() {
                    Some(call) if call.items.len() < BATCH => call.add(graph, item),
                    _ if calls < room => planned.push(Planned::with(sort, graph, item)),
                    _ => return planned,
                }
            }
        }
        planned.retain(|call| call.items.len() >= self.worker.limits.carry_from.min(BATCH));
        planned
    }
}

impl Recorder {
    /// Sends a handoff's edits and records all of it. Absorb records it if answers are late, another process was faster or
    /// the ledger fails; then the answers are recorded after that, like those of any other call.
    async fn send_handoff(
        &self,
        api: &Api,
        handoff: Handoff,
        planned: Vec<Planned>,
        epoch: Epoch,
    ) -> HandoffAnswers {
        let Handoff { folded, answer, .. } = handoff;
        let calls = match self.write_down(&planned).await {
            Ok(calls) => calls,
            Err(cause) => {
                not_sent(answer, folded);
                return HandoffAnswers::NotWrittenDown(cause);
            }
        };
        fault_point!("carry.written_down");
        let graphs: Vec<Vec<GraphId>> = planned.iter().map(|call| call.graphs.clone()).collect();
        let jobs = planned.into_iter().zip(&calls).map(|(call, id)| call.into_call(*id));
        let jobs: Vec<Call> = jobs.collect();
        let delivering = join_all(jobs.iter().map(|job| deliver(api, job)));
        let mut delivering = std::pin::pin!(fault_point_within!("carry.sent", delivering));
        let (when_recorded, endings, is_in_doubt) = match timeout(WAITS, &mut delivering).await {
            Ok(endings) => {
                fault_point!("carry.answered");
                let failed = match self.record_handoff(folded, &endings, &calls).await {
                    Ok(ended) => {
                        // The waiting task may be gone; it finds the events recorded when it reads the ledger.
                        drop(answer.send(HandoffResult::Recorded(ended)));
                        fault_point!("carry.recorded");
                        return HandoffAnswers::Recorded(endings.into_iter().flatten().collect());
                    }
                    Err(failed) => failed,
                };
                let is_certain = matches!(failed, LedgerError::Conflict | LedgerError::Claimed);
                (record_first(answer, None), endings, !is_certain)
            }
            Err(_) => {
                let (connection, id) = (&self.connection.name, self.connection.id);
                debug!(%connection, id, "answers are late: absorb records the handoff");
                (record_first(answer, Some(folded)), delivering.await, false)
            }
        };
        // It fails only if absorb could not record; the answers are true all the same.
        drop(when_recorded.await);
        let answers = jobs
            .iter()
            .cloned()
            .zip(graphs)
            .zip(endings)
            .map(|((job, graphs), endings)| Delivered { job, graphs, endings, epoch, is_probe: false });
        HandoffAnswers::Unrecorded { answers: answers.collect(), is_in_doubt }
    }

    /// Records what was folded together with what was answered.
    async fn record_handoff(
        &self,
        folded: Box<Folded>,
        endings: &[Vec<CallOutcome>],
        calls: &[CallId],
    ) -> Result<Vec<(uuid::Uuid, ledger::State)>, LedgerError> {
        let mut changes = folded.changes;
        let graphs = changes.saves.iter().flat_map(|save| save.graph.identifiers.keys());
        let _held = self.worker.locks.writing.hold(&in_order(graphs.copied())).await;
        changes.fence = Some(self.fence);
        changes.closed_calls = calls.to_vec();
        let endings: Vec<&CallOutcome> = endings.iter().flatten().collect();
        off_thread(|| self.tell(&mut changes, &endings, &self.rules()));
        let ended = ends(&changes);
        record(&self.worker, changes).await?;
        Ok(ended)
    }
}

impl Planned {
    fn add(&mut self, graph: GraphId, item: Item) {
        self.graphs.push(graph);
        self.items.push(item);
    }
}

fn not_sent(answer: oneshot::Sender<HandoffResult>, folded: Box<Folded>) {
    // The waiting task may be gone: then its batch comes again.
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
