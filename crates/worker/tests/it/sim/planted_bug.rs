//! Mistakes that are planted, to see whether the simulation finds them.

use identity::Graph;
use identity::graph::Lane;
use identity::plan::StepKind;
use jiff::Timestamp;
use ledger::{Save, Work};

/// A mistake that a worker could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlantedBug {
    /// None.
    Nothing,
    /// Of two statements about a trait the first stays.
    FirstWriterWins,
    /// Open calls of a predecessor are not settled.
    OpenCallsForgotten,
    /// Results are recorded without a look at the lease.
    NoFence,
    /// Bulk goes before live.
    BulkFirst,
    /// Bulk waits as long as anything live is due.
    BulkStarves,
    /// While a connection is paused, the others wait with it.
    AllWaitForOne,
    /// Batches are not filled.
    OneByOne,
    /// Delivered traits are sent again with each new event.
    SentAgain,
    /// The payout field follows the holder of the address.
    PayoutFollowsHolder,
}

/// Forgets which traits were delivered, so that they are sent again.
pub(crate) fn forget_delivered(save: &mut Save) {
    let delivered =
        save.graph.affiliates.iter_mut().filter(|it| it.id.is_some()).flat_map(|it| &mut it.delivered);
    delivered.for_each(|(_, text)| *text = None);
    save.work.get_or_insert(Work { lane: Lane::Live, step: StepKind::Edit, due_at: Timestamp::UNIX_EPOCH });
}

/// Keeps the first statement about each trait.
pub(crate) fn keep_the_first(before: &Graph, after: &mut Graph) {
    for (digest, identifier) in &mut after.identifiers {
        let Some(known) = before.identifiers.get(digest) else { continue };
        for (key, value) in &mut identifier.traits {
            if let Some(first) = known.traits.get(key) {
                *value = first.clone();
            }
        }
    }
}
