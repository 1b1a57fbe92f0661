//! The parts of an event that absorb leaves out: identifiers that name nobody, and values that cannot be used. Both are
//! counted, and the values are named in the event's outcome, so that an operator sees what a source should send
//! differently.

use std::collections::BTreeMap;

use identity::Text;
use identity::eligibility::{CUSTOM, Rules};
use ledger::Unmapped;
use ledger::unmapped::{BLOCKED, LIKE_IDS, UNUSABLE, is_like_an_id};
use segment::{BlockedIdentifier, Ignored, IgnoredReason};

use crate::Meters;
use crate::refused::shown;

/// Maximum number of unusable values of one event that are named.
const NAMED: usize = 5;
/// Maximum number of unusable values of one event that are counted by name.
const COUNTED: usize = 20;
/// Maximum number of names of one batch that are counted.
const OF_A_BATCH: usize = 200;

/// The parts that are left out of one event.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftOut {
    blocked: Vec<BlockedIdentifier>,
    /// Folded keys of traits, with the reason.
    unusable: Vec<(String, &'static str)>,
}

impl LeftOut {
    /// The parts that are left out of an identify. Null and empty values are not counted, because they state nothing.
    pub(super) fn of(
        blocked: &[BlockedIdentifier],
        ignored: &[Ignored],
        country: Option<&'static str>,
    ) -> Self {
        let counts = |it: &&Ignored| it.reason != IgnoredReason::CannotBeCleared;
        let unusable = ignored.iter().filter(counts).map(|it| (it.key.clone(), it.reason.as_str()));
        let country = country.map(|reason| ("country".to_owned(), reason));
        let unusable = unusable.chain(country).take(COUNTED).collect();
        Self { blocked: blocked.to_vec(), unusable }
    }

    /// The unusable values in words for an operator; `None` if there are none.
    pub(super) fn in_words(&self) -> Option<Text> {
        if self.unusable.is_empty() {
            return None;
        }
        let name = |(key, reason): &(String, &str)| format!("{} ({reason})", shown(key).unwrap_or("a trait"));
        let mut words: Vec<String> = self.unusable.iter().take(NAMED).map(name).collect();
        if self.unusable.len() > NAMED {
            words.push(format!("{} more", self.unusable.len() - NAMED));
        }
        Some(words.join(", ").into())
    }
}

/// The parts that were left out of the events that are recorded together, with the number of events for each.
#[derive(Default)]
pub(super) struct Tally<'r> {
    blocked: BTreeMap<&'r BlockedIdentifier, u64>,
    unusable: BTreeMap<(&'r str, &'static str), u64>,
}

impl<'r> Tally<'r> {
    /// Counts an event.
    pub(super) fn add(&mut self, left_out: &'r LeftOut) {
        for blocked in &left_out.blocked {
            *self.blocked.entry(blocked).or_default() += 1;
        }
        for (key, reason) in &left_out.unusable {
            *self.unusable.entry((key, reason)).or_default() += 1;
        }
        while self.unusable.len() > OF_A_BATCH {
            self.unusable.pop_last();
        }
    }

    /// The rows to record. The meters count them too, under the names of traits that Refersion has a field for.
    pub(super) fn finish(self, meters: &Meters, rules: &Rules) -> Vec<Unmapped> {
        // Several names that look like ids are counted under one.
        let mut rows: BTreeMap<String, u64> = BTreeMap::new();
        for (blocked, events) in self.blocked {
            meters.blocked(blocked.place, events);
            *rows.entry(format!("{BLOCKED}{} {}", blocked.place, blocked.name)).or_default() += events;
        }
        for ((key, reason), events) in self.unusable {
            let is_sent = !segment::is_custom(key) || rules.is_mapped(&format!("{CUSTOM}{key}"));
            meters.unusable(if is_sent { key } else { "unmapped" }, reason, events);
            let name = if is_like_an_id(key) { LIKE_IDS } else { key };
            *rows.entry(format!("{UNUSABLE}{name} {reason}")).or_default() += events;
        }
        rows.into_iter().map(|(key, events)| Unmapped::counted(key, events)).collect()
    }
}
