//! Takes due work and makes calls of it.

use connections::Vault;
use identity::eligibility::Rules;
use identity::graph::{EventState, Graph, Lane, Status};
use identity::plan::{Act, Analysis, Step, StepKind};
use identity::stamp::Moment;
use identity::{Digest, Text};
use jiff::{SignedDuration, Timestamp};
use ledger::{DueGraph, FURTHEST_DUE, LedgerError, Want};

use super::Holder;
use super::batcher::{BATCH, Batcher, CallKind, Candidate, Planned};
use crate::deliver::{CallRequest, Create, Edit, Search, StatusChange};
use crate::off_thread::off_thread;
use crate::rules::rules;
use crate::translate::open;

/// Maximum number of full batches that are read in one round, whatever the room. If creates use up the room, the other work that
/// was read is dropped, and read again in the next round.
const BATCHES_AT_ONCE: usize = 16;
/// Minimum limit of searches that are read at once after the directory has answered some.
const SEARCHES_AT_ONCE: usize = 500;
/// Maximum number of look-ups in the directory before calls are made of the steps that it does not answer.
const MAX_LOOKUPS: usize = 8;

impl Holder {
    /// At most `room` calls, made of due work.
    pub(super) async fn take(&mut self, room: usize) -> Result<Vec<Planned>, LedgerError> {
        self.take_of(room, BATCH, &StepKind::ALL).await
    }

    /// At most `room` calls for steps of some kinds. Reads at most `per_call` affiliates of a lane for each call.
    pub(super) async fn take_of(
        &mut self,
        room: usize,
        per_call: usize,
        kinds: &[StepKind],
    ) -> Result<Vec<Planned>, LedgerError> {
        let now = self.worker.now();
        let mut want = self.want(room, per_call, kinds);
        let mut candidates = self.due(now, &want).await?;
        for _ in 0..MAX_LOOKUPS {
            if self.answer_from_directory(&candidates).await?.is_empty() {
                break;
            }
            // Steps that the directory answers need no call, so there is room for more.
            for ((_, kind), limit) in &mut want.limits {
                *limit = if *kind == StepKind::Search { SEARCHES_AT_ONCE.max(room) } else { *limit };
            }
            candidates = self.due(now, &want).await?;
        }
        let calls = Batcher::of(candidates, now).calls(room, self.calls_made);
        self.calls_made += calls.len() as u64;
        Ok(calls)
    }

    async fn due(&self, now: Timestamp, want: &Want) -> Result<Vec<Candidate>, LedgerError> {
        // Also reads work that becomes due within the batching delay: it can fill up calls of due work.
        let waits = SignedDuration::try_from(self.worker.limits.bulk_waits).unwrap_or_default();
        let soon = now.checked_add(waits).unwrap_or(now);
        let due = self.worker.ledger.due(self.connection.id, soon, want).await?;
        let rules = rules(&self.connection.settings);
        Ok(off_thread(|| {
            let mut candidates = Vec::new();
            for graph in due {
                fault_point!("reconcile.taken");
                candidates.extend(self.candidates(&graph, &rules, now));
            }
            candidates
        }))
    }

    fn want(&self, room: usize, per_call: usize, kinds: &[StepKind]) -> Want {
        let mut want = Want { except: self.in_flight.graphs.iter().copied().collect(), ..Want::default() };
        let batches = room.min(BATCHES_AT_ONCE) * per_call;
        for lane in [Lane::Live, Lane::Bulk] {
            for kind in kinds {
                let is_batched = matches!(kind, StepKind::Status | StepKind::Edit);
                want.limits.insert((lane, *kind), if is_batched { batches } else { room });
            }
        }
        want
    }

    /// The steps of a graph that can be sent now. None if a call about the graph is under way; this is decided by anchors, because
    /// a merge may have changed the id of the graph.
    fn candidates(&self, due: &DueGraph, rules: &Rules, now: Timestamp) -> Vec<Candidate> {
        let graph = &due.graph.graph;
        if self.in_flight.is_about(graph) {
            return Vec::new();
        }
        let analysis = Analysis::of(graph, rules);
        let is_due = |at: Moment| due_time(at.into(), now) <= now;
        let ready = |step: &&Step| {
            graph.retries.get(&step.anchor).is_none_or(|retry| !retry.given_up && is_due(retry.due_at))
        };
        let steps = analysis.steps.iter().filter(ready);
        steps
            .filter_map(|step| {
                let (kind, request) = request(&self.worker.vault, graph, step)?;
                let (graph, anchor) = (due.graph.row.id, step.anchor);
                let due_at = due_time(due.due_at, now);
                Some(Candidate { lane: due.lane, graph, due_at, anchor, request, kind })
            })
            .collect()
    }
}

/// When work that is stored as due at `at` is due: now, if no retry waits as long.
fn due_time(at: Timestamp, now: Timestamp) -> Timestamp {
    if now.saturating_add(FURTHEST_DUE).is_ok_and(|furthest| at > furthest) { now } else { at }
}

/// Whether an earlier create at the address may have been carried out. Then Refersion may have sent its welcome mail, and the retry
/// asks for none.
fn is_in_doubt(graph: &Graph, address: Digest) -> bool {
    graph.identifiers.get(&address).is_some_and(|address| address.may_appear_until.is_some())
}

/// A call for one step, with the texts to send; `None` if an identifier cannot be unsealed.
pub(super) fn request(vault: &Vault, graph: &Graph, step: &Step) -> Option<(CallKind, CallRequest)> {
    let anchor = step.anchor;
    let name = |digest: Digest| {
        let sealed = graph.identifiers.get(&digest)?.sealed.as_deref()?;
        open(vault, digest, sealed)
    };
    Some(match &step.act {
        Act::Create { user, fields } => {
            let (email, merchant_id) = (name(anchor)?, user.and_then(name));
            let first_try = !is_in_doubt(graph, anchor);
            let create = Create { anchor, email, merchant_id, fields: fields.clone(), first_try };
            (CallKind::Create, CallRequest::Create(create))
        }
        Act::Edit { affiliate: id, email, fields } => {
            let email = match email {
                Some(digest) => Some((*digest, name(*digest)?)),
                None => None,
            };
            let edit = Edit { anchor, id: *id, email, fields: fields.clone(), scrub: false };
            (CallKind::Edit, CallRequest::Edit(vec![edit]))
        }
        Act::Scrub { affiliate: id, fields } => {
            let fields = fields.iter().map(|field| (field.clone(), Text::default())).collect();
            let edit = Edit { anchor, id: *id, email: None, fields, scrub: true };
            (CallKind::Edit, CallRequest::Edit(vec![edit]))
        }
        Act::Status { affiliate: id, status } => {
            let kind = if *status == Status::Disabled { CallKind::Disable } else { CallKind::Activate };
            (kind, CallRequest::Status(*status, vec![StatusChange { anchor, id: *id }]))
        }
        Act::Search { code, .. } => {
            let delete = graph.events.iter().any(|kept| kept.delete && kept.state == EventState::Pending);
            let kind = if delete { CallKind::SearchToDisable } else { CallKind::Search };
            let search = Search { anchor, email: name(anchor)?, code: code.clone() };
            (kind, CallRequest::Search(search))
        }
    })
}
