//! The fault `partial`: items of a batch that end in `ids_not_changed` although they are valid.

use std::collections::HashSet;

use crate::random::RandomSource;

/// How one item of a batch is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// The item is applied if it is valid, and reported truthfully.
    Normal,
    /// The item is reported as not changed. Only `get` shows whether it was applied.
    ReportedUnchanged {
        /// Whether the change is applied.
        applied: bool,
    },
}

/// The affiliates that the fault has hit and that were not retried yet. The next attempt succeeds.
#[derive(Debug, Default)]
pub(crate) struct PartialFailures(HashSet<u64>);

impl PartialFailures {
    /// The treatment of each item, in order. With a random source, the fault hits at least one item, unless it has
    /// hit every item of the batch before.
    pub(crate) fn draw(&mut self, ids: &[u64], random: Option<&mut RandomSource>) -> Vec<Treatment> {
        let retried: Vec<bool> = ids.iter().map(|id| self.0.remove(id)).collect();
        let mut treatments = vec![Treatment::Normal; ids.len()];
        let Some(random) = random else { return treatments };
        let certain = usize::try_from(random.below(ids.len() as u64)).expect("an index fits");
        for (index, treatment) in treatments.iter_mut().enumerate() {
            if !retried[index] && (index == certain || random.flip()) {
                *treatment = Treatment::ReportedUnchanged { applied: random.flip() };
                self.0.insert(ids[index]);
            }
        }
        treatments
    }
}
