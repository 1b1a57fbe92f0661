//! One connection's events of a batch, from what the ledger knows of them to what is recorded.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use connections::ConnectionId;
use futures_util::FutureExt as _;
use ledger::{Changes, Gathered, GraphId, LedgerError, State};
use people::Digest;
use people::needs::Rules;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::fold::{self, Folded};
use super::in_hand::InHand;
use super::read::Reading;
use crate::Worker;
use crate::carry::{Carried, Load};
use crate::rules::Known;

/// How often events are folded again because somebody else changed a graph meanwhile.
const CONFLICTS: usize = 20;

/// One connection's events of a batch.
pub(super) struct Part {
    pub(super) connection: ConnectionId,
    pub(super) readings: Arc<[Reading]>,
    rules: Rules,
    settings_version: Option<i64>,
    folded: Option<Box<Folded>>,
}

/// Why some envelopes could not be absorbed together.
pub(super) enum Trouble {
    /// The ledger is not available: nothing is wrong with them.
    NotNow(anyhow::Error),
    /// One of them, at least, makes the fold fail.
    Bad(String),
}

impl From<LedgerError> for Trouble {
    fn from(cause: LedgerError) -> Self {
        match cause {
            LedgerError::Broken(why) => Self::Bad(why),
            other => Self::NotNow(other.into()),
        }
    }
}

impl Part {
    pub(super) fn new(connection: ConnectionId, readings: Vec<Reading>, known: &Known) -> Self {
        Self {
            connection,
            readings: readings.into(),
            rules: known.rules(connection),
            settings_version: known.get(connection).map(|connection| connection.settings_version),
            folded: None,
        }
    }

    pub(super) fn is_folded(&self) -> bool {
        self.folded.is_some()
    }

    /// The identifiers of everything that it touches.
    pub(super) fn digests(&self) -> HashSet<Digest> {
        let saves = self.folded.iter().flat_map(|folded| &folded.changes.saves);
        let graphs = saves.flat_map(|save| save.graph.identifiers.keys().copied());
        graphs.chain(self.readings.iter().flat_map(Reading::names)).collect()
    }

    /// Folds its events into what the ledger knows, once nothing in hand is on its way to change that.
    pub(super) async fn fold(&mut self, worker: &Worker, in_hand: &mut InHand) -> Result<(), Trouble> {
        let names: Vec<Digest> = self.readings.iter().flat_map(Reading::names).collect();
        if in_hand.touches(names.iter()) {
            in_hand.empty().await.map_err(Trouble::NotNow)?;
        }
        // A replay is about an event that is there; of all others that is not asked, because hardly any is.
        let unasked = !self.readings.iter().any(|reading| reading.replay);
        let mut gathered = self.gather(worker, unasked).await?;
        if in_hand.touches(gathered.graphs.iter().flat_map(|row| row.graph.identifiers.keys())) {
            in_hand.empty().await.map_err(Trouble::NotNow)?;
            gathered = self.gather(worker, unasked).await?;
        }
        self.folded = Some(self.fold_into(worker, gathered, unasked)?);
        Ok(())
    }

    /// Looks up the strongest name of each event, then of the others those that no graph of these holds: hardly any, where
    /// people are known.
    async fn gather(&self, worker: &Worker, unasked: bool) -> Result<Gathered, LedgerError> {
        let asked = self.readings.iter().filter(|_| !unasked);
        let events: Vec<Uuid> = asked.map(|reading| reading.event).collect();
        let names: Vec<Vec<Digest>> = self.readings.iter().map(Reading::names).collect();
        let strongest = sorted(names.iter().filter_map(|names| names.first()));
        let mut gathered = worker.ledger.gather(self.connection, &strongest, &events).await?;
        let held: HashSet<Digest> =
            gathered.graphs.iter().flat_map(|read| read.graph.identifiers.keys()).copied().collect();
        let others = names.iter().flat_map(|names| names.iter().skip(1));
        let others =
            sorted(others.filter(|name| !held.contains(name) && strongest.binary_search(name).is_err()));
        if !others.is_empty() {
            let more = worker.ledger.gather(self.connection, &others, &[]).await?.graphs;
            let known: HashSet<GraphId> = gathered.graphs.iter().map(|read| read.row.id).collect();
            gathered.graphs.extend(more.into_iter().filter(|read| !known.contains(&read.row.id)));
        }
        Ok(gathered)
    }

