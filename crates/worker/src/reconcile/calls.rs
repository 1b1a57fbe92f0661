//! Open calls: recorded before they are sent, and settled by the next holder if this one ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use connections::{ApiKey, NewAffiliateStatus};
use identity::answer::sent;
use identity::eligibility::Rules;
use identity::plan::{Analysis, StepKind};
use identity::{Digest, Graph};
use ledger::{CallId, CallItem, GraphId, GraphRow, LedgerError, OpenCall};
use refersion::{Client, Credentials, InitialStatus, Operation};
use tracing::info;

use super::Holder;
use super::batcher::Planned;
use super::ids::Ids;
use super::record::Recorder;
use crate::deliver::{Api, Call, CallOutcome, CallRequest, unknown};
use crate::locks::in_order;
use crate::notices::record;

impl Holder {
    /// Records planned calls, so that the next holder knows of them; then they may be sent.
    pub(super) async fn write_down(
        &mut self,
        planned: Vec<Planned>,
    ) -> Result<Vec<(Call, Vec<GraphId>)>, LedgerError> {
        let planned = self.mark_creates(planned).await?;
        self.count_repeated(&planned).await?;
        // After a failure they may be in the ledger although they are never sent.
        let written = self.recorder().write_down(&planned).await;
        let ids = written.inspect_err(|_| self.has_lost_count = true)?;
        fault_point!("reconcile.written_down");
        let mut calls = Vec::with_capacity(planned.len());
        for (call, id) in planned.into_iter().zip(ids) {
            self.in_flight.begin(&call);
            calls.push(call.into_call(id));
        }
        Ok(calls)
    }

    /// Notes in the graphs that creates are about to be sent: until a create has an answer, its affiliate may exist, and a delete
    /// that arrives meanwhile waits for it and leaves the address that a search needs. A create that the graph no
    /// longer plans is dropped; if another process changes one of the graphs at this moment, all creates wait for the next
    /// round.
    async fn mark_creates(&self, planned: Vec<Planned>) -> Result<Vec<Planned>, LedgerError> {
        let (creates, mut others): (Vec<Planned>, Vec<Planned>) =
            planned.into_iter().partition(|call| matches!(call.request, CallRequest::Create(_)));
        if creates.is_empty() {
            return Ok(others);
        }
        // Two creates may be about one graph, which is read and written once.
        let graphs: BTreeSet<GraphId> = creates.iter().flat_map(|call| call.graphs.iter().copied()).collect();
        let graphs: Vec<GraphId> = graphs.into_iter().collect();
        let names = creates.iter().flat_map(|call| call.request.anchors());
        let (mut rows, _held) = self.recorder().read_by_id(&graphs, in_order(names)).await?;
        let rules = self.recorder().rules();
        let wanted: Vec<Planned> = creates
            .into_iter()
            .filter(|call| call.request.anchors().all(|anchor| mark(&mut rows, &rules, anchor)))
            .collect();
        rows.retain(|read| wanted.iter().any(|call| call.graphs.contains(&read.row.id)));
        match self.record_marks(rows, &rules).await {
            Ok(()) => others.extend(wanted),
            Err(LedgerError::Conflict | LedgerError::Claimed) => {}
            Err(other) => return Err(other),
        }
        Ok(others)
    }

    async fn record_marks(&self, rows: Vec<GraphRow>, rules: &Rules) -> Result<(), LedgerError> {
        let (now, recorder) = (self.worker.now(), self.recorder());
        let mut changes = recorder.changes();
        for row in rows {
            recorder.resettle(&mut changes, row, rules, now);
        }
        record(&self.worker, changes).await
    }

    /// Settles the open calls of earlier holders: their fields are unknown, so they differ from every wanted value.
    pub(super) async fn settle_open_calls(&mut self) -> anyhow::Result<()> {
        let left = self.worker.ledger.calls_left_open(self.connection.id, self.fence).await?;
        self.note_interrupted(&left).await?;
        // Including those of holders before the last one.
        self.in_flight.interrupted = self.worker.ledger.interrupted_calls(self.connection.id).await?;
        if left.is_empty() {
            return Ok(());
        }
        info!(connection = %self.connection.name, connection_id = self.connection.id, calls = left.len(), "settling calls that were left open");
        for call in left {
            let operation = Operation::from_name(&call.operation);
            let outcome = |item: &CallItem| {
                let answer = operation.and_then(|operation| unknown(operation, item));
                let answer = answer.map(|answer| (item.anchor, answer));
                CallOutcome::known(item.anchor, answer.into_iter().collect())
            };
            let outcomes: Vec<CallOutcome> = call.items.iter().map(outcome).collect();
            let all: Vec<&CallOutcome> = outcomes.iter().collect();
            self.recorder().record_answers(&all, &[call.id]).await?;
            self.suspicion.observe(&outcomes);
            fault_point!("reconcile.settled");
        }
        Ok(())
    }

