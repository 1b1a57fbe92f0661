//! Counts graphs that existed before an audience: a walk through all of them, while nothing else is due.

use identity::audiences::{concerns, count};
use identity::eligibility::Rules;
use identity::plan::Analysis;
use jiff::Timestamp;
use ledger::{GraphId, GraphRow, LedgerError};
use tracing::info;

use super::Holder;
use crate::locks::in_order;
use crate::notices::record;
use crate::off_thread::off_thread;
use crate::rules::WALKS_BEGIN_AFTER;

/// Graphs looked at in one step of the walk.
const STEP: usize = 200;

/// A holder's state of the walk.
#[derive(Default)]
pub(crate) struct CountingWalk {
    /// The newest audience for which all graphs are known to be counted.
    done: u64,
    /// The newest audience, and since when it has been known.
    since: Option<(u64, Timestamp)>,
}

impl Holder {
    /// One step of the walk, if one is under way. It begins when every process counts the newest audience.
    pub(super) async fn count_audiences(&mut self) -> Result<(), LedgerError> {
        let (connection, now) = (self.connection.id, self.worker.now());
        self.worker.audiences.refresh(&self.worker).await?;
        let newest = self.worker.audiences.newest(connection);
        if newest <= self.counting.done {
            return Ok(());
        }
        let since = self.counting.since.get_or_insert((newest, now));
        if since.0 != newest {
            *since = (newest, now);
        }
        if now.duration_since(since.1) < WALKS_BEGIN_AFTER {
            return Ok(());
        }
        let counting = self.worker.ledger.counting(connection).await?;
        match counting.position {
            Some(after) if counting.newest == newest => self.count_step(newest, after).await,
            Some(_) => Ok(()),
            None => {
                self.counting.done = counting.newest;
                Ok(())
            }
        }
    }

    async fn count_step(&self, newest: u64, after: GraphId) -> Result<(), LedgerError> {
        let connection = self.connection.id;
        let rows = self.worker.ledger.walk(connection, after, STEP).await?;
        let Some(last) = rows.last().map(|read| read.row.id) else {
            info!(connection = %self.connection.name, connection_id = connection, "the members of all audiences are counted");
            return self.worker.ledger.set_counting(connection, newest, None).await;
        };
        let recorder = self.recorder();
        let rules = recorder.rules();
        let differing = off_thread(|| rows.iter().filter(|read| differs(read, &rules)).collect::<Vec<_>>());
        if !differing.is_empty() {
            let ids: Vec<GraphId> = differing.iter().map(|read| read.row.id).collect();
            let names = differing.iter().flat_map(|read| read.graph.identifiers.keys().copied());
            let (rows, _held) = recorder.read_by_id(&ids, in_order(names)).await?;
            let mut changes = recorder.changes();
            let now = self.worker.now();
            off_thread(|| rows.into_iter().for_each(|row| recorder.resettle(&mut changes, row, &rules, now)));
            match record(&self.worker, changes).await {
                Ok(()) => {}
                // Another process changed one of them: the step is repeated.
                Err(LedgerError::Conflict | LedgerError::Claimed) => return Ok(()),
                Err(other) => return Err(other),
            }
        }
        self.worker.ledger.set_counting(connection, newest, Some(last)).await
    }
}

/// Whether the stored contribution of a graph to the counts is out of date.
fn differs(read: &GraphRow, rules: &Rules) -> bool {
    let may_differ = concerns(&read.graph, rules) || !read.counted.is_empty();
    may_differ && count(&Analysis::of(&read.graph, rules)) != read.counted
}
