//! The parts of an event that cannot be sent to Refersion, in words for the operator.

use std::collections::BTreeSet;

use super::event_outcome::{FIELD_SUSPENDED, KNOWN};
use crate::Text;
use crate::difference::{not_scrubbed, stuck};
use crate::eligibility::{NOT_AN_ADDRESS, PAYPAL};
use crate::graph::TrackedEvent;
use crate::plan::Analysis;
use crate::resolution::Person;

/// The delete was carried out, but these fields of the affiliate keep their values.
const NOT_SCRUBBED: &str = "not_scrubbed";
/// All of it that still counts clears a field that Refersion does not empty.
const CANNOT_BE_CLEARED: &str = "cannot_be_cleared";

/// Whether the reason says that Refersion has all of an event that it can have.
pub(super) fn is_known(reason: &str) -> bool {
    reason == KNOWN || [CANNOT_BE_CLEARED, NOT_AN_ADDRESS].iter().any(|word| reason.starts_with(word))
}

/// The fields of deleted persons' affiliates that no scrub could overwrite, for the operator.
pub(super) fn not_all_scrubbed(analysis: &Analysis<'_>) -> Option<String> {
    let disabled = analysis.graph.affiliates.iter().filter(|it| it.disabled_by_us && !it.gone);
    let fields: BTreeSet<Text> = disabled.flat_map(not_scrubbed).collect();
    let fields: Vec<&str> = fields.iter().map(Text::as_str).collect();
    (!fields.is_empty()).then(|| format!("{NOT_SCRUBBED}: {}", fields.join(", ")))
}

/// The parts of an event that were not sent: Refersion is certain to refuse them, or their field is suspended.
pub(super) fn not_sent(analysis: &Analysis<'_>, kept: &TrackedEvent, person: &Person<'_>) -> Option<String> {
    let payout = no_payout_address(analysis, kept, person).map(|field| format!("{NOT_AN_ADDRESS}: {field}"));
    let others = [suspended(analysis, kept, person), cannot_be_cleared(analysis, kept, person)];
    let reasons: Vec<String> = payout.into_iter().chain(others.into_iter().flatten()).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// The payout field, if the event states a text for it that is no address.
fn no_payout_address(
    analysis: &Analysis<'_>,
    kept: &TrackedEvent,
    person: &Person<'_>,
) -> Option<&'static str> {
    let stated = person.payout.filter(|stated| stated.stamp == kept.stamp)?;
    let is_stated = stated.value.as_ref().is_some_and(|value| !value.is_empty());
    (is_stated && analysis.rules.text_of(PAYPAL, stated).is_none()).then_some(PAYPAL)
}

/// The suspended fields for which the event states a value that still counts.
fn suspended(analysis: &Analysis<'_>, kept: &TrackedEvent, person: &Person<'_>) -> Option<String> {
    // Hardly any connection has a suspended field, and this is checked for each event.
    if analysis.rules.suspended.is_empty() {
        return None;
    }
    let of_key = |key| analysis.rules.fields_of(key).map(move |field| (field, key));
    let counts = |(field, key): &(&str, &str)| {
        analysis.rules.is_suspended(field) && is_stated(kept, person, field, key)
    };
    let stated = kept.keys.iter().map(Text::as_str).flat_map(of_key).filter(counts);
    let fields: Vec<&str> = stated.map(|(field, _)| field).collect();
    (!fields.is_empty()).then(|| format!("{FIELD_SUSPENDED}: {}", fields.join(", ")))
}

/// Whether the event's value of a trait for a field still counts.
fn is_stated(kept: &TrackedEvent, person: &Person<'_>, field: &str, key: &str) -> bool {
    person.value_for(field, key).is_some_and(|stated| stated.stamp == kept.stamp)
}

/// The fields that the event clears in vain: Refersion has a value and accepts no empty text.
fn cannot_be_cleared(analysis: &Analysis<'_>, kept: &TrackedEvent, person: &Person<'_>) -> Option<String> {
    let bound = analysis.resolution.bound(analysis.graph, person)?;
    let stated_by_it = |field: &str| {
        let mut keys =
            kept.keys.iter().filter(|key| analysis.rules.fields_of(key).any(|other| other == field));
        keys.any(|key| is_stated(kept, person, field, key))
    };
    let fields = stuck(person, analysis.rules, bound);
    let fields: Vec<&str> = fields.iter().map(Text::as_str).filter(|field| stated_by_it(field)).collect();
    (!fields.is_empty()).then(|| format!("{CANNOT_BE_CLEARED}: {}", fields.join(", ")))
}
