//! How events end. The one place where the outcome of an event that Refersion took, or did not need, is decided.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::digest::Digest;
use crate::erase::erase;
use crate::graph::{Affiliate, Graph, Kept, Lane, Standing, ToldBy};
use crate::needs::{CUSTOM, Rules};
use crate::plan::{Act, Picture, StepKind};
use crate::stamp::Moment;
use crate::who::{Person, Wait, merged};

/// How an event ended, dead ones apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A create told some of it.
    Created,
    /// An edit told some of it.
    Updated,
    /// The delete was carried out.
    Deleted,
    /// Refersion knew already, or nothing of it is mapped.
    Unchanged,
    /// Something newer had been said.
    Superseded,
    /// Kept; its person waits.
    Remembered,
}

/// An event that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The event.
    pub event: Uuid,
    /// The number of this outcome.
    pub number: u32,
    /// How.
    pub end: End,
    /// Why, in a fixed word or a short text without personal data.
    pub reason: Option<String>,
    /// The affiliate concerned.
    pub affiliate: Option<(Option<u64>, Option<String>)>,
}

/// What a graph needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// In which lane.
    pub lane: Lane,
    /// Which kind of call.
    pub step: StepKind,
    /// Not before this; `None` = at once.
    pub due_at: Option<Moment>,
}

/// What settling a graph found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Events that ended now.
    pub ended: Vec<Ended>,
    /// Events of which nothing personal may remain.
    pub erased: Vec<Uuid>,
    /// What is to be done next, if anything can be.
    pub next: Option<Next>,
    /// How many affiliates or persons differ from what Refersion knows.
    pub dirty: u32,
    /// How many persons and identifiers wait.
    pub waiting: u32,
}

/// Erases what tombstones cover, ends every event that has come to rest, and says what the graph needs next.
pub fn settle(graph: &mut Graph, rules: &Rules) -> Settled {
    let mut settled = Settled { erased: erase(graph, rules), ..Settled::default() };
    let picture = Picture::of(graph, rules);
    settled.next = next(&picture);
    settled.dirty = u32::try_from(picture.steps.len()).unwrap_or(u32::MAX);
    settled.waiting = waiting(&picture);
    let fates: Vec<Fate> = graph.events.iter().map(|kept| fate(&picture, kept)).collect();
    let mut left = Vec::new();
    for (mut kept, fate) in std::mem::take(&mut graph.events).into_iter().zip(fates) {
        match fate {
            Fate::Stay => left.push(kept),
            Fate::Forget => {}
            Fate::End { end, reason, affiliate } => {
                kept.outcomes += 1;
                let number = kept.outcomes;
                settled.ended.push(Ended { event: kept.event, number, end, reason, affiliate });
                if end == End::Remembered {
                    left.push(Kept { standing: Standing::Remembered, ..kept });
                }
            }
        }
    }
    graph.events = left;
    settled
}

fn next(picture: &Picture<'_>) -> Option<Next> {
    let trouble = |anchor: Digest| picture.graph.troubles.get(&anchor);
    let open =
        picture.steps.iter().filter(|step| !trouble(step.anchor).is_some_and(|trouble| trouble.given_up));
    let due = |step: &&crate::plan::Step| (trouble(step.anchor).map(|trouble| trouble.due_at), step.kind());
    let step = open.min_by_key(due)?;
    let live =
        picture.graph.events.iter().any(|kept| kept.standing == Standing::Pending && kept.lane == Lane::Live);
    Some(Next {
        lane: if live { Lane::Live } else { Lane::Bulk },
        step: step.kind(),
        due_at: trouble(step.anchor).map(|trouble| trouble.due_at),
    })
}

fn waiting(picture: &Picture<'_>) -> u32 {
    let without = |person: &&Person| {
        let idle = !picture.steps.iter().any(|step| person.profiles.contains(&step.anchor));
        idle && picture.who.bound(picture.graph, person).is_none()
    };
    let persons = picture.who.persons.iter().filter(without).count();
    u32::try_from(persons + picture.who.waits.len()).unwrap_or(u32::MAX)
}

enum Fate {
    Stay,
    /// Its last outcome stands; nothing more can come of it.
    Forget,
    End {
        end: End,
        reason: Option<String>,
        affiliate: Option<(Option<u64>, Option<String>)>,
    },
}

impl Fate {
    fn end(end: End, reason: impl Into<String>) -> Self {
        Self::End { end, reason: Some(reason.into()), affiliate: None }
    }
}

