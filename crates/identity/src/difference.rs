//! The difference between a person and their affiliate in Refersion.

use crate::eligibility::{NEVER_EMPTY, PAYPAL, Rules};
use crate::graph::Affiliate;
use crate::resolution::Person;
use crate::{Map, Text};

/// The wanted fields of a person's affiliate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired<'g> {
    /// Text by field; an empty text is an empty field.
    pub fields: Map<&'g str, &'g str>,
    /// Fields whose value Refersion refused, and suspended ones: neither sent nor emptied.
    pub left_out: Vec<&'g str>,
}

/// Computes the wanted fields of a person's affiliate, without the email.
#[must_use]
pub fn desired<'g>(person: &Person<'g>, rules: &'g Rules) -> Desired<'g> {
    let (mut fields, mut left_out) = (Vec::new(), Vec::new());
    let payout_key = rules.paypal_trait.as_deref().filter(|_| person.payout.is_some());
    let keys = person.traits.keys().copied();
    for key in keys.chain(payout_key.filter(|key| !person.traits.contains_key(*key))) {
        for field in rules.fields_of(key) {
            let Some(stated) = person.value_for(field, key) else { continue };
            if stated.refused.is_some() || rules.is_suspended(field) {
                left_out.push(field);
            } else if let Some(text) = rules.text_of(field, stated) {
                fields.push((field, text));
            }
        }
    }
    Desired { fields: fields.into_iter().collect(), left_out }
}

/// The fields of an affiliate that differ from the wanted ones. Unknown fields differ from every value.
#[must_use]
pub fn difference(desired: &Desired<'_>, affiliate: &Affiliate, rules: &Rules) -> Map<Text, Text> {
    let mut fields: Map<Text, Text> = desired
        .fields
        .iter()
        .filter(|(field, text)| !is_delivered(affiliate, field, text))
        .map(|(field, text)| (Text::from(*field), Text::from(*text)))
        .collect();
    let no_longer = affiliate.delivered.iter().filter(|(field, delivered)| {
        let known_to_be_empty = delivered.as_deref() == Some("");
        let wanted =
            desired.fields.contains_key(field.as_str()) || desired.left_out.contains(&field.as_str());
        !wanted && !known_to_be_empty && can_be_emptied(field, rules)
    });
    fields.extend(no_longer.map(|(field, _)| (field.clone(), Text::default())));
    fields
}

fn is_delivered(affiliate: &Affiliate, field: &str, text: &str) -> bool {
    match affiliate.delivered.get(field).or_else(|| affiliate.shown.get(field)) {
        Some(delivered) => delivered.as_deref() == Some(text),
        // A field that was never sent is empty in an affiliate of our own, and unknown in one that existed before.
        None => text.is_empty() && !affiliate.found,
    }
}

/// The fields that keep a value that nobody states any more, because Refersion accepts no empty text for them.
#[must_use]
pub fn stuck(person: &Person<'_>, rules: &Rules, affiliate: &Affiliate) -> Vec<Text> {
    let keeps = |field: &str| {
        affiliate.delivered.get(field).is_some_and(|delivered| delivered.as_deref() != Some(""))
    };
    let is_stuck = |field: &&str| keeps(field) && !is_wanted(person, rules, field);
    NEVER_EMPTY.into_iter().filter(is_stuck).map(Text::from).collect()
}

/// Whether [`desired`] has this field of `NEVER_EMPTY` for a person, as a value or as one that is left out.
fn is_wanted(person: &Person<'_>, rules: &Rules, field: &str) -> bool {
    let key = if field == PAYPAL { rules.paypal_trait.as_deref() } else { Some(field) };
    let stated = key.and_then(|key| person.value_for(field, key));
    stated.is_some_and(|stated| {
        stated.refused.is_some() || rules.is_suspended(field) || rules.text_of(field, stated).is_some()
    })
}

/// The fields of a scrubbed affiliate that the scrub could not overwrite.
#[must_use]
pub fn not_scrubbed(affiliate: &Affiliate) -> Vec<Text> {
    if !affiliate.scrubbed {
        return Vec::new();
    }
    let email = (!affiliate.address_unknown).then(|| Text::new_static("email"));
    let unknown = affiliate.delivered.iter().filter(|(_, delivered)| delivered.is_none());
    let mut fields: Vec<Text> = email.into_iter().chain(unknown.map(|(field, _)| field.clone())).collect();
    fields.sort_unstable();
    fields
}

/// Whether a field can be emptied. Names are required, some fields accept no empty text, and a custom field that nothing maps any
/// more is left alone.
fn can_be_emptied(field: &Text, rules: &Rules) -> bool {
    match field.starts_with("custom:") {
        true => !rules.is_suspended(field) && rules.custom_fields.values().any(|mapped| mapped == field),
        false => {
            let field = field.as_str();
            !matches!(field, "first_name" | "last_name") && !NEVER_EMPTY.contains(&field)
        }
    }
}
