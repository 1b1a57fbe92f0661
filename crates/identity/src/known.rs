//! What a directory of Refersion's affiliates says of a graph's addresses, instead of calls.
//!
//! A worker that has walked through Refersion's list of affiliates hands what it knows of some addresses to [`learn`], before
//! the graph is settled. It answers what a search or a create would have answered, and nothing else: an affiliate that the
//! directory lists stands in the graph with its code alone until a call needs its numeric id, and of an address that a
//! complete directory does not list it is noted that nobody is there.
//!
//! The directory may be out of date. An affiliate that is not where it was listed is searched for, and one that appeared
//! since is met by the create, or listed later. What a delete needs is searched for all the same: a delete must find whatever is there.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::erase::{SEARCH_IS_FRESH_FOR_MICROS, to_search_for};
use crate::graph::{Affiliate, Graph};
use crate::plan::{Act, Picture, Step};
use crate::stamp::Moment;
use crate::{Map, Text};

/// The affiliates that a directory lists, by their addresses.
pub type Listed = Map<Digest, Listing>;

/// An affiliate as a directory lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its code.
    pub code: Text,
    /// When Refersion was asked that named it last.
    pub seen_at: Moment,
}

/// What a directory says of some addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Since when it lists everybody; `None` while that is not known.
    pub complete_since: Option<Moment>,
    /// The addresses that were looked up.
    pub asked: BTreeSet<Digest>,
    /// Those of them that it lists.
    pub listed: Listed,
}

/// What is learned of some addresses of a graph.
#[derive(Default)]
struct Lessons {
    listed: BTreeSet<Digest>,
    not_listed: BTreeSet<Digest>,
}

/// Applies what the directory says to the addresses that calls would ask about, and to those at which an affiliate has
/// appeared since Refersion was asked. Returns whether that changed anything.
pub fn learn(graph: &mut Graph, rules: &Rules, known: &Known) -> bool {
    let mut asked = graph.identifiers.keys().filter(|digest| known.asked.contains(*digest));
    if !asked.any(|digest| known.complete_since.is_some() || known.listed.contains_key(digest)) {
        return false;
    }
    let lessons = Lessons::of(&Picture::of(graph, rules), known);
    let listed = lessons.listed.iter().filter_map(|address| Some((*address, known.listed.get(address)?)));
    graph.affiliates.extend(listed.map(|(address, listing)| Affiliate {
        code: Some(listing.code.to_string()),
        found: true,
        ..Affiliate::at(address)
    }));
    // A delete of these people is searched for all the same, unless the walk began after it.
    let searched_at = known.complete_since.map(|at| Moment(at.0 - SEARCH_IS_FRESH_FOR_MICROS));
    for address in &lessons.not_listed {
        if let Some(identifier) = graph.identifiers.get_mut(address) {
            identifier.searched_at = searched_at;
        }
    }
    !lessons.listed.is_empty() || !lessons.not_listed.is_empty()
}

impl Lessons {
    fn of(picture: &Picture<'_>, known: &Known) -> Self {
        let mut lessons = Self::default();
        let mut searched_for: Option<Vec<Digest>> = None;
        for step in picture.steps.iter().filter(|step| asks(step) && known.asked.contains(&step.anchor)) {
            if let Some(listing) = known.listed.get(&step.anchor) {
                let searched_at = picture.graph.identifiers.get(&step.anchor).and_then(|it| it.searched_at);
                // A search that is newer than the listing has found nobody.
                if searched_at.is_none_or(|at| listing.seen_at > at) {
                    lessons.listed.insert(step.anchor);
                }
                continue;
            }
            let searched_for = searched_for.get_or_insert_with(|| for_deletes(picture));
            let is_search = matches!(step.act, Act::Search { .. });
            if is_search && known.complete_since.is_some() && !searched_for.contains(&step.anchor) {
                lessons.not_listed.insert(step.anchor);
            }
        }
        if !known.listed.is_empty() {
            let alone = picture.who.persons.iter();
            let alone = alone.filter(|person| picture.who.bound(picture.graph, person).is_none());
            let again = alone.flat_map(|person| picture.look_for(person, Some(&known.listed)));
            lessons.listed.extend(again.filter(|address| known.listed.contains_key(address)));
        }
        lessons
    }
}

/// Whether a step is about an address of which Refersion has not said yet whether an affiliate is there.
#[must_use]
pub fn asks(step: &Step) -> bool {
    matches!(step.act, Act::Create { .. } | Act::Search { uncertain_create: false, code: None })
}

fn for_deletes(picture: &Picture<'_>) -> Vec<Digest> {
    let mut addresses = to_search_for(picture.graph, &picture.tombstones);
    addresses.extend(picture.may_appear());
    addresses
}
