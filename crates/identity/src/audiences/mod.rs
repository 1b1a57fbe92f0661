//! A graph's contribution to the counts of audiences.
//!
//! A membership is one custom trait of a person: in while it has a value other than `false` or an empty text, out after.
//! Persons are counted, not identifiers: Engage sends a call for each identifier of one profile. An identifier that waits
//! for its person counts by itself.

mod packed;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::eligibility::Rules;
use crate::graph::{Affiliate, Graph, TraitValue};
use crate::plan::{Act, Analysis, Step};
use crate::resolution::Person;
use crate::{Map, Text};

pub use packed::{Unreadable, pack, unpack};

/// The audiences of a connection that are counted: the trait key of each, and the number under which it is counted.
pub type Watched = Arc<Map<Text, u64>>;

/// Numbers of persons of one graph, for one audience, in the order in which they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberCounts {
    /// Members.
    pub members: u32,
    /// Persons who were members, or were stated not to be.
    pub left: u32,
    /// Members that are affiliates.
    pub affiliates: u32,
    /// Members whose membership Refersion has.
    pub held: u32,
    /// Persons, members or left, whose affiliate has the newest value.
    pub delivered: u32,
    /// Persons, members or left, that are due for a call with the newest value.
    pub waiting: u32,
    /// Persons, members or left, whose value Refersion refused.
    pub refused: u32,
}

/// Number of figures of a [`MemberCounts`].
pub const FIGURES: usize = 7;

impl MemberCounts {
    /// The figures, in their order.
    #[must_use]
    pub fn figures(&self) -> [u32; FIGURES] {
        let Self { members, left, affiliates, held, delivered, waiting, refused } = *self;
        [members, left, affiliates, held, delivered, waiting, refused]
    }

    /// The counts of figures in their order.
    #[must_use]
    pub fn of(figures: [u32; FIGURES]) -> Self {
        let [members, left, affiliates, held, delivered, waiting, refused] = figures;
        Self { members, left, affiliates, held, delivered, waiting, refused }
    }

    fn add(&mut self, other: &Self) {
        let (mut figures, others) = (self.figures(), other.figures());
        figures.iter_mut().zip(others).for_each(|(figure, more)| *figure = figure.saturating_add(more));
        *self = Self::of(figures);
    }
}

/// A graph's contribution to the counts, by the numbers of the audiences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted(BTreeMap<u64, MemberCounts>);

impl Counted {
    /// Whether it contributes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds counts to those of an audience.
    pub fn add(&mut self, audience: u64, counts: &MemberCounts) {
        if *counts != MemberCounts::default() {
            self.0.entry(audience).or_default().add(counts);
        }
    }

    /// Adds all of another graph's.
    pub fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(audience, counts)| self.add(*audience, counts));
    }

    /// Every audience with counts, in the order of numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &MemberCounts)> {
        self.0.iter().map(|(audience, counts)| (*audience, counts))
    }

    /// The counts of one audience.
    #[must_use]
    pub fn of(&self, audience: u64) -> MemberCounts {
        self.0.get(&audience).copied().unwrap_or_default()
    }

    /// The difference of each figure to `before`, for the audiences where there is one.
    #[must_use]
    pub fn since(&self, before: &Self) -> BTreeMap<u64, [i64; FIGURES]> {
        if self == before {
            return BTreeMap::new();
        }
        let audiences = self.0.keys().chain(before.0.keys());
        let differs = audiences.filter(|audience| self.of(**audience) != before.of(**audience));
        let change = |audience: &u64| {
            let (now, then) = (self.of(*audience).figures(), before.of(*audience).figures());
            (*audience, std::array::from_fn(|nth| i64::from(now[nth]) - i64::from(then[nth])))
        };
        differs.map(change).collect()
    }

    /// Takes over the counts of audiences that `rules` do not name: another process knows them already.
    #[must_use]
    pub fn with_unknown_of(mut self, before: &Self, rules: &Rules) -> Self {
        let is_watched = |audience: u64| rules.audiences.values().any(|watched| *watched == audience);
        for (audience, counts) in before.iter().filter(|(audience, _)| !is_watched(*audience)) {
            self.0.insert(audience, *counts);
        }
        self
    }
}

