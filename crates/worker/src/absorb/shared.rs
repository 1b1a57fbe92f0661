//! Identifiers that link too many others: they are left out of the events that name them, and counted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use identity::eligibility::Rules;
use identity::fold::{Deletion, Statement};
use identity::graph::Kind;
use identity::shared::{Shared, WithoutShared, describe_unusable, note_apart, without_shared};
use identity::{Digest, Text};
use ledger::Unmapped;
use ledger::unmapped::SHARED;

use super::graph_set::GraphSet;
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
pub(super) fn leave_out_shared<'s>(
    graphs: &mut GraphSet,
    statement: &'s Statement,
    after: usize,
    rules: &Rules,
) -> Option<Cow<'s, Statement>> {
    let mut without = None;
    let mut limit = after;
    for _ in 0..AT_MOST {
        graphs.split(&statement.digests(), limit, rules);
        without = without_shared(statement, |name| graphs.is_shared(name));
        if note(graphs, without.as_ref(), after, rules) {
            continue;
        }
        let names = strong_names(statement, without.as_ref());
        // A single identifier links nothing.
        if names.len() < 2 || !graphs.is_too_large(&names) {
            break;
        }
        let most = graphs.most_linked(&names);
        if most < FEWEST {
            break;
        }
        limit = most - 1;
    }
    let Some(without) = without else { return Some(Cow::Borrowed(statement)) };
    graphs.shared.count(&without.shared, 1);
    without.statement.map(Cow::Owned)
}

/// The shared identifiers that a delete names, in words; `None` if there are none.
pub(super) fn in_words(deletion: &Deletion) -> Option<Text> {
    let user = deletion.user.iter().map(|_| Kind::User);
    let addresses = deletion.addresses.iter().map(|_| Kind::Address).take(1);
    let kinds = user.chain(addresses).chain(deletion.anonymous.iter().map(|_| Kind::Anonymous));
    let mut kinds = kinds.peekable();
    kinds.peek().is_some().then(|| describe_unusable(None, kinds))
}

/// The identifiers that have to be in one graph; an event may go on without its anonymousId.
fn strong_names(statement: &Statement, without: Option<&WithoutShared>) -> Vec<Digest> {
    let left = without.map_or(Some(statement), |without| without.statement.as_ref());
    let names = left.into_iter().flat_map(|it| it.user.iter().chain(it.address.iter().map(|(name, _)| name)));
    names.map(|name| name.digest).collect()
}

/// Notes which identifiers were named with shared ones; whether one of them stops linking because of that.
fn note(graphs: &mut GraphSet, without: Option<&WithoutShared>, after: usize, rules: &Rules) -> bool {
    let mut any = false;
    for apart in without.iter().flat_map(|without| &without.apart) {
        if graphs.has_noted(apart) {
            continue;
        }
        if let Some(slot) = graphs.join(&[apart.identifier]) {
            note_apart(&mut slot.graph, apart);
            any |= graphs.split(&[apart.identifier], after, rules);
        }
    }
    any
}
