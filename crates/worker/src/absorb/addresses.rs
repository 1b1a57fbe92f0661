//! The addresses of a batch that are looked up in the directory of affiliates.

use identity::{Digest, DigestSet};
use ledger::Gathered;

use super::read::{Content, Reading};
use crate::locks::in_order;
use crate::translate::Action;

/// The addresses that identifies state, without those at which an affiliate is known.
pub(super) fn unknown_addresses(readings: &[Reading], gathered: &Gathered) -> Vec<Digest> {
    let graphs = gathered.graphs.iter();
    let known: DigestSet =
        graphs.flat_map(|read| read.graph.affiliates.iter().map(|it| it.address)).collect();
    let stated = readings.iter().filter_map(|reading| match &reading.content {
        Content::Action(Action::Identify(statement)) => {
            statement.address.as_ref().map(|(name, _)| name.digest)
        }
        _ => None,
    });
    in_order(stated.filter(|address| !known.contains(address)))
}
