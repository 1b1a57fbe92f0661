//! Mistakes that are planted, to see whether the simulation finds them.

use identity::Graph;
use identity::graph::Lane;
use identity::plan::StepKind;
use jiff::Timestamp;
use ledger::{Save, Work};

/// A mistake that a worker could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// None.
    Nothing,
    /// Of two statements about a trait the first stays.
    FirstWriterWins,
    /// What a predecessor had sent is not settled.
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
    /// What was told is told again whenever something is said.
    ToldAgain,
    /// The payout field follows the holder of the address.
    PayoutFollowsHolder,
}

/// What was told is told again.
pub(crate) fn tell_again(save: &mut Save) {
    let told = save.graph.affiliates.iter_mut().filter(|it| it.id.is_some()).flat_map(|it| &mut it.delivered);
    told.for_each(|(_, text)| *text = None);
    save.work.get_or_insert(Work { lane: Lane::Live, step: StepKind::Edit, due_at: Timestamp::UNIX_EPOCH });
}

/// What was stated first stays.
pub(crate) fn keep_the_first(before: &Graph, after: &mut Graph) {
    for (digest, identifier) in &mut after.identifiers {
        let Some(known) = before.identifiers.get(digest) else { continue };
        for (key, said) in &mut identifier.traits {
            if let Some(first) = known.traits.get(key) {
                *said = first.clone();
            }
        }
    }
}
