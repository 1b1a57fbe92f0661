//! Decides the outcome of one event from the analysis of its graph.

use std::collections::BTreeSet;

use super::End;
use super::last_stated::LastStated;
use super::not_sent::{is_known, not_all_scrubbed, not_sent};
use super::sent_to::sent_to;
use crate::Text;
use crate::digest::Digest;
use crate::eligibility::{CUSTOM, NOT_AN_ADDRESS, PAYPAL};
use crate::graph::{Affiliate, EventState, SentBy, Status, TrackedEvent, TraitValue};
use crate::payout;
use crate::plan::{Act, Analysis, Step};
use crate::resolution::{Person, Wait};
use crate::shared::SHARED;

/// The decision about an event.
pub(super) enum Decision {
    /// It stays as it is.
    Stay,
    /// It is dead, and newer statements replace all of it. The graph keeps it as long as the ledger has its payload, so that a
    /// delete finds the payload.
    Replaced,
    /// Its last outcome is final: the graph drops it.
    Forget,
    /// It gets an outcome.
    End { end: End, reason: Option<String>, affiliate: Option<(Option<u64>, Option<String>)> },
}

/// The reason for `superseded` if a delete covers the event.
const DELETED: &str = "deleted";
const NEWER_STATED: &str = "newer_said";
/// The reason for `deleted` if no stored data has the identifiers of the delete: the identifies may have used other ones.
pub const MATCHED_NOBODY: &str = "matched_nobody";
/// The reason for `unchanged` if Refersion already has all values of the event.
pub(super) const KNOWN: &str = "known";
/// The reason for `remembered` if all remaining values of the event are for suspended fields.
pub(super) const FIELD_SUSPENDED: &str = "field_suspended";
/// The reason for `remembered` if the only remaining value is a payout field that an operator has to confirm.
const PAYOUT_HELD: &str = "payout_held";

impl Decision {
    fn end(end: End, reason: &str) -> Self {
        Self::End { end, reason: Some(reason.to_owned()), affiliate: None }
    }
}

