//! The outcome of one event, under a picture of its graph.

use std::collections::{BTreeMap, BTreeSet};

use super::End;
use super::not_sent::{is_known, not_all_scrubbed, not_sent};
use super::sent_to::sent_to;
use crate::Text;
use crate::digest::Digest;
use crate::eligibility::{CUSTOM, NOT_AN_ADDRESS, PAYPAL};
use crate::graph::{Affiliate, EventState, Graph, SentBy, Status, TrackedEvent, TraitValue};
use crate::payout;
use crate::plan::{Act, Picture, Step};
use crate::resolution::{Person, Wait};
use crate::shared::SHARED;
use crate::stamp::Stamp;

/// What happens to an event now.
pub(super) enum Decision {
    /// It stays as it is.
    Stay,
    /// It is dead, and newer statements replace all of it. It is kept because its payload is.
    Replaced,
    /// Its last outcome is final.
    Forget,
    /// It gets an outcome.
    End { end: End, reason: Option<String>, affiliate: Option<(Option<u64>, Option<String>)> },
}

/// The reason for `superseded` if a delete covers the event.
const DELETED: &str = "deleted";
const NEWER_SAID: &str = "newer_said";
/// A delete of a person without stored data: its identifiers may not be those of the identifies.
pub const MATCHED_NOBODY: &str = "matched_nobody";
/// Refersion has all of it, although no call sent it.
pub(super) const KNOWN: &str = "known";
/// All of it that still counts is for suspended fields.
pub(super) const FIELD_SUSPENDED: &str = "field_suspended";
/// All of it that still counts is a payout field that an operator has to confirm.
const PAYOUT_HELD: &str = "payout_held";

/// When events without a final outcome last stated each address, by the identifier that their traits belong to.
pub(super) struct LastStated<'g>(BTreeMap<(Digest, Option<Digest>), &'g Stamp>);

impl<'g> LastStated<'g> {
    pub(super) fn of(graph: &'g Graph) -> Self {
        let mut last = BTreeMap::new();
        for kept in graph.events.iter().filter(|kept| !kept.delete && kept.has_said("email")) {
            let stamp = last.entry((kept.identifier, kept.address)).or_insert(&kept.stamp);
            *stamp = (*stamp).max(&kept.stamp);
        }
        Self(last)
    }

    /// Whether a newer event states the same address again.
    fn is_said_again(&self, kept: &TrackedEvent) -> bool {
        self.0.get(&(kept.identifier, kept.address)).is_some_and(|last| **last > kept.stamp)
    }
}

impl Decision {
    fn end(end: End, reason: &str) -> Self {
        Self::End { end, reason: Some(reason.to_owned()), affiliate: None }
    }
}

/// Decides what happens to an event. An outcome changes in two cases only: `remembered` or `dead` events are delivered after all.
pub(super) fn decide(picture: &Picture<'_>, stated: &LastStated<'_>, kept: &TrackedEvent) -> Decision {
    let decision = if kept.delete { of_delete(picture, kept) } else { of_identify(picture, stated, kept) };
    let Decision::End { end, reason, .. } = &decision else { return decision };
    match (&kept.state, end, reason.as_deref()) {
        (EventState::Pending, _, _) => decision,
        (_, End::Created | End::Updated | End::Deleted, _) => decision,
        (EventState::Remembered, End::Unchanged, Some(reason)) if is_known(reason) => decision,
        (_, End::Superseded, Some(DELETED)) | (EventState::Remembered, End::Superseded, _) => {
            Decision::Forget
        }
        (EventState::Dead, End::Superseded, _) => Decision::Replaced,
        (_, End::Remembered | End::Unchanged, _) => Decision::Stay,
    }
}

/// Whether the person of a dead event still states the value that caused that. The rest of the event may be delivered without it.
pub(super) fn cause_stands(picture: &Picture<'_>, kept: &TrackedEvent) -> bool {
    let Some(key) = kept.died_of.as_deref() else { return true };
    let Some(person) = picture.who.person(kept.identifier) else { return false };
    if key == "email" {
        return kept.address == Some(person.address);
    }
    standing_statement(picture, kept, key, (person.traits.get(key).copied(), Some(person))).is_some()
}

fn of_delete(picture: &Picture<'_>, kept: &TrackedEvent) -> Decision {
    if picture.steps.iter().any(Step::serves_a_delete) {
        return Decision::Stay;
    }
    let claims = picture.graph.claims.iter().filter(|claim| claim.user == kept.identifier);
    let near: BTreeSet<Digest> =
        claims.map(|claim| claim.address).chain([kept.identifier]).chain(kept.address).collect();
    let disabled = picture.graph.affiliates.iter().find(|it| it.disabled_by_us && near.contains(&it.address));
    let nothing = if kept.unmatched { MATCHED_NOBODY } else { "nothing_to_disable" };
    let reason = match disabled {
        Some(_) => not_all_scrubbed(picture),
        None => Some(nothing.to_owned()),
    };
    Decision::End { end: End::Deleted, reason, affiliate: disabled.map(ids) }
}

