//! Identifiers that link too many others: they are left out of the events that name them, and counted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use identity::eligibility::Rules;
use identity::fold::{Deletion, Statement};
use identity::graph::Kind;
use identity::shared::{Heard, Shared, hear, left_out, note_apart};
use identity::{Digest, Text};
use ledger::Unmapped;
use ledger::unmapped::SHARED;

use super::hand::Hand;
use crate::Meters;

/// Minimum number of linked identifiers at which an identifier can stop linking because its graph is full.
const FEWEST: usize = 20;

/// Maximum number of times that one event makes an identifier stop linking: its own three, and those of full graphs.
const AT_MOST: usize = 8;

/// The shared identifiers of the events that are recorded together, with the number of events that name each.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<(&'static str, Digest), u64>);

impl Tally {
    /// Counts events for shared identifiers. One that has just stopped linking is shown with 0 events.
    pub(super) fn count(&mut self, shared: &[Shared], events: u64) {
        for it in shared {
            *self.0.entry((it.kind.place(), it.identifier)).or_default() += events;
        }
    }

    /// The rows to record. The meters count them too.
    pub(super) fn finish(self, meters: &Meters) -> Vec<Unmapped> {
        let row = |((place, identifier), events): ((&'static str, Digest), u64)| {
            meters.shared(place, events);
            Unmapped::counted(format!("{SHARED}{place} {identifier}"), events)
        };
        self.0.into_iter().map(row).collect()
    }
}

/// Leaves shared identifiers out of an identify; `None` if no other identifier remains. If the joined graphs would be too
/// large, the identifier with the most links stops linking.
pub(super) fn hear_in<'s>(
    hand: &mut Hand,
    statement: &'s Statement,
    after: usize,
    rules: &Rules,
) -> Option<Cow<'s, Statement>> {
    let mut heard = None;
    let mut limit = after;
    for _ in 0..AT_MOST {
        hand.take_apart(&statement.digests(), limit, rules);
        heard = hear(statement, |name| hand.is_shared(name));
        if note(hand, heard.as_ref(), after, rules) {
            continue;
        }
        let names = strong_names(statement, heard.as_ref());
        // A single identifier links nothing.
        if names.len() < 2 || !hand.is_too_large(&names) {
            break;
        }
        let most = hand.most_linked(&names);
        if most < FEWEST {
            break;
        }
        limit = most - 1;
    }
    let Some(heard) = heard else { return Some(Cow::Borrowed(statement)) };
    hand.shared.count(&heard.shared, 1);
    heard.statement.map(Cow::Owned)
}

/// The shared identifiers that a delete names, in words; `None` if there are none.
pub(super) fn in_words(deletion: &Deletion) -> Option<Text> {
    let user = deletion.user.iter().map(|_| Kind::User);
    let addresses = deletion.addresses.iter().map(|_| Kind::Address).take(1);
    let kinds = user.chain(addresses).chain(deletion.anonymous.iter().map(|_| Kind::Anonymous));
    let mut kinds = kinds.peekable();
    kinds.peek().is_some().then(|| left_out(None, kinds))
}

/// The identifiers that have to be in one graph; an event may go on without its anonymousId.
fn strong_names(statement: &Statement, heard: Option<&Heard>) -> Vec<Digest> {
    let left = heard.map_or(Some(statement), |heard| heard.statement.as_ref());
    let names = left.into_iter().flat_map(|it| it.user.iter().chain(it.address.iter().map(|(name, _)| name)));
    names.map(|name| name.digest).collect()
}

/// Notes which identifiers were named with shared ones; whether one of them stops linking because of that.
fn note(hand: &mut Hand, heard: Option<&Heard>, after: usize, rules: &Rules) -> bool {
    let mut any = false;
    for apart in heard.iter().flat_map(|heard| &heard.apart) {
        if hand.has_noted(apart) {
            continue;
        }
        if let Some(slot) = hand.join(&[apart.identifier]) {
            note_apart(&mut slot.graph, apart);
            any |= hand.take_apart(&[apart.identifier], after, rules);
        }
    }
    any
}