/// Whether a graph states anything about an audience of the connection.
#[must_use]
pub fn concerns(graph: &Graph, rules: &Rules) -> bool {
    let is_watched = |key: &Text| rules.audiences.contains_key(key);
    !rules.audiences.is_empty() && graph.identifiers.values().any(|it| it.traits.keys().any(is_watched))
}

/// A graph's contribution to the counts of the audiences that the rules name.
#[must_use]
pub fn count(analysis: &Analysis<'_>) -> Counted {
    let mut counted = Counted::default();
    if !concerns(analysis.graph, analysis.rules) {
        return counted;
    }
    for person in &analysis.resolution.persons {
        for (key, stated) in &person.traits {
            if let Some(audience) = analysis.rules.audiences.get(*key) {
                counted.add(*audience, &of_person(analysis, person, key, stated));
            }
        }
    }
    for identifier in analysis.resolution.waits.keys() {
        let Some(profile) = analysis.graph.identifiers.get(identifier) else { continue };
        for (key, stated) in &profile.traits {
            if let Some(audience) = analysis.rules.audiences.get(key) {
                counted.add(*audience, &membership(stated));
            }
        }
    }
    counted
}

/// Whether a value of an audience's trait makes a member.
#[must_use]
pub fn makes_member(stated: &TraitValue) -> bool {
    stated.value.as_deref().is_some_and(|value| !matches!(value, "" | "false"))
}

fn membership(stated: &TraitValue) -> MemberCounts {
    match makes_member(stated) {
        true => MemberCounts { members: 1, ..MemberCounts::default() },
        false => MemberCounts { left: 1, ..MemberCounts::default() },
    }
}

fn of_person(analysis: &Analysis<'_>, person: &Person<'_>, key: &str, stated: &TraitValue) -> MemberCounts {
    let mut counts = membership(stated);
    let bound = analysis.resolution.bound(analysis.graph, person);
    // An affiliate that Refersion listed is known by its code until a call needs its numeric id.
    let is_there = |it: &&Affiliate| (it.id.is_some() || it.code.is_some()) && !it.gone;
    let affiliate = bound.filter(is_there);
    counts.affiliates = u32::from(affiliate.is_some()) * counts.members;
    let sent = |field: &&str| !analysis.rules.is_suspended(field);
    let fields: Vec<&str> = analysis.rules.fields_of(key).filter(sent).collect();
    if fields.is_empty() {
        return counts;
    }
    // No call is made for it until something changes: its event is a dead letter.
    let is_given_up =
        |step: &Step| analysis.graph.retries.get(&step.anchor).is_some_and(|retry| retry.given_up);
    let holds =
        |affiliate: &Affiliate| fields.iter().all(|field| holds(affiliate, field, analysis.rules, stated));
    if stated.refused.is_some() {
        counts.refused = 1;
    } else if affiliate.is_some_and(holds) {
        counts.delivered = 1;
        counts.held = counts.members;
    } else if analysis.steps.iter().any(|step| !is_given_up(step) && leads_to(step, person, &fields)) {
        counts.waiting = 1;
    }
    counts
}

fn holds(affiliate: &Affiliate, field: &str, rules: &Rules, stated: &TraitValue) -> bool {
    let Some(text) = rules.text_of(field, stated) else { return false };
    match affiliate.delivered.get(field).or_else(|| affiliate.shown.get(field)) {
        Some(delivered) => delivered.as_deref() == Some(text),
        None => text.is_empty() && !affiliate.found,
    }
}

/// Whether a step leads to the person's affiliate having the fields: an edit that sends them, or a step that has to come before.
fn leads_to(step: &Step, person: &Person<'_>, fields: &[&str]) -> bool {
    person.has(step.anchor)
        && match &step.act {
            Act::Edit { fields: edited, .. } => fields.iter().any(|field| edited.contains_key(*field)),
            Act::Create { .. } | Act::Search { .. } => true,
            Act::Scrub { .. } | Act::Status { .. } => false,
        }
}
