//! Calls of replay plans that were open when their worker ended: remembered until they are sent again, so that the plans count
//! them.

use identity::Digest;
use ledger::{CallId, LedgerError, OpenCall};

use super::Holder;
use super::batcher::Planned;

impl Holder {
    /// Remembers the calls that a predecessor left open and that are about persons of a plan.
    pub(super) async fn note_interrupted(&self, calls: &[OpenCall]) -> Result<(), LedgerError> {
        // The persons of the calls are read only if a plan counts them.
        if calls.is_empty() || !self.worker.ledger.has_items_under_way(self.connection.id).await? {
            return Ok(());
        }
        for call in calls {
            self.note_one(call).await?;
        }
        Ok(())
    }

    async fn note_one(&self, call: &OpenCall) -> Result<(), LedgerError> {
        let (ledger, connection) = (&self.worker.ledger, self.connection.id);
        let mut persons: Vec<Digest> = Vec::new();
        // One by one: together they may be larger than what is read at once.
        for item in &call.items {
            let gathered = ledger.gather(connection, &[item.anchor], &[]).await?;
            persons.extend(gathered.graphs.iter().flat_map(|read| read.graph.identifiers.keys()));
        }
        ledger.note_interrupted(connection, self.fence, call, &persons).await
    }

    /// Lets plans count the calls that these repeat. This comes before they are recorded: if recording fails, they are planned
    /// again, and not counted twice.
    pub(super) async fn count_repeated(&mut self, planned: &[Planned]) -> Result<(), LedgerError> {
        let is_repeated = |open: &&OpenCall| planned.iter().any(|call| repeats(call, open));
        let repeated = self.in_flight.interrupted.iter().filter(is_repeated).map(|open| open.id);
        let repeated: Vec<CallId> = repeated.collect();
        if repeated.is_empty() {
            return Ok(());
        }
        self.worker.ledger.note_repeated(self.connection.id, self.fence, &repeated).await?;
        self.in_flight.interrupted.retain(|open| !repeated.contains(&open.id));
        Ok(())
    }
}

/// Whether a call does the same as an open one, for at least one of its affiliates.
fn repeats(call: &Planned, open: &OpenCall) -> bool {
    let is_in = |anchor: Digest| open.items.iter().any(|item| item.anchor == anchor);
    call.request.operation().name() == open.operation && call.request.anchors().any(is_in)
}
