//! Finds the events of which a call sent a part.

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, SentBy, TrackedEvent};
use crate::resolution::{Person, Resolution};
use crate::tombstones::Tombstones;
use crate::{Map, Text};

pub(super) fn by_create(graph: &mut Graph, rules: &Rules, anchor: Digest, fields: &Map<Text, Text>) {
    mark(graph, rules, anchor, &Sent { rules, email: Some(anchor), fields }, SentBy::Create);
}

pub(super) fn by_edit(
    graph: &mut Graph,
    rules: &Rules,
    anchor: Digest,
    fields: &Map<Text, Text>,
    email: Option<Digest>,
) {
    mark(graph, rules, anchor, &Sent { rules, email, fields }, SentBy::Edit);
}

/// The texts that a call sent.
struct Sent<'a> {
    rules: &'a Rules,
    email: Option<Digest>,
    fields: &'a Map<Text, Text>,
}

impl Sent<'_> {
    /// Whether the call sent a trait of the event that still counts. While it was under way, this person, or another that has the
    /// address now, may have stated something newer, which the call did not send; so texts are compared.
    fn delivers(&self, kept: &TrackedEvent, key: &str, person: &Person<'_>) -> bool {
        if key == "email" {
            return self.email.is_some() && kept.address == self.email;
        }
        self.rules.fields_of(key).any(|field| {
            let winner =
                person.value_for(field, key).filter(|stated| stated.is_stated_by(kept.event, &kept.stamp));
            let text = winner.and_then(|stated| self.rules.text_of(field, stated));
            text.is_some() && self.fields.get(field).map(Text::as_str) == text
        })
    }
}

fn mark(graph: &mut Graph, rules: &Rules, anchor: Digest, sent: &Sent<'_>, by: SentBy) {
    let resolution = Resolution::of(graph, &Tombstones::of(graph), rules);
    let Some(person) = resolution.person(anchor) else { return };
    let delivered: Vec<bool> = graph.events.iter().map(|kept| is_delivered(kept, person, sent)).collect();
    for (kept, delivered) in graph.events.iter_mut().zip(delivered) {
        if delivered {
            kept.sent_by = kept.sent_by.max(Some(by));
        }
    }
}

fn is_delivered(kept: &TrackedEvent, person: &Person<'_>, sent: &Sent<'_>) -> bool {
    let mine = !kept.delete && (person.has(kept.identifier) || kept.identifier == person.payee);
    mine && kept.keys.iter().any(|key| sent.delivers(kept, key, person))
}
