//! Events that become dead letters: because Refersion refuses a value, or no longer has the affiliate.

use uuid::Uuid;

use super::attempts::concerned_by;
use super::{Cause, effect};
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::fold::EMAIL;
use crate::graph::{Affiliate, Blame, EventState, Graph, TrackedEvent};
use crate::plan::Analysis;
use crate::stamp::Moment;
use crate::{Map, Text};

/// An event that becomes a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEvent {
    /// The event.
    pub event: Uuid,
    /// The identifier that its traits belong to.
    pub identifier: Digest,
    /// Number of its outcomes, including this one.
    pub number: u32,
    /// The cause.
    pub cause: Cause,
    /// The refused field.
    pub field: Option<String>,
    /// Number of attempts.
    pub attempts: u32,
    /// Number of other pending events with the same refused value; each counts as a repeat of this one.
    pub repeats: usize,
}

/// Values that Refersion does not accept.
pub(super) struct Refusal<'a> {
    pub(super) anchor: Digest,
    pub(super) causes: &'a Map<Text, Cause>,
    pub(super) email: Option<Digest>,
    pub(super) texts: &'a Map<Text, Text>,
    pub(super) attempts: u32,
    pub(super) now: Moment,
}

/// A trait of a person: the profile that has it, and the text that is sent for it.
struct SentTrait {
    profile: Digest,
    key: Text,
    field: Text,
    text: Option<Text>,
}

impl Refusal<'_> {
    /// Marks the refused values, so that they are suppressed, and makes the events that set them dead.
    pub(super) fn note(&self, graph: &mut Graph, rules: &Rules) -> Vec<DeadEvent> {
        effect::not_created(graph, self.anchor);
        let sent_traits = sent_traits(graph, rules, self.anchor);
        let mut dead = Vec::new();
        for (field, cause) in self.causes {
            let sent: Vec<&SentTrait> = sent_traits.iter().filter(|it| it.field == *field).collect();
            match self.email.filter(|_| field == "email") {
                Some(address) => dead.extend(self.note_address(graph, address, cause)),
                None if sent.is_empty() && self.was_stated(field) => {}
                None if sent.is_empty() => self.note_not_emptied(graph, rules, field),
                None => {
                    for it in sent.iter().filter(|it| self.is_to_blame(it)) {
                        dead.extend(self.note_value(graph, it, cause));
                    }
                }
            }
        }
        dead
    }

    /// Whether the refused value was stated by a person that the affiliate no longer belongs to. Then it is not known yet whether
    /// the field can be emptied.
    fn was_stated(&self, field: &str) -> bool {
        self.texts.get(field).is_some_and(|text| !text.is_empty())
    }

    fn is_to_blame(&self, sent: &SentTrait) -> bool {
        self.texts.get(&sent.field).is_none_or(|refused| sent.text.as_ref() == Some(refused))
    }

    fn note_address(&self, graph: &mut Graph, address: Digest, cause: &Cause) -> Vec<DeadEvent> {
        if let Some(address) = graph.identifiers.get_mut(&address) {
            (address.refused, address.refused_at) = (Some(cause.message.clone()), Some(self.now));
        }
        // As for values, one dead letter stands for all events, as long as it is kept.
        if graph.events.iter().any(|kept| kept.is_dead_by_address(address)) {
            return Vec::new();
        }
        let pending = graph.events.iter().filter(|kept| kept.state == EventState::Pending);
        let states: Vec<&TrackedEvent> =
            pending.filter(|kept| kept.address == Some(address) && kept.states("email")).collect();
        // A replayed event already has a dead letter.
        let blamed = states.iter().max_by_key(|kept| (kept.outcomes > 0, &kept.stamp)).map(|kept| kept.event);
        let repeats = states.len().saturating_sub(1);
        let dead = mark_dead(graph, |kept| Some(kept.event) == blamed, cause, Some("email"), self.attempts);
        note_causes(graph, &dead, &EMAIL);
        dead.into_iter().map(|dead_event| DeadEvent { repeats, ..dead_event }).collect()
    }

    fn note_value(&self, graph: &mut Graph, sent: &SentTrait, cause: &Cause) -> Vec<DeadEvent> {
        let profile = graph.identifiers.get_mut(&sent.profile);
        let Some(stated) = profile.and_then(|profile| profile.traits.get_mut(&sent.key)) else {
            return Vec::new();
        };
        stated.refused = Some(cause.message.clone());
        let (stamp, before) = (stated.stamp.clone(), stated.blame.map(|blame| blame.event));
        let set_it =
            |kept: &TrackedEvent| kept.stamp == stamp && kept.identifier == sent.profile && !kept.delete;
        // The dead letter of the event that was blamed before stands for all that repeat it, as long as it is kept.
        let before = before.filter(|event| graph.event_place(*event).is_ok());
        let blamed = before.or_else(|| graph.events.iter().find(|kept| set_it(kept)).map(|kept| kept.event));
        let profile = graph.identifiers.get_mut(&sent.profile);
        if let Some(stated) = profile.and_then(|profile| profile.traits.get_mut(&sent.key)) {
            stated.blame = blamed.map(|event| Blame { event, at: self.now });
        }
        let dead =
            mark_dead(graph, |kept| Some(kept.event) == blamed, cause, Some(&sent.field), self.attempts);
        note_causes(graph, &dead, &sent.key);
        dead
    }

    /// Handles a refused value that nobody states: a field was to be emptied. Another attempt would not help, so it is left as it is.
    fn note_not_emptied(&self, graph: &mut Graph, rules: &Rules, field: &str) {
        let analysis = Analysis::of(graph, rules);
        // The same edit may have moved it from the anchor to its person's address.
        let moved_to = analysis.resolution.person(self.anchor).map(|person| person.address);
        let is_meant =
            |affiliate: &&mut Affiliate| [Some(self.anchor), moved_to].contains(&Some(affiliate.address));
        for affiliate in graph.affiliates.iter_mut().filter(is_meant) {
            effect::leave_alone(affiliate, field);
        }
    }
}

