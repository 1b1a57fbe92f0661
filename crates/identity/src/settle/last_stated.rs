//! The newest statement of each address.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::graph::{Graph, TrackedEvent};
use crate::stamp::Stamp;

/// When events without a final outcome last stated each address, by the identifier that their traits belong to.
pub(super) struct LastStated<'g>(BTreeMap<(Digest, Option<Digest>), &'g Stamp>);

impl<'g> LastStated<'g> {
    pub(super) fn of(graph: &'g Graph) -> Self {
        let mut last = BTreeMap::new();
        for kept in graph.events.iter().filter(|kept| !kept.delete && kept.states("email")) {
            let stamp = last.entry((kept.identifier, kept.address)).or_insert(&kept.stamp);
            *stamp = (*stamp).max(&kept.stamp);
        }
        Self(last)
    }

    /// Whether a newer event states the same address again.
    pub(super) fn is_stated_again(&self, kept: &TrackedEvent) -> bool {
        self.0.get(&(kept.identifier, kept.address)).is_some_and(|last| **last > kept.stamp)
    }
}
