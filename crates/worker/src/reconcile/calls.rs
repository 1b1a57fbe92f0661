//! Open calls: written down before they go out, settled by whoever comes after.

use std::sync::Arc;

use anyhow::Context as _;
use connections::{ApiKey, NewAffiliateStatus};
use ledger::{CallItem, GraphId, LedgerError, OpenCall};
use people::answer::Answer;
use refersion::{Client, Credentials, InitialStatus};
use tracing::info;

use super::record::Names;
use super::take::Planned;
use super::{Delivered, Holder};
use crate::deliver::{Api, Ending, Item, Job, operation};

impl Holder {
    /// Writes planned calls down, so that whoever comes after knows of them; then they may go out.
    pub(super) async fn write_down(
        &mut self,
        planned: Vec<Planned>,
    ) -> Result<Vec<(Job, Vec<GraphId>)>, LedgerError> {
        let now = self.worker.now();
        let open: Vec<OpenCall> = planned
            .iter()
            .map(|call| OpenCall {
                id: 0,
                operation: operation(call.kind).to_owned(),
                started_at: now,
                items: call.items.iter().map(Item::written).collect(),
            })
            .collect();
        let ids = self.worker.ledger.open_calls(self.connection.id, self.fence, &open).await?;
        fault_point!("reconcile.written_down");
        let mut jobs = Vec::with_capacity(planned.len());
        for (call, id) in planned.into_iter().zip(ids) {
            self.in_flight.calls += 1;
            self.in_flight.graphs.extend(&call.graphs);
            self.in_flight.anchors.extend(call.items.iter().map(|item| item.anchor));
            jobs.push((Job { call: id, kind: call.kind, items: call.items }, call.graphs));
        }
        Ok(jobs)
    }

    /// What a predecessor had sent without recording an answer is not known, which differs from everything desired.
    pub(super) async fn settle_open_calls(&mut self) -> anyhow::Result<()> {
        let left = self.worker.ledger.calls_left_open(self.connection.id, self.fence).await?;
        if left.is_empty() {
            return Ok(());
        }
        info!(connection = self.connection.id, calls = left.len(), "settling calls that were left open");
        for call in left {
            let answer =
                |item: &CallItem| Item::unknown(&call.operation, item).map(|answer| (item.anchor, answer));
            let endings = call.items.iter().map(|item| Ending {
                anchor: item.anchor,
                answers: answer(item).into_iter().collect::<Vec<(people::Digest, Answer)>>(),
                failed: None,
            });
            let names = names_of(&call.items);
            self.record_endings(endings.collect(), vec![call.id], &names).await?;
            fault_point!("reconcile.settled");
        }
        Ok(())
    }

    /// The way to the connection's account, under its gate.
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
        })
    }

    async fn key(&self) -> anyhow::Result<ApiKey> {
        let sealed = self.worker.connections.credentials(self.connection.id).await?;
        self.worker.vault.open_key(&sealed).context("the connection's API key cannot be opened")
    }
}

impl Holder {
    /// Records how calls ended, and forgets that they were under way.
    pub(super) async fn record(&mut self, ended: Vec<Delivered>) -> anyhow::Result<()> {
        if ended.is_empty() {
            return Ok(());
        }
        let mut endings = Vec::new();
        let mut closed = Vec::new();
        let mut done = Vec::new();
        let mut names = Names::new();
        for delivered in ended {
            closed.push(delivered.job.call);
            names.extend(names_of(&delivered.job.items.iter().map(Item::written).collect::<Vec<_>>()));
            endings.extend(delivered.endings);
            done.push((delivered.job, delivered.graphs));
        }
        self.record_endings(endings, closed, &names).await?;
        fault_point!("reconcile.recorded");
        for (job, graphs) in done {
            self.in_flight.calls -= 1;
            for graph in graphs {
                self.in_flight.graphs.remove(&graph);
            }
            for item in job.items {
                self.in_flight.anchors.remove(&item.anchor);
            }
        }
        Ok(())
    }
}

/// The encrypted addresses of creates.
fn names_of(items: &[CallItem]) -> Names {
    items.iter().filter_map(|item| Some((item.anchor, item.sealed.clone()?))).collect()
}