    /// The API client of the connection's account, behind its gate.
    pub(super) async fn api(&self) -> Result<Api, LedgerError> {
        let key = self.key().await.map_err(|cause| LedgerError::Unavailable(cause.into()))?;
        let settings = &self.connection.settings;
        let gate = Arc::clone(&self.gate);
        Ok(Api {
            client: Client::new(
                Arc::clone(&self.worker.transport),
                settings.refersion_url.clone(),
                Credentials::new(key.public(), key.secret()),
                Arc::new(crate::gate::Counted { gate, meters: Arc::clone(&self.worker.meters) }),
            ),
            new_status: match settings.new_affiliate_status {
                NewAffiliateStatus::Active => InitialStatus::Active,
                NewAffiliateStatus::Pending => InitialStatus::Pending,
            },
            offer: settings.offer.as_deref().and_then(|offer| offer.parse().ok()),
            send_welcome: settings.send_welcome,
            scrub_domain: settings.scrub_on_delete.as_ref().map(|domain| domain.as_str().to_owned()),
            learned: Arc::clone(&self.learned),
            ids: Arc::<Ids>::clone(&self.ids),
        })
    }

    async fn key(&self) -> anyhow::Result<ApiKey> {
        let sealed = self.worker.connections.credentials(self.connection.id).await?;
        self.worker.vault.open_key(&sealed).context("the connection's API key cannot be opened")
    }
}

impl Recorder {
    /// Records calls as open; returns their ids in the same order.
    pub(super) async fn write_down(&self, planned: &[Planned]) -> Result<Vec<CallId>, LedgerError> {
        let now = self.worker.now();
        let open = planned.iter().map(|call| OpenCall {
            id: 0,
            operation: call.request.operation().name().to_owned(),
            started_at: now,
            items: call.request.written(),
        });
        let open: Vec<OpenCall> = open.collect();
        self.worker.ledger.open_calls(self.connection.id, self.fence, &open).await
    }
}

impl Planned {
    /// The recorded call, and the graphs that it is about.
    pub(super) fn into_call(self, id: CallId) -> (Call, Vec<GraphId>) {
        (Call { id, request: self.request }, self.graphs)
    }
}

/// Graphs and addresses with a call under way: two calls about one affiliate must not race.
#[derive(Default)]
pub(crate) struct InFlight {
    pub(crate) graphs: BTreeSet<GraphId>,
    pub(crate) anchors: BTreeSet<Digest>,
    pub(crate) calls: usize,
    /// Handoffs whose calls are under way.
    pub(super) handoffs: usize,
    /// Number of calls whose answers are being recorded.
    pub(super) being_recorded: usize,
    /// Anchors of the calls that were under way at any time since a page of Refersion's list was requested; `None` while none is.
    since_page: Option<BTreeSet<Digest>>,
    /// Calls of replay plans that were under way when a holder ended, and have not been sent again yet.
    pub(super) interrupted: Vec<OpenCall>,
}

impl InFlight {
    pub(super) fn begin(&mut self, call: &Planned) {
        self.calls += 1;
        self.graphs.extend(&call.graphs);
        if let Some(since_page) = &mut self.since_page {
            since_page.extend(call.request.anchors());
        }
        self.anchors.extend(call.request.anchors());
    }

    /// Starts to remember the anchors of calls, until the page that is requested now has been read.
    pub(super) fn page_is_asked_for(&mut self) {
        self.since_page = Some(self.anchors.clone());
    }

    /// The anchors of calls since the page was requested: the page may show their state from before the call.
    pub(super) fn page_has_come(&mut self) -> BTreeSet<Digest> {
        self.since_page.take().unwrap_or_default()
    }

    /// Whether a call may be about an affiliate of a graph, even if the graph was merged since, or an identifier of it has stopped
    /// linking and has taken its affiliate along.
    pub(super) fn is_about(&self, graph: &Graph) -> bool {
        are_about(&self.anchors, graph)
    }

    pub(super) fn end(&mut self, graphs: &[GraphId], anchors: impl IntoIterator<Item = Digest>) {
        self.calls -= 1;
        for graph in graphs {
            self.graphs.remove(graph);
        }
        for anchor in anchors {
            self.anchors.remove(&anchor);
        }
    }
}

/// Whether calls with these anchors may be about an affiliate of a graph, or of one that it was split from.
pub(super) fn are_about(anchors: &BTreeSet<Digest>, graph: &Graph) -> bool {
    let mut names = graph.identifiers.iter().flat_map(|(digest, it)| it.apart.iter().chain([digest]));
    !anchors.is_empty() && names.any(|digest| anchors.contains(digest))
}

/// Marks a create in its graph; `false` if the graph no longer plans it.
fn mark(rows: &mut [GraphRow], rules: &Rules, anchor: Digest) -> bool {
    let Some(row) = rows.iter_mut().find(|row| row.graph.identifiers.contains_key(&anchor)) else {
        return false;
    };
    let steps = Analysis::of(&row.graph, rules).steps;
    let create = steps.into_iter().find(|step| step.anchor == anchor && step.kind() == StepKind::Create);
    create.inspect(|step| sent(&mut row.graph, step)).is_some()
}