fn fate(picture: &Picture<'_>, kept: &Kept) -> Fate {
    let fate = if kept.delete { fate_of_delete(picture, kept) } else { fate_of_identify(picture, kept) };
    match (&kept.standing, fate) {
        (Standing::Pending, fate) => fate,
        // What was remembered, or died, changes only if it was delivered after all, or can never be.
        (_, Fate::End { end: End::Superseded, .. }) => Fate::Forget,
        (_, Fate::End { end: End::Remembered, .. }) => Fate::Stay,
        (Standing::Dead, Fate::End { end: End::Unchanged, .. }) if kept.told_by.is_none() => Fate::Stay,
        (_, fate) => fate,
    }
}

fn fate_of_delete(picture: &Picture<'_>, kept: &Kept) -> Fate {
    if picture.steps.iter().any(crate::plan::Step::serves_a_delete) {
        return Fate::Stay;
    }
    let near: BTreeSet<Digest> = std::iter::once(kept.identifier)
        .chain(
            picture
                .graph
                .claims
                .iter()
                .filter(|claim| claim.user == kept.identifier)
                .map(|claim| claim.address),
        )
        .chain(kept.address)
        .collect();
    let disabled = picture.graph.affiliates.iter().find(|it| it.disabled_by_us && near.contains(&it.address));
    let reason = if disabled.is_some() { None } else { Some("nothing_to_disable".to_owned()) };
    Fate::End { end: End::Deleted, reason, affiliate: disabled.map(ids) }
}

fn ids(affiliate: &Affiliate) -> (Option<u64>, Option<String>) {
    (affiliate.id, affiliate.code.clone())
}

fn fate_of_identify(picture: &Picture<'_>, kept: &Kept) -> Fate {
    if picture.tombs.covers(kept.identifier, kept.stamp.time) {
        return Fate::end(End::Superseded, "deleted");
    }
    let person = picture.who.person(kept.identifier);
    let survivors = survivors(picture, kept, person);
    if survivors.is_empty() && !kept.says.is_empty() {
        return if kept.told_by.is_some() {
            told(picture, kept, person)
        } else {
            Fate::end(End::Superseded, "newer_said")
        };
    }
    let mapped: Vec<&str> =
        survivors.iter().copied().filter(|key| picture.rules.field_of(key).is_some()).collect();
    if mapped.is_empty() {
        let says_traits = kept.says.iter().any(|key| key.starts_with(CUSTOM));
        return Fate::end(End::Unchanged, if says_traits { "not_mapped" } else { "nothing_said" });
    }
    match person {
        None => Fate::end(End::Remembered, wait_word(picture, kept.identifier)),
        // What Refersion refused stays out of the way; whoever said it died of it, or says it again.
        Some(person) if mapped.iter().any(|key| is_refused(picture, person, key)) => {
            Fate::end(End::Remembered, "refused_value")
        }
        Some(person) => fate_with_person(picture, kept, person, &mapped),
    }
}

fn is_refused(picture: &Picture<'_>, person: &Person, key: &str) -> bool {
    if key == "email" {
        return picture
            .graph
            .identifiers
            .get(&person.address)
            .is_some_and(|address| address.refused.is_some());
    }
    merged(picture.graph, &person.profiles).get(key).is_some_and(|said| said.refused.is_some())
}

/// The keys that the event said and nothing newer has replaced.
fn survivors<'k>(picture: &Picture<'_>, kept: &'k Kept, person: Option<&Person>) -> Vec<&'k str> {
    let own = std::iter::once(kept.identifier).collect();
    let traits = merged(picture.graph, person.map_or(&own, |person| &person.profiles));
    let survives = |key: &str| match key {
        "email" => person.is_none_or(|person| kept.address == Some(person.address)),
        _ => traits.get(key).is_some_and(|said| said.stamp == kept.stamp),
    };
    kept.says.iter().map(String::as_str).filter(|key| survives(key)).collect()
}