fn ids(affiliate: &Affiliate) -> (Option<u64>, Option<String>) {
    (affiliate.id, affiliate.code.clone())
}

fn of_identify(picture: &Picture<'_>, stated: &LastStated<'_>, kept: &TrackedEvent) -> Decision {
    if picture.tombstones.covers(kept.identifier, kept.stamp.time) {
        return Decision::end(End::Superseded, DELETED);
    }
    if picture.who.waits.get(&kept.identifier) == Some(&Wait::Shared) && kept.told_by.is_none() {
        return match kept.state {
            EventState::Remembered => Decision::Forget,
            _ => Decision::end(End::Remembered, wait_word(picture, kept.identifier)),
        };
    }
    let person = picture.who.person(kept.identifier);
    let left = Left::of(picture, stated, kept, person);
    // A value that is not sent may be the one that made the event dead: then its dead letter stays open.
    if kept.state == EventState::Dead && (left.refused || left.suspended) {
        return Decision::Stay;
    }
    match person {
        Some(person) if !left.open.is_empty() => {
            let decision = with_person(picture, kept, person, &left.open);
            // An address that the person has anyway does not make a difference.
            let is_known = matches!(&decision, Decision::End { end: End::Unchanged, .. });
            if is_known && left.is_overruled { Decision::end(End::Superseded, NEWER_SAID) } else { decision }
        }
        // A part of it was sent, even if its person has changed since.
        _ if kept.told_by.is_some() => told(picture, kept, person),
        _ if !left.anything && !kept.says.is_empty() => Decision::end(End::Superseded, NEWER_SAID),
        _ if !left.mapped => {
            let says_traits = kept.says.iter().any(|key| key.starts_with(CUSTOM));
            Decision::end(End::Unchanged, if says_traits { "not_mapped" } else { "nothing_said" })
        }
        Some(_) if left.held => Decision::end(End::Remembered, PAYOUT_HELD),
        Some(_) if left.suspended => Decision::end(End::Remembered, FIELD_SUSPENDED),
        // A refused value is suppressed; the event that stated it first is dead, and this one repeats it.
        Some(_) => Decision::end(End::Remembered, "refused_value"),
        None => Decision::end(End::Remembered, wait_word(picture, kept.identifier)),
    }
}

/// The part of an event that still counts, because nothing newer has replaced it.
#[derive(Default)]
struct Left<'k> {
    /// Whether there is any.
    anything: bool,
    /// Whether the settings map any of it.
    mapped: bool,
    /// Whether any of that is a value that Refersion refused.
    refused: bool,
    /// Whether any of that is a payout field that waits for an operator.
    held: bool,
    /// Whether any of that is only for suspended fields.
    suspended: bool,
    /// The other keys of that.
    open: Vec<&'k str>,
    /// Whether it stated traits, and none of them counts any more.
    is_overruled: bool,
}

impl<'k> Left<'k> {
    fn of(
        picture: &Picture<'_>,
        stated: &LastStated<'_>,
        kept: &'k TrackedEvent,
        person: Option<&Person<'_>>,
    ) -> Self {
        let own = picture.graph.identifiers.get(&kept.identifier);
        let said_of = |key| match person {
            Some(person) => person.traits.get(key).copied(),
            None => own.and_then(|profile| profile.traits.get(key)),
        };
        let mut left = Self { is_overruled: kept.says.iter().any(|key| key != "email"), ..Self::default() };
        for key in kept.says.iter().map(Text::as_str) {
            let (stands, refused) = match key {
                "email" => (email_stands(stated, kept, person), email_is_refused(picture, person)),
                _ => standing_statement(picture, kept, key, (said_of(key), person))
                    .map_or((false, false), |said| (true, person.is_some() && said.refused.is_some())),
            };
            if !stands {
                continue;
            }
            left.anything = true;
            left.is_overruled &= key == "email";
            if picture.rules.is_mapped(key) {
                left.mapped = true;
                let held = person.is_some_and(|person| is_held_back(picture, kept, key, person));
                left.refused |= refused;
                let suspended = picture.rules.fields_of(key).all(|field| picture.rules.is_suspended(field));
                left.held |= held;
                left.suspended |= suspended && !refused;
                left.open.extend((!refused && !held && !suspended).then_some(key));
            }
        }
        left
    }
}

