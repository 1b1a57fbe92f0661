//! What Refersion does not know yet of a person.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Affiliate, Graph};
use crate::needs::Rules;
use crate::who::{Person, merged};

/// What a person's affiliate should hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Text by field; empty text = empty field.
    pub fields: BTreeMap<String, String>,
    /// Fields whose value Refersion refused: neither told nor emptied.
    pub left_out: BTreeSet<String>,
}

/// Works out what a person's affiliate should hold, its email apart.
#[must_use]
pub fn desired(graph: &Graph, person: &Person, rules: &Rules) -> Desired {
    let mut desired = Desired::default();
    for (key, said) in merged(graph, &person.profiles) {
        for field in rules.fields_of(key) {
            if said.refused.is_some() {
                desired.left_out.insert(field);
            } else if let Some(text) = rules.text_of(&field, said) {
                desired.fields.insert(field, text);
            }
        }
    }
    desired
}

/// The fields of an affiliate that differ from what is desired. What is not known differs from everything.
#[must_use]
pub fn difference(desired: &Desired, affiliate: &Affiliate, rules: &Rules) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = desired
        .fields
        .iter()
        .filter(|(field, text)| !is_told(affiliate, field, text))
        .map(|(field, text)| (field.clone(), text.clone()))
        .collect();
    let no_longer = affiliate.told.iter().filter(|(field, told)| {
        let known_to_be_empty = told.as_deref() == Some("");
        let wanted = desired.fields.contains_key(*field) || desired.left_out.contains(*field);
        !wanted && !known_to_be_empty && can_be_emptied(field, rules)
    });
    fields.extend(no_longer.map(|(field, _)| (field.clone(), String::new())));
    fields
}

fn is_told(affiliate: &Affiliate, field: &str, text: &str) -> bool {
    match affiliate.told.get(field).or_else(|| affiliate.shown.get(field)) {
        Some(told) => told.as_deref() == Some(text),
        // What we never told an affiliate of our own is empty; of one that was there before us it is not known.
        None => text.is_empty() && !affiliate.found,
    }
}

/// Names are required, and a custom field that nothing maps any more is not ours to empty.
fn can_be_emptied(field: &str, rules: &Rules) -> bool {
    match field.strip_prefix("custom:") {
        Some(id) => rules.custom_fields.values().any(|mapped| mapped.to_string() == id),
        None => !matches!(field, "first_name" | "last_name"),
    }
}
