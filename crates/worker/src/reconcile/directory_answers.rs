//! Answers due searches and creates from the directory of affiliates, without a call.

use std::collections::BTreeSet;

use identity::directory::apply_directory;
use identity::{Digest, Graph};
use ledger::{GraphId, LedgerError};

use super::Holder;
use super::batcher::Candidate;
use super::record::Recorder;
use crate::contention::Contention;
use crate::deliver::CallRequest;
use crate::locks::in_order;
use crate::notices::record;
use crate::off_thread::off_thread;
use crate::settle::{settle_save, unsettled};

impl Holder {
    /// Looks up the addresses of due searches and creates in the directory. Returns the graphs that were changed by that, which
    /// are settled again.
    pub(super) async fn answer_from_directory(
        &mut self,
        candidates: &[Candidate],
    ) -> Result<BTreeSet<GraphId>, LedgerError> {
        let asking = candidates.iter().filter(|candidate| needs_lookup(&candidate.request));
        let addresses = in_order(asking.map(|candidate| candidate.anchor));
        if addresses.is_empty() {
            return Ok(BTreeSet::new());
        }
        if !self.worker.has_directory(self.connection.id).await? {
            return Ok(BTreeSet::new());
        }
        let entries = self.worker.ledger.look_up(self.connection.id, &addresses).await?;
        let answered =
            |address: &&Digest| entries.complete_since.is_some() || entries.listed.contains_key(address);
        let addresses: Vec<Digest> = addresses.iter().filter(answered).copied().collect();
        let recorder = self.recorder();
        let rules = recorder.rules();
        recorder.change_graphs(&addresses, &|graph| apply_directory(graph, &rules, &entries)).await
    }
}

/// Whether a call asks whether an affiliate is there. A search that a delete waits for is made in any case, unless the
/// directory has a code for it.
fn needs_lookup(request: &CallRequest) -> bool {
    match request {
        CallRequest::Create(_) => true,
        CallRequest::Search(search) => search.code.is_none(),
        CallRequest::Edit(_) | CallRequest::Status(..) => false,
    }
}

impl Recorder {
    /// Applies `change` to the graphs of some identifiers, also if others change them meanwhile. Settles again the graphs for
    /// which it returns that it changed them, and returns their ids.
    pub(super) async fn change_graphs(
        &self,
        names: &[Digest],
        change: &(dyn Fn(&mut Graph) -> bool + Sync),
    ) -> Result<BTreeSet<GraphId>, LedgerError> {
        let mut changed = BTreeSet::new();
        let mut pieces = vec![names];
        while let Some(piece) = pieces.pop().filter(|piece| !piece.is_empty()) {
            match self.change_piece(piece, change).await? {
                Some(more) => changed.extend(more),
                None => {
                    let (first, second) = piece.split_at(piece.len() / 2);
                    pieces.extend([second, first]);
                }
            }
        }
        Ok(changed)
    }

    /// The same at once; `None` if their graphs are too large for that.
    async fn change_piece(
        &self,
        names: &[Digest],
        change: &(dyn Fn(&mut Graph) -> bool + Sync),
    ) -> Result<Option<BTreeSet<GraphId>>, LedgerError> {
        let (rules, now) = (self.rules(), self.worker.now());
        let mut contention = Contention::none_yet(&self.worker, self.connection.id);
        let changed = loop {
            let (gathered, held) = self.read(names, names.len()).await?;
            if gathered.partial && names.len() > 1 {
                break Ok(None);
            }
            let mut changes = self.changes();
            changes.claim = contention.claim();
            let mut changed = BTreeSet::new();
            off_thread(|| {
                for mut read in gathered.graphs {
                    if !change(&mut read.graph) {
                        continue;
                    }
                    changed.insert(read.row.id);
                    let mut save = unsettled(read);
                    settle_save(&mut changes, &mut save, &rules, now, self.worker.limits.bulk_waits);
                    changes.saves.push(save);
                }
            });
            if changed.is_empty() {
                break Ok(Some(changed));
            }
            let ended: Vec<_> = changes.outcomes.iter().map(|outcome| outcome.state).collect();
            let Err(failed) = record(&self.worker, changes).await else {
                ended.into_iter().for_each(|state| self.worker.meters.outcome(state.word()));
                break Ok(Some(changed));
            };
            drop(held);
            if let Err(failed) = contention.passes(failed).await {
                break Err(failed);
            }
        };
        contention.end().await;
        changed
    }
}