/// The event's statement about a trait, if it counts: it is the newest, or the payee's newest.
fn standing_statement<'g>(
    picture: &Picture<'_>,
    kept: &TrackedEvent,
    key: &str,
    (said, person): (Option<&'g TraitValue>, Option<&Person<'g>>),
) -> Option<&'g TraitValue> {
    let is_payout = picture.rules.paypal_trait.as_deref() == Some(key);
    let own = person.filter(|_| is_payout).and_then(|person| person.payout);
    [said, own].into_iter().flatten().find(|said| said.is_of(kept.event, &kept.stamp))
}

/// Whether the event's statement about a trait is only for the payout field, and held back.
fn is_held_back(picture: &Picture<'_>, kept: &TrackedEvent, key: &str, person: &Person<'_>) -> bool {
    let only_payout = picture.rules.fields_of(key).all(|field| field == PAYPAL);
    let own = person.payout.is_some_and(|said| said.stamp == kept.stamp);
    let bound = picture.who.bound(picture.graph, person);
    let bound = bound.filter(|affiliate| affiliate.id.is_some() && !affiliate.gone);
    only_payout && !own && bound.is_some() && payout::is_held_back(person, picture.rules)
}

fn email_is_refused(picture: &Picture<'_>, person: Option<&Person<'_>>) -> bool {
    let address = person.and_then(|person| picture.graph.identifiers.get(&person.address));
    address.is_some_and(|address| address.refused.is_some())
}

fn email_stands(stated: &LastStated<'_>, kept: &TrackedEvent, person: Option<&Person<'_>>) -> bool {
    person.is_none_or(|person| kept.address == Some(person.address)) && !stated.is_said_again(kept)
}

fn with_person(picture: &Picture<'_>, kept: &TrackedEvent, person: &Person<'_>, open: &[&str]) -> Decision {
    let Some(affiliate) = picture.who.bound(picture.graph, person) else {
        return without_affiliate(picture, kept, person);
    };
    if affiliate.gone {
        return Decision::end(End::Remembered, "affiliate_gone");
    }
    let step = picture.steps.iter().find(|step| step.anchor == affiliate.address);
    match step.map(|step| &step.act) {
        Some(Act::Search { .. }) => Decision::Stay,
        Some(Act::Edit { email, fields, .. }) => {
            let waits = |key: &&str| match *key {
                "email" => email.is_some(),
                key => picture.rules.fields_of(key).any(|field| fields.contains_key(field)),
            };
            if open.iter().any(waits) { Decision::Stay } else { told(picture, kept, Some(person)) }
        }
        Some(Act::Status { status: Status::Active, .. }) => Decision::Stay,
        _ if !person.can_be_one && picture.tombstones.around(picture.graph, affiliate.address).is_some() => {
            Decision::end(End::Remembered, "deleted_and_incomplete")
        }
        _ => told(picture, kept, Some(person)),
    }
}

fn without_affiliate(picture: &Picture<'_>, kept: &TrackedEvent, person: &Person<'_>) -> Decision {
    if picture.steps.iter().any(|step| person.has(step.anchor)) {
        return Decision::Stay;
    }
    if kept.told_by.is_some() {
        return told(picture, kept, Some(person));
    }
    let address = picture.graph.identifiers.get(&person.address);
    let is_no_address =
        address.and_then(|it| it.refused.as_ref()).is_some_and(|it| it.starts_with(NOT_AN_ADDRESS));
    if is_no_address {
        return Decision::end(End::Remembered, NOT_AN_ADDRESS);
    }
    let hindered = person.can_be_one && !picture.hindrances(person).is_empty();
    Decision::end(End::Remembered, if hindered { "refused_value" } else { "incomplete" })
}

fn told(picture: &Picture<'_>, kept: &TrackedEvent, person: Option<&Person<'_>>) -> Decision {
    let affiliate = sent_to(picture, kept, person).map(ids);
    let (end, usual) = match kept.told_by {
        Some(SentBy::Create) => (End::Created, None),
        Some(SentBy::Edit) => (End::Updated, None),
        None => (End::Unchanged, Some(KNOWN.to_owned())),
    };
    let reason = person.and_then(|person| not_sent(picture, kept, person)).or(usual);
    Decision::End { end, reason, affiliate }
}

fn wait_word(picture: &Picture<'_>, identifier: Digest) -> &'static str {
    match picture.who.waits.get(&identifier) {
        Some(Wait::AddressHeldByAnother) => "address_held_by_another",
        Some(Wait::AnonymousOnly) => "anonymous_only",
        Some(Wait::ClaimerWaits) => "claimer_waits",
        Some(Wait::Shared) => SHARED,
        Some(Wait::NoAddress) | None => "no_address",
    }
}
