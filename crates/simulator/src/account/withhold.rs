//! Items of a batch that end in `ids_not_changed` although nothing is wrong with them: the fault `partial`.

use std::collections::HashSet;

use crate::dice::Dice;

/// What becomes of one item of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The item is judged on its merits.
    Fair,
    /// Told as not changed. It may have been changed all the same: only a `get` can tell.
    Withheld {
        /// Whether the change was made.
        applied: bool,
    },
}

/// Affiliates that were withheld and not asked for again yet: the next try goes through.
#[derive(Debug, Default)]
pub(crate) struct Withheld(HashSet<u64>);

impl Withheld {
    /// The fate of each item, in order. With dice, at least one item is withheld, unless each had its turn already.
    pub(crate) fn draw(&mut self, ids: &[u64], dice: Option<&mut Dice>) -> Vec<Fate> {
        let had_their_turn: Vec<bool> = ids.iter().map(|id| self.0.remove(id)).collect();
        let mut fates = vec![Fate::Fair; ids.len()];
        let Some(dice) = dice else { return fates };
        let certain = usize::try_from(dice.below(ids.len() as u64)).expect("below a length");
        for (index, fate) in fates.iter_mut().enumerate() {
            if !had_their_turn[index] && (index == certain || dice.coin()) {
                *fate = Fate::Withheld { applied: dice.coin() };
                self.0.insert(ids[index]);
            }
        }
        fates
    }
}
