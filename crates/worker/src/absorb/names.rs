//! Names of traits that no setting maps: a bounded sample of them is counted, so that the operator sees what could be mapped.
//!
//! One event may have tens of thousands of names. Those with the smallest hashes are counted, so that all events, batches and
//! workers choose the same. A name that is itself an address or an id is never kept.

use std::collections::{BTreeMap, BinaryHeap};

use identity::eligibility::{CUSTOM, Rules};
use ledger::Unmapped;
use ledger::unmapped::{LIKE_IDS, MORE, is_like_an_id};

/// Maximum number of names of one event that are counted.
const OF_AN_EVENT: usize = 100;
/// Maximum number of names of the events that are recorded together.
const OF_A_BATCH: usize = 200;

/// The names of one event that are counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    sample: Vec<Name>,
    /// Whether it has names that look like addresses or ids.
    like_ids: bool,
    /// Whether it has more names than are counted.
    more: bool,
}

/// A name. The hash is first, because it decides which names are in a sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    hash: u64,
    key: String,
    spelling: String,
}

impl Names {
    /// The sample of an event's custom traits, from spellings by key.
    pub(super) fn of(spellings: &BTreeMap<String, String>) -> Self {
        let mut names = Self::default();
        let mut sample = BinaryHeap::new();
        for (key, spelling) in spellings {
            if is_like_an_id(spelling) {
                names.like_ids = true;
                continue;
            }
            let hash = hash(key);
            let is_full = sample.len() == OF_AN_EVENT;
            names.more |= is_full;
            if is_full && sample.peek().is_some_and(|greatest: &Name| greatest.hash <= hash) {
                continue;
            }
            sample.push(Name { hash, key: key.clone(), spelling: spelling.clone() });
            if is_full {
                sample.pop();
            }
        }
        names.sample = sample.into_sorted_vec();
        names
    }
}

/// The names in the events that are recorded together, with the number of events for each.
#[derive(Default)]
pub(super) struct Tally<'r> {
    counted: BTreeMap<&'r Name, u64>,
    like_ids: u64,
    more: u64,
}

impl<'r> Tally<'r> {
    /// Counts an event.
    pub(super) fn add(&mut self, names: &'r Names, rules: &Rules) {
        self.like_ids += u64::from(names.like_ids);
        let mut more = names.more;
        let unmapped = |name: &&Name| !rules.is_mapped(&format!("{CUSTOM}{}", name.key));
        for name in names.sample.iter().filter(unmapped) {
            *self.counted.entry(name).or_default() += 1;
            if self.counted.len() > OF_A_BATCH {
                more = true;
                self.counted.pop_last();
            }
        }
        self.more += u64::from(more);
    }

    /// The rows to record.
    pub(super) fn finish(self) -> Vec<Unmapped> {
        let row = |key: &str, spelling: &str, events| Unmapped {
            key: key.to_owned(),
            spelling: spelling.to_owned(),
            events,
        };
        let words =
            [(LIKE_IDS, self.like_ids), (MORE, self.more)].into_iter().filter(|(_, events)| *events > 0);
        let words = words.map(|(word, events)| row(word, word, events));
        let names = self.counted.into_iter().map(|(name, events)| row(&name.key, &name.spelling, events));
        words.chain(names).collect()
    }
}

/// FNV-1a, 64 bits, with a final mixing step: the same in every process and version.
fn hash(key: &str) -> u64 {
    let byte = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = key.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, byte);
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(of: impl Iterator<Item = u32>) -> Names {
        Names::of(&of.map(word).map(|name| (name.to_lowercase(), name)).collect())
    }

    /// A number in letters: digits would make an id of it.
    fn word(mut number: u32) -> String {
        let mut word = "Trait ".to_owned();
        loop {
            word.extend(char::from_u32(u32::from('a') + number % 26));
            number /= 26;
            if number == 0 {
                return word;
            }
        }
    }

    fn counted(events: &[Names]) -> Vec<(String, u64)> {
        let mut tally = Tally::default();
        for event in events {
            tally.add(event, &crate::rules::rules(&connections::Settings::default()));
        }
        tally.finish().into_iter().map(|row| (row.spelling, row.events)).collect()
    }

    #[test]
    fn few_names_are_all_counted_without_a_sample() {
        let events = [names(0..30), names(10..40)];
        let counted: BTreeMap<String, u64> = counted(&events).into_iter().collect();
        assert_eq!(counted.len(), 40);
        assert_eq!((counted["Trait a"], counted[&word(10)], counted.get(MORE)), (1, 2, None));
    }

    #[test]
    fn a_sample_of_many_names_is_the_same_for_all_events() {
        let counted = counted(&[names(0..40_000), names((0..40_000).rev())]);
        assert_eq!(counted.len(), OF_AN_EVENT + 1);
        assert_eq!(counted[0], (MORE.to_owned(), 2));
        assert!(counted[1..].iter().all(|(_, events)| *events == 2));
    }

    #[test]
    fn the_names_of_a_batch_are_limited() {
        let events: Vec<Names> = (0..500).map(|event| names(event * 90..(event + 1) * 90)).collect();
        assert_eq!(counted(&events).len(), OF_A_BATCH + 1);
    }

    #[test]
    fn names_like_addresses_and_ids_are_counted_together() {
        let spellings = ["ann@example.com", "018f3d5e-7c1b-7000-8000-0123456789ab", "plan"];
        let event = Names::of(&spellings.iter().map(|it| ((*it).to_owned(), (*it).to_owned())).collect());
        assert_eq!(counted(&[event]), [(LIKE_IDS.to_owned(), 1), ("plan".to_owned(), 1)]);
    }

    proptest! {
        #[test]
        fn a_sample_has_the_names_with_the_smallest_hashes(of in prop::collection::btree_set(0_u32..5000, 0..400)) {
            let mut all: Vec<u64> = of.iter().map(|number| hash(&word(*number).to_lowercase())).collect();
            all.sort_unstable();
            let sample: Vec<u64> = names(of.into_iter()).sample.iter().map(|name| name.hash).collect();
            prop_assert_eq!(&sample[..], &all[..all.len().min(OF_AN_EVENT)]);
        }
    }
}