fn fate_with_person(picture: &Picture<'_>, kept: &Kept, person: &Person, mapped: &[&str]) -> Fate {
    let Some(affiliate) = picture.who.bound(picture.graph, person) else {
        return fate_without_affiliate(picture, kept, person);
    };
    if affiliate.gone {
        return Fate::end(End::Remembered, "affiliate_gone");
    }
    let step = picture.steps.iter().find(|step| step.anchor == affiliate.address);
    match step.map(|step| &step.act) {
        Some(Act::Search { .. }) => Fate::Stay,
        Some(Act::Edit { email, fields, .. }) => {
            let waits = |key: &&str| match *key {
                "email" => email.is_some(),
                key => picture.rules.field_of(key).is_some_and(|field| fields.contains_key(&field)),
            };
            if mapped.iter().any(waits) { Fate::Stay } else { told(picture, kept, Some(person)) }
        }
        Some(Act::Status { status: crate::graph::Status::Active, .. }) => Fate::Stay,
        _ if !person.can_be_one && picture.tombs.around(picture.graph, affiliate.address).is_some() => {
            Fate::end(End::Remembered, "deleted_and_incomplete")
        }
        _ => told(picture, kept, Some(person)),
    }
}

fn fate_without_affiliate(picture: &Picture<'_>, kept: &Kept, person: &Person) -> Fate {
    let at_work = |step: &&crate::plan::Step| person.profiles.contains(&step.anchor);
    if picture.steps.iter().any(|step| at_work(&step)) {
        return Fate::Stay;
    }
    if kept.told_by.is_some() {
        return told(picture, kept, Some(person));
    }
    let hindrances = picture.hindrances(person);
    if person.can_be_one && !hindrances.is_empty() {
        return Fate::end(End::Remembered, "refused_value");
    }
    Fate::end(End::Remembered, "incomplete")
}

fn told(picture: &Picture<'_>, kept: &Kept, person: Option<&Person>) -> Fate {
    let affiliate = person.and_then(|person| picture.who.bound(picture.graph, person)).map(ids);
    let (end, reason) = match kept.told_by {
        Some(ToldBy::Create) => (End::Created, None),
        Some(ToldBy::Edit) => (End::Updated, None),
        None => (End::Unchanged, Some("known".to_owned())),
    };
    Fate::End { end, reason, affiliate }
}

fn wait_word(picture: &Picture<'_>, identifier: Digest) -> &'static str {
    match picture.who.waits.get(&identifier) {
        Some(Wait::AddressHeldByAnother) => "address_held_by_another",
        Some(Wait::AnonymousOnly) => "anonymous_only",
        Some(Wait::ClaimerWaits) => "claimer_waits",
        Some(Wait::NoAddress) | None => "no_address",
    }
}

/// What an identifier's person waits for, in words for an operator; `None` if it waits for nothing.
#[must_use]
pub fn waits_for(picture: &Picture<'_>, identifier: Digest) -> Option<String> {
    let trouble = |anchor| picture.graph.troubles.get(&anchor);
    let Some(person) = picture.who.person(identifier) else {
        return Some(match picture.who.waits.get(&identifier)? {
            Wait::NoAddress => "an email address".to_owned(),
            Wait::AddressHeldByAnother => "its email address, which another userId holds".to_owned(),
            Wait::AnonymousOnly => {
                "an identify that names this anonymousId beside a userId or an email".to_owned()
            }
            Wait::ClaimerWaits => {
                "the userId that claimed this email address last, which has another or none".to_owned()
            }
        });
    };
    if let Some(step) = picture.steps.iter().find(|step| person.profiles.contains(&step.anchor)) {
        let call = match step.kind() {
            StepKind::Create => "the create",
            StepKind::Edit => "the edit",
            StepKind::Status => "the status change",
            StepKind::Search => "the search",
        };
        return Some(match trouble(step.anchor) {
            Some(trouble) if trouble.given_up => {
                format!("an operator: {call} was given up ({})", trouble.class)
            }
            Some(trouble) => {
                format!("the next try of {call} ({}, {} attempts)", trouble.class, trouble.attempts)
            }
            None => format!("{call}"),
        });
    }
    if picture.who.bound(picture.graph, person).is_some() {
        return None;
    }
    let lacking = picture.rules.lacking(&merged(picture.graph, &person.profiles), false);
    if lacking.is_empty() {
        return Some(picture.hindrances(person).join("; "));
    }
    Some(format!("the missing {}", lacking.join(", ")))
}

/// The custom trait keys that nothing maps, with how many of `keys` said them.
#[must_use]
pub fn unmapped<'k>(rules: &Rules, keys: impl Iterator<Item = &'k String>) -> BTreeMap<&'k str, u64> {
    let mut counts = BTreeMap::new();
    for key in keys.filter(|key| rules.field_of(key).is_none()) {
        *counts.entry(key.as_str()).or_default() += 1;
    }
    counts
}
