//! Finds the events of which a call sent a part.

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, SentBy, TrackedEvent};
use crate::resolution::{Person, Who};
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
    /// Whether the call sent a trait of the event that still counts. While it was under way, this person, or another who has the
    /// address now, may have stated something newer, which the call did not send; so texts are compared.
    fn tells(&self, kept: &TrackedEvent, key: &str, person: &Person<'_>) -> bool {
        if key == "email" {
            return self.email.is_some() && kept.address == self.email;
        }
        self.rules.fields_of(key).any(|field| {
            let winner = person.said(field, key).filter(|said| said.is_of(kept.event, &kept.stamp));
            let text = winner.and_then(|said| self.rules.text_of(field, said));
            text.is_some() && self.fields.get(field).map(Text::as_str) == text
        })
    }
}

fn mark(graph: &mut Graph, rules: &Rules, anchor: Digest, sent: &Sent<'_>, by: SentBy) {
    let who = Who::of(graph, &Tombstones::of(graph), rules);
    let Some(person) = who.person(anchor) else { return };
    let told: Vec<bool> = graph.events.iter().map(|kept| is_told(kept, person, sent)).collect();
    for (kept, told) in graph.events.iter_mut().zip(told) {
        if told {
            kept.told_by = kept.told_by.max(Some(by));
        }
    }
}

fn is_told(kept: &TrackedEvent, person: &Person<'_>, sent: &Sent<'_>) -> bool {
    let mine = !kept.delete && (person.has(kept.identifier) || kept.identifier == person.payee);
    mine && kept.says.iter().any(|key| sent.tells(kept, key, person))
}
