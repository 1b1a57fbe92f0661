//! Observes everything that is recorded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use connections::ConnectionId;
use ledger::{Changes, Fence};
use parking_lot::Mutex;
use sqlite::Database;

use super::check::rows;

/// Notes recordings under a lease that another holder has taken.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) memory: Database,
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    /// Number of times that a graph had changed since it was read.
    pub(crate) conflicts: Arc<AtomicUsize>,
    /// Repaired versions that were folded into graphs, by message key and revision.
    pub(crate) versions: Arc<Mutex<BTreeSet<(String, u32)>>>,
}

impl Watch {
    /// Whether another holder has taken the lease of `fence`.
    pub(super) async fn is_lost(&self, connection: ConnectionId, fence: Option<Fence>) -> bool {
        let Some(fence) = fence else { return false };
        let query =
            format!("SELECT 1 FROM leases WHERE connection = {connection} AND token > {}", fence.token);
        !rows(&self.memory, &query).await.is_empty()
    }

    /// The repaired versions that changes state or keep.
    pub(super) fn versions_in(changes: &Changes) -> Vec<(String, u32)> {
        let graphs = || changes.saves.iter().map(|save| &save.graph);
        let profiles = graphs().flat_map(|graph| graph.identifiers.values());
        let stated = profiles.flat_map(|profile| profile.traits.values()).map(|value| &value.stamp);
        let kept = graphs().flat_map(|graph| &graph.events).map(|kept| &kept.stamp);
        let repaired = stated.chain(kept).filter(|stamp| stamp.revision > 0);
        repaired.map(|stamp| (stamp.key.to_string(), stamp.revision)).collect()
    }

    pub(super) fn note(&self) {
        let note = "results were recorded under a lease that another holder had taken".to_owned();
        self.seen.lock().push(note);
    }
}
