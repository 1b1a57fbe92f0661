//! Applies the directory of Refersion's affiliates to a graph's addresses, instead of calls.
//!
//! A worker that has walked through Refersion's list of affiliates passes its entries for some addresses to [`apply_directory`], before the
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
use crate::plan::{Act, Analysis, Step};
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
pub struct DirectoryEntries {
    /// Since when the directory is complete; `None` if it is not known to be.
    pub complete_since: Option<Moment>,
    /// The addresses that were looked up.
    pub looked_up: BTreeSet<Digest>,
    /// Those of them that it lists.
    pub listed: Listed,
}

/// New facts about some addresses of a graph.
#[derive(Default)]
struct Findings {
    listed: BTreeSet<Digest>,
    not_listed: BTreeSet<Digest>,
}

/// Applies the directory to the addresses that calls would ask about, and to those at which an affiliate has
/// appeared since Refersion was asked. Returns whether that changed anything.
pub fn apply_directory(graph: &mut Graph, rules: &Rules, entries: &DirectoryEntries) -> bool {
    let mut looked_up = graph.identifiers.keys().filter(|digest| entries.looked_up.contains(*digest));
    if !looked_up.any(|digest| entries.complete_since.is_some() || entries.listed.contains_key(digest)) {
        return false;
    }
    let findings = Findings::of(&Analysis::of(graph, rules), entries);
    let listed = findings.listed.iter().filter_map(|address| Some((*address, entries.listed.get(address)?)));
    graph.affiliates.extend(listed.map(|(address, listing)| Affiliate {
        code: Some(listing.code.to_string()),
        found: true,
        ..Affiliate::at(address)
    }));
    // The affiliate of a delete is searched for nevertheless, unless the walk began after the delete.
    let searched_at = entries.complete_since.map(|at| Moment(at.0 - SEARCH_IS_FRESH_FOR_MICROS));
    for address in &findings.not_listed {
        if let Some(identifier) = graph.identifiers.get_mut(address) {
            identifier.searched_at = searched_at;
        }
    }
    !findings.listed.is_empty() || !findings.not_listed.is_empty()
}

impl Findings {
    fn of(analysis: &Analysis<'_>, entries: &DirectoryEntries) -> Self {
        let mut findings = Self::default();
        let mut searched_for: Option<Vec<Digest>> = None;
        for step in analysis
            .steps
            .iter()
            .filter(|step| needs_lookup(step) && entries.looked_up.contains(&step.anchor))
        {
            if let Some(listing) = entries.listed.get(&step.anchor) {
                let searched_at = analysis.graph.identifiers.get(&step.anchor).and_then(|it| it.searched_at);
                // A search that is newer than the listing has found nobody.
                if searched_at.is_none_or(|at| listing.seen_at > at) {
                    findings.listed.insert(step.anchor);
                }
                continue;
            }
            let searched_for = searched_for.get_or_insert_with(|| for_deletes(analysis));
            let is_search = matches!(step.act, Act::Search { .. });
            if is_search && entries.complete_since.is_some() && !searched_for.contains(&step.anchor) {
                findings.not_listed.insert(step.anchor);
            }
        }
        if !entries.listed.is_empty() {
            let alone = analysis.resolution.persons.iter();
            let alone = alone.filter(|person| analysis.resolution.bound(analysis.graph, person).is_none());
            let again = alone.flat_map(|person| analysis.look_for(person, Some(&entries.listed)));
            findings.listed.extend(again.filter(|address| entries.listed.contains_key(address)));
        }
        findings
    }
}

/// Whether a step is about an address at which it is unknown whether Refersion has an affiliate.
#[must_use]
pub fn needs_lookup(step: &Step) -> bool {
    matches!(step.act, Act::Create { .. } | Act::Search { uncertain_create: false, code: None })
}

fn for_deletes(analysis: &Analysis<'_>) -> Vec<Digest> {
    let mut addresses = to_search_for(analysis.graph, &analysis.tombstones);
    addresses.extend(analysis.may_appear());
    addresses
}