/// Notes the trait whose value made events dead.
fn note_causes(graph: &mut Graph, dead: &[DeadEvent], key: &Text) {
    for dead_event in dead {
        if let Some(kept) = graph.event_mut(dead_event.event) {
            kept.refused_key = Some(key.clone());
        }
    }
}

/// The traits of the anchor's person; the last writer wins.
fn sent_traits(graph: &Graph, rules: &Rules, anchor: Digest) -> Vec<SentTrait> {
    let analysis = Analysis::of(graph, rules);
    let Some(person) = analysis.resolution.person(anchor) else { return Vec::new() };
    let mut sent_traits = Vec::new();
    let payee = Some(&person.payee).filter(|payee| !person.has(**payee));
    for profile in person.profiles.iter().chain(payee) {
        let Some(identifier) = graph.identifiers.get(profile) else { continue };
        for (key, stated) in identifier.traits.iter() {
            let wins = |field: &&str| person.value_for(field, key) == Some(stated);
            sent_traits.extend(rules.fields_of(key).filter(wins).map(|field| SentTrait {
                profile: *profile,
                key: key.clone(),
                text: rules.text_of(field, stated).map(Text::from),
                field: field.into(),
            }));
        }
    }
    sent_traits
}

/// Makes the pending events that `which` selects dead.
pub(super) fn mark_dead(
    graph: &mut Graph,
    which: impl Fn(&TrackedEvent) -> bool,
    cause: &Cause,
    field: Option<&str>,
    attempts: u32,
) -> Vec<DeadEvent> {
    let mut dead = Vec::new();
    let pending = graph.events.iter_mut().filter(|kept| kept.state == EventState::Pending && which(kept));
    for kept in pending {
        kept.state = EventState::Dead;
        kept.outcomes += 1;
        dead.push(DeadEvent {
            event: kept.event,
            identifier: kept.identifier,
            number: kept.outcomes,
            cause: cause.clone(),
            field: field.map(ToOwned::to_owned),
            attempts,
            repeats: 0,
        });
    }
    dead
}

pub(super) fn gone(
    graph: &mut Graph,
    id: u64,
    anchor: Digest,
    rules: &Rules,
    attempts: u32,
) -> Vec<DeadEvent> {
    let cause = Cause {
        class: "gone".to_owned(),
        message: "Refersion does not know the affiliate any more".to_owned(),
        http_status: None,
    };
    let concerned = concerned_by(graph, rules, anchor);
    let lost = graph.affiliates.iter_mut().filter(|affiliate| affiliate.id == Some(id));
    lost.for_each(|affiliate| affiliate.gone = true);
    mark_dead(graph, |kept| !kept.delete && concerned.contains(&kept.event), &cause, None, attempts)
}