/// Decides what happens to an event. An outcome changes in two cases only: `remembered` or `dead` events are delivered after all.
pub(super) fn decide(analysis: &Analysis<'_>, last: &LastStated<'_>, kept: &TrackedEvent) -> Decision {
    let decision = if kept.delete { of_delete(analysis, kept) } else { of_identify(analysis, last, kept) };
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

/// Whether the value that made an event dead is still stated for its person. Other values of the event may be delivered without it.
pub(super) fn cause_stands(analysis: &Analysis<'_>, kept: &TrackedEvent) -> bool {
    let Some(key) = kept.refused_key.as_deref() else { return true };
    let Some(person) = analysis.resolution.person(kept.identifier) else { return false };
    if key == "email" {
        return kept.address == Some(person.address);
    }
    standing_statement(analysis, kept, key, (person.traits.get(key).copied(), Some(person))).is_some()
}

fn of_delete(analysis: &Analysis<'_>, kept: &TrackedEvent) -> Decision {
    if analysis.steps.iter().any(Step::serves_a_delete) {
        return Decision::Stay;
    }
    let claims = analysis.graph.claims.iter().filter(|claim| claim.user == kept.identifier);
    let near: BTreeSet<Digest> =
        claims.map(|claim| claim.address).chain([kept.identifier]).chain(kept.address).collect();
    let disabled =
        analysis.graph.affiliates.iter().find(|it| it.disabled_by_us && near.contains(&it.address));
    let no_affiliate = if kept.unmatched { MATCHED_NOBODY } else { "nothing_to_disable" };
    let reason = match disabled {
        Some(_) => not_all_scrubbed(analysis),
        None => Some(no_affiliate.to_owned()),
    };
    Decision::End { end: End::Deleted, reason, affiliate: disabled.map(ids) }
}

fn ids(affiliate: &Affiliate) -> (Option<u64>, Option<String>) {
    (affiliate.id, affiliate.code.clone())
}

fn of_identify(analysis: &Analysis<'_>, last: &LastStated<'_>, kept: &TrackedEvent) -> Decision {
    if analysis.tombstones.covers(kept.identifier, kept.stamp.time) {
        return Decision::end(End::Superseded, DELETED);
    }
    if analysis.resolution.waits.get(&kept.identifier) == Some(&Wait::Shared) && kept.sent_by.is_none() {
        return match kept.state {
            EventState::Remembered => Decision::Forget,
            _ => Decision::end(End::Remembered, wait_word(analysis, kept.identifier)),
        };
    }
    let person = analysis.resolution.person(kept.identifier);
    let remaining = Remaining::of(analysis, last, kept, person);
    // A refused or suspended value may be the one that made the event dead, so its dead letter stays open.
    if kept.state == EventState::Dead && (remaining.refused || remaining.suspended) {
        return Decision::Stay;
    }
    match person {
        Some(person) if !remaining.open.is_empty() => {
            let decision = with_person(analysis, kept, person, &remaining.open);
            // The person had this address already, so the event changed nothing but traits that newer statements replaced.
            let is_known = matches!(&decision, Decision::End { end: End::Unchanged, .. });
            if is_known && remaining.is_overruled {
                Decision::end(End::Superseded, NEWER_STATED)
            } else {
                decision
            }
        }
        // A part of it was sent, even if its person has changed since.
        _ if kept.sent_by.is_some() => delivered_outcome(analysis, kept, person),
        _ if !remaining.any && !kept.keys.is_empty() => Decision::end(End::Superseded, NEWER_STATED),
        _ if !remaining.mapped => {
            let has_custom = kept.keys.iter().any(|key| key.starts_with(CUSTOM));
            Decision::end(End::Unchanged, if has_custom { "not_mapped" } else { "nothing_said" })
        }
        Some(_) if remaining.held => Decision::end(End::Remembered, PAYOUT_HELD),
        Some(_) if remaining.suspended => Decision::end(End::Remembered, FIELD_SUSPENDED),
        // A refused value is suppressed; the event that stated it first is dead, and this one repeats it.
        Some(_) => Decision::end(End::Remembered, "refused_value"),
        None => Decision::end(End::Remembered, wait_word(analysis, kept.identifier)),
    }
}

/// The part of an event that still counts, because nothing newer has replaced it.
#[derive(Default)]
struct Remaining<'k> {
    /// Whether any trait of the event still counts.
    any: bool,
    /// Whether the settings map such a trait.
    mapped: bool,
    /// Whether Refersion refused the value of a mapped one.
    refused: bool,
    /// Whether a mapped one is a payout field that an operator has to confirm.
    held: bool,
    /// Whether a mapped one is only for suspended fields.
    suspended: bool,
    /// The keys of the mapped ones that are none of these: their values are to be sent, or have been.
    open: Vec<&'k str>,
    /// Whether the event stated traits besides the address, and newer statements have replaced all of them.
    is_overruled: bool,
}

impl<'k> Remaining<'k> {
    fn of(
        analysis: &Analysis<'_>,
        last: &LastStated<'_>,
        kept: &'k TrackedEvent,
        person: Option<&Person<'_>>,
    ) -> Self {
        let own = analysis.graph.identifiers.get(&kept.identifier);
        let value_of = |key| match person {
            Some(person) => person.traits.get(key).copied(),
            None => own.and_then(|profile| profile.traits.get(key)),
        };
        let mut remaining =
            Self { is_overruled: kept.keys.iter().any(|key| key != "email"), ..Self::default() };
        for key in kept.keys.iter().map(Text::as_str) {
            let (stands, refused) = match key {
                "email" => (email_stands(last, kept, person), email_is_refused(analysis, person)),
                _ => standing_statement(analysis, kept, key, (value_of(key), person))
                    .map_or((false, false), |stated| (true, person.is_some() && stated.refused.is_some())),
            };
            if !stands {
                continue;
            }
            remaining.any = true;
            remaining.is_overruled &= key == "email";
            if analysis.rules.is_mapped(key) {
                remaining.mapped = true;
                let held = person.is_some_and(|person| is_held_back(analysis, kept, key, person));
                remaining.refused |= refused;
                let suspended = analysis.rules.fields_of(key).all(|field| analysis.rules.is_suspended(field));
                remaining.held |= held;
                remaining.suspended |= suspended && !refused;
                remaining.open.extend((!refused && !held && !suspended).then_some(key));
            }
        }
        remaining
    }
}

/// The event's statement about a trait, if it counts: it is the newest, or the payee's newest.
fn standing_statement<'g>(
    analysis: &Analysis<'_>,
    kept: &TrackedEvent,
    key: &str,
    (stated, person): (Option<&'g TraitValue>, Option<&Person<'g>>),
) -> Option<&'g TraitValue> {
    let is_payout = analysis.rules.paypal_trait.as_deref() == Some(key);
    let own = person.filter(|_| is_payout).and_then(|person| person.payout);
    [stated, own].into_iter().flatten().find(|stated| stated.is_stated_by(kept.event, &kept.stamp))
}

