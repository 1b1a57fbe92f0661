//! Identifiers that link too many others: they are left out of the events that name them, and counted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use identity::eligibility::Rules;
use identity::fold::{Deletion, Statement};
use identity::graph::Kind;
use identity::shared::{Heard, Shared, hear, note_apart};
use identity::{Digest, Text};
use ledger::Unmapped;
use ledger::unmapped::SHARED;

use super::hand::Hand;
use crate::Meters;

/// The fewest others that an identifier links which stops linking because its graph is full, before it links as many as
/// one may.
const FEWEST: usize = 20;

/// How often one event may make an identifier stop linking: its own three, and those of full graphs.
const AT_MOST: usize = 8;

/// The shared identifiers of the events that are recorded together, with the number of events that name each.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<(&'static str, Digest), u64>);

impl Tally {
    /// Identifiers stop linking: an operator sees them from now on.
    pub(super) fn stopped(&mut self, stopped: Vec<Shared>) {
        for it in stopped {
            self.0.entry((it.kind.place(), it.identifier)).or_default();
        }
    }

    fn named(&mut self, shared: &[(Digest, Kind)]) {
        for (identifier, kind) in shared {
            *self.0.entry((kind.place(), *identifier)).or_default() += 1;
        }
    }

    /// What is recorded; the meters count it too.
    pub(super) fn finish(self, meters: &Meters) -> Vec<Unmapped> {
        let row = |((place, identifier), events): ((&'static str, Digest), u64)| {
            meters.shared(place, events);
            let key = format!("{SHARED}{place} {identifier}");
            Unmapped { spelling: key.clone(), key, events }
        };
        self.0.into_iter().map(row).collect()
    }
}

/// An identify without its shared identifiers; `None` if it names nobody else. Where the graphs that it links would be too
/// large together, the identifier that links the most in them stops linking.
pub(super) fn hear_in<'s>(
    hand: &mut Hand,
    tally: &mut Tally,
    statement: &'s Statement,
    after: usize,
    rules: &Rules,
) -> Option<Cow<'s, Statement>> {
    let mut heard = None;
    let mut limit = after;
    for _ in 0..AT_MOST {
        tally.stopped(hand.take_apart(&statement.digests(), limit, rules));
        heard = hear(statement, |name| hand.is_shared(name));
        if note(hand, tally, heard.as_ref(), after, rules) {
            continue;
        }
        let names = strong_names(statement, heard.as_ref());
        if names.is_empty() || !hand.is_too_large(&names) {
            break;
        }
        let most = hand.most_linked(&names);
        if most < FEWEST {
            break;
        }
        limit = most - 1;
    }
    let Some(heard) = heard else { return Some(Cow::Borrowed(statement)) };
    tally.named(&heard.shared);
    heard.statement.map(Cow::Owned)
}

/// The shared identifiers that a delete names, in words; `None` if there are none.
pub(super) fn in_words(deletion: &Deletion) -> Option<Text> {
    let user = deletion.user.iter().map(|_| Kind::User);
    let addresses = deletion.addresses.iter().map(|_| Kind::Address).take(1);
    let kinds = user.chain(addresses).chain(deletion.anonymous.iter().map(|_| Kind::Anonymous));
    let words: Vec<String> =
        kinds.map(|kind| format!("{} ({})", kind.place(), identity::shared::SHARED)).collect();
    (!words.is_empty()).then(|| words.join(", ").into())
}

/// The identifiers that have to be in one graph; an event may go on without its anonymousId.
fn strong_names(statement: &Statement, heard: Option<&Heard>) -> Vec<Digest> {
    let left = heard.map_or(Some(statement), |heard| heard.statement.as_ref());
    let names = left.into_iter().flat_map(|it| it.user.iter().chain(it.address.iter().map(|(name, _)| name)));
    names.map(|name| name.digest).collect()
}

/// Notes which identifiers were named with shared ones; whether one of them stops linking because of that.
fn note(hand: &mut Hand, tally: &mut Tally, heard: Option<&Heard>, after: usize, rules: &Rules) -> bool {
    let mut stopped = Vec::new();
    for apart in heard.iter().flat_map(|heard| &heard.apart) {
        if hand.has_noted(apart) {
            continue;
        }
        if let Some(slot) = hand.join(&[apart.identifier]) {
            note_apart(&mut slot.graph, apart);
            stopped.extend(hand.take_apart(&[apart.identifier], after, rules));
        }
    }
    let any = !stopped.is_empty();
    tally.stopped(stopped);
    any
}