    fn fold_into(&self, worker: &Worker, gathered: Gathered, unasked: bool) -> Result<Box<Folded>, Trouble> {
        let fold = || fold::fold(worker, self.connection, &self.rules, &self.readings, gathered, unasked);
        let folded = std::panic::catch_unwind(AssertUnwindSafe(fold));
        folded.map(Box::new).map_err(|_| Trouble::Bad("folding it panicked".to_owned()))
    }

    /// Records its events, told already where the API keeps up.
    pub(super) async fn record(self, worker: &Worker, known: &Known) -> Result<(), Trouble> {
        let recorded = AssertUnwindSafe(self.carry_or_record(worker, known)).catch_unwind().await;
        recorded.unwrap_or_else(|_| Err(Trouble::Bad("recording it panicked".to_owned())))
    }

    async fn carry_or_record(mut self, worker: &Worker, known: &Known) -> Result<(), Trouble> {
        let mut waiting = None;
        if let Some(answer) = self.offer(worker) {
            match answer.await {
                Ok(Carried::Recorded(ends)) => {
                    fold::count(worker, &self.readings, &ends);
                    return self.keep_up_with_settings(worker, known).await;
                }
                Ok(Carried::NotTold(folded)) => self.folded = Some(folded),
                Ok(Carried::RecordFirst { folded, recorded }) => {
                    self.folded = folded;
                    waiting = Some(recorded);
                }
                // What may have been recorded is known when it is looked for.
                Err(_) => self.folded = None,
            }
        }
        self.record_alone(worker).await?;
        // Who waits for it may be gone: then the calls under way are settled by the next holder.
        waiting.map(|recorded| recorded.send(()));
        self.keep_up_with_settings(worker, known).await
    }

    /// Offers what was folded to who can tell it at once, if that is worth a call.
    fn offer(&mut self, worker: &Worker) -> Option<oneshot::Receiver<Carried>> {
        let edits = self.folded.as_ref().map_or(0, |folded| folded.edits.len());
        if edits < worker.limits.carry_from || worker.carriers.spare(self.connection) == 0 {
            return None;
        }
        let (answer, carried) = oneshot::channel();
        let load = Load { settings_version: self.settings_version?, folded: self.folded.take()?, answer };
        match worker.carriers.offer(self.connection, load) {
            Ok(()) => Some(carried),
            Err(load) => {
                self.folded = Some(load.folded);
                None
            }
        }
    }

    /// Records what was folded; folds again where somebody else was faster.
    async fn record_alone(&mut self, worker: &Worker) -> Result<(), Trouble> {
        for _ in 0..CONFLICTS {
            let folded = match self.folded.take() {
                Some(folded) => folded,
                None => {
                    let gathered = self.gather(worker, false).await?;
                    self.fold_into(worker, gathered, false)?
                }
            };
            let ends = ends(&folded.changes);
            match worker.ledger.record(folded.changes).await {
                Ok(()) => {
                    fold::count(worker, &self.readings, &ends);
                    return Ok(());
                }
                Err(LedgerError::Conflict) => tokio::task::yield_now().await,
                Err(other) => return Err(other.into()),
            }
        }
        Err(Trouble::NotNow(anyhow::anyhow!("other workers change the same graphs without end")))
    }

    /// Settings may have changed since they were read, and the walk for them may have passed by already. Folded once more,
    /// the events are known, and their graphs are settled under the settings of now.
    async fn keep_up_with_settings(mut self, worker: &Worker, known: &Known) -> Result<(), Trouble> {
        if known.is_fresh_enough_for_a_walk(worker.now()) {
            return Ok(());
        }
        for _ in 0..CONFLICTS {
            let newest = worker.connections.by_id(self.connection).await;
            let newest = newest.map_err(|cause| Trouble::NotNow(cause.into()))?;
            let version = newest.as_ref().map(|connection| connection.settings_version);
            if version == self.settings_version {
                return Ok(());
            }
            self.settings_version = version;
            if let Some(connection) = newest {
                self.rules = crate::rules::rules(&connection.settings);
            }
            self.record_alone(worker).await?;
        }
        Err(Trouble::NotNow(anyhow::anyhow!("the settings change without end")))
    }
}

/// In their order, each once: neighbours in an index are looked up together.
fn sorted<'d>(digests: impl Iterator<Item = &'d Digest>) -> Vec<Digest> {
    let mut digests: Vec<Digest> = digests.copied().collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// How the events of some changes end.
pub(crate) fn ends(changes: &Changes) -> Vec<(Uuid, State)> {
    changes.outcomes.iter().map(|outcome| (outcome.event, outcome.state)).collect()
}