/// Whether the event's statement about a trait is only for the payout field, and held back.
fn is_held_back(analysis: &Analysis<'_>, kept: &TrackedEvent, key: &str, person: &Person<'_>) -> bool {
    let only_payout = analysis.rules.fields_of(key).all(|field| field == PAYPAL);
    let own = person.payout.is_some_and(|stated| stated.stamp == kept.stamp);
    let bound = analysis.resolution.bound(analysis.graph, person);
    let bound = bound.filter(|affiliate| affiliate.id.is_some() && !affiliate.gone);
    only_payout && !own && bound.is_some() && payout::is_held_back(person, analysis.rules)
}

fn email_is_refused(analysis: &Analysis<'_>, person: Option<&Person<'_>>) -> bool {
    let address = person.and_then(|person| analysis.graph.identifiers.get(&person.address));
    address.is_some_and(|address| address.refused.is_some())
}

fn email_stands(last: &LastStated<'_>, kept: &TrackedEvent, person: Option<&Person<'_>>) -> bool {
    person.is_none_or(|person| kept.address == Some(person.address)) && !last.is_stated_again(kept)
}

fn with_person(analysis: &Analysis<'_>, kept: &TrackedEvent, person: &Person<'_>, open: &[&str]) -> Decision {
    let Some(affiliate) = analysis.resolution.bound(analysis.graph, person) else {
        return without_affiliate(analysis, kept, person);
    };
    if affiliate.gone {
        return Decision::end(End::Remembered, "affiliate_gone");
    }
    let step = analysis.steps.iter().find(|step| step.anchor == affiliate.address);
    match step.map(|step| &step.act) {
        Some(Act::Search { .. }) => Decision::Stay,
        Some(Act::Edit { email, fields, .. }) => {
            let waits = |key: &&str| match *key {
                "email" => email.is_some(),
                key => analysis.rules.fields_of(key).any(|field| fields.contains_key(field)),
            };
            if open.iter().any(waits) {
                Decision::Stay
            } else {
                delivered_outcome(analysis, kept, Some(person))
            }
        }
        Some(Act::Status { status: Status::Active, .. }) => Decision::Stay,
        _ if !person.is_eligible
            && analysis.tombstones.around(analysis.graph, affiliate.address).is_some() =>
        {
            Decision::end(End::Remembered, "deleted_and_incomplete")
        }
        _ => delivered_outcome(analysis, kept, Some(person)),
    }
}

fn without_affiliate(analysis: &Analysis<'_>, kept: &TrackedEvent, person: &Person<'_>) -> Decision {
    if analysis.steps.iter().any(|step| person.has(step.anchor)) {
        return Decision::Stay;
    }
    if kept.sent_by.is_some() {
        return delivered_outcome(analysis, kept, Some(person));
    }
    let address = analysis.graph.identifiers.get(&person.address);
    let is_no_address =
        address.and_then(|it| it.refused.as_ref()).is_some_and(|it| it.starts_with(NOT_AN_ADDRESS));
    if is_no_address {
        return Decision::end(End::Remembered, NOT_AN_ADDRESS);
    }
    let blocked = person.is_eligible && !analysis.blockers(person).is_empty();
    Decision::end(End::Remembered, if blocked { "refused_value" } else { "incomplete" })
}

fn delivered_outcome(analysis: &Analysis<'_>, kept: &TrackedEvent, person: Option<&Person<'_>>) -> Decision {
    let affiliate = sent_to(analysis, kept, person).map(ids);
    let (end, usual) = match kept.sent_by {
        Some(SentBy::Create) => (End::Created, None),
        Some(SentBy::Edit) => (End::Updated, None),
        None => (End::Unchanged, Some(KNOWN.to_owned())),
    };
    let reason = person.and_then(|person| not_sent(analysis, kept, person)).or(usual);
    Decision::End { end, reason, affiliate }
}

fn wait_word(analysis: &Analysis<'_>, identifier: Digest) -> &'static str {
    match analysis.resolution.waits.get(&identifier) {
        Some(Wait::AddressHeldByAnother) => "address_held_by_another",
        Some(Wait::AnonymousOnly) => "anonymous_only",
        Some(Wait::ClaimerWaits) => "claimer_waits",
        Some(Wait::Shared) => SHARED,
        Some(Wait::NoAddress) | None => "no_address",
    }
}
