//! Applies the directory of Refersion's affiliates to a graph's addresses, instead of calls.
//!
//! A worker that has walked through Refersion's list of affiliates passes its entries for some addresses to [`learn`], before the
//! graph is settled. They replace the answer of a search or a create, and nothing else: an affiliate that the directory lists is
//! in the graph with its code only, until a call needs its numeric id; for an address that a complete directory does not list,
//! the graph notes that no affiliate is there.
//!
//! The directory may be out of date. An affiliate that is not where it was listed is searched for, and one that was added since
//! is found by the create, or listed later. The affiliate of a delete is searched for in any case: a delete must find it.

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
    /// When the request was made whose answer listed it last.
    pub seen_at: Moment,
}

/// The directory's entries for some addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Since when the directory is complete; `None` if it is not known to be.
    pub complete_since: Option<Moment>,
    /// The addresses that were looked up.
    pub asked: BTreeSet<Digest>,
    /// Those of them that it lists.
    pub listed: Listed,
}

/// What is learned about some addresses of a graph.
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
    // The affiliate of a delete is searched for nevertheless, unless the walk began after the delete.
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

/// Whether a step is about an address at which it is unknown whether Refersion has an affiliate.
#[must_use]
pub fn asks(step: &Step) -> bool {
    matches!(step.act, Act::Create { .. } | Act::Search { uncertain_create: false, code: None })
}

fn for_deletes(picture: &Picture<'_>) -> Vec<Digest> {
    let mut addresses = to_search_for(picture.graph, &picture.tombstones);
    addresses.extend(picture.may_appear());
    addresses
}
