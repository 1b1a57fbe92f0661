//! Events that become dead letters: because Refersion refuses a value, or no longer has the affiliate.

use uuid::Uuid;

use super::attempts::concerned_by;
use super::{Cause, effect};
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::fold::EMAIL;
use crate::graph::{Affiliate, Blame, EventState, Graph, TrackedEvent};
use crate::plan::Picture;
use crate::stamp::Moment;
use crate::{Map, Text};

/// An event that becomes a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
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
struct Saying {
    profile: Digest,
    key: Text,
    field: Text,
    text: Option<Text>,
}

impl Refusal<'_> {
    /// Marks the refused values, so that they are suppressed, and makes the events that set them dead.
    pub(super) fn note(&self, graph: &mut Graph, rules: &Rules) -> Vec<Death> {
        effect::not_made(graph, self.anchor);
        let sayings = sayings(graph, rules, self.anchor);
        let mut deaths = Vec::new();
        for (field, cause) in self.causes {
            let said: Vec<&Saying> = sayings.iter().filter(|saying| saying.field == *field).collect();
            match self.email.filter(|_| field == "email") {
                Some(address) => deaths.extend(self.note_address(graph, address, cause)),
                None if said.is_empty() && self.was_somebodys(field) => {}
                None if said.is_empty() => self.note_nobodys(graph, rules, field),
                None => {
                    for saying in said.iter().filter(|saying| self.is_to_blame(saying)) {
                        deaths.extend(self.note_value(graph, saying, cause));
                    }
                }
            }
        }
        deaths
    }

    /// Whether the refused value was stated by a person that the affiliate no longer belongs to. Then it is not known yet whether
    /// the field can be emptied.
    fn was_somebodys(&self, field: &str) -> bool {
        self.texts.get(field).is_some_and(|text| !text.is_empty())
    }

    fn is_to_blame(&self, saying: &Saying) -> bool {
        self.texts.get(&saying.field).is_none_or(|sent| saying.text.as_ref() == Some(sent))
    }

    fn note_address(&self, graph: &mut Graph, address: Digest, cause: &Cause) -> Vec<Death> {
        if let Some(address) = graph.identifiers.get_mut(&address) {
            (address.refused, address.refused_at) = (Some(cause.message.clone()), Some(self.now));
        }
        // As for values, one dead letter stands for all events, as long as it is kept.
        if graph.events.iter().any(|kept| kept.has_died_of(address)) {
            return Vec::new();
        }
        let pending = graph.events.iter().filter(|kept| kept.state == EventState::Pending);
        let states: Vec<&TrackedEvent> =
            pending.filter(|kept| kept.address == Some(address) && kept.has_said("email")).collect();
        // A replayed event already has a dead letter.
        let blamed = states.iter().max_by_key(|kept| (kept.outcomes > 0, &kept.stamp)).map(|kept| kept.event);
        let repeats = states.len().saturating_sub(1);
        let deaths = die(graph, |kept| Some(kept.event) == blamed, cause, Some("email"), self.attempts);
        note_causes(graph, &deaths, &EMAIL);
        deaths.into_iter().map(|death| Death { repeats, ..death }).collect()
    }

    fn note_value(&self, graph: &mut Graph, saying: &Saying, cause: &Cause) -> Vec<Death> {
        let profile = graph.identifiers.get_mut(&saying.profile);
        let Some(said) = profile.and_then(|profile| profile.traits.get_mut(&saying.key)) else {
            return Vec::new();
        };
        said.refused = Some(cause.message.clone());
        let (stamp, before) = (said.stamp.clone(), said.blame.map(|blame| blame.event));
        let set_it =
            |kept: &TrackedEvent| kept.stamp == stamp && kept.identifier == saying.profile && !kept.delete;
        // The dead letter of the event that was blamed before stands for all that repeat it, as long as it is kept.
        let before = before.filter(|event| graph.event_place(*event).is_ok());
        let blamed = before.or_else(|| graph.events.iter().find(|kept| set_it(kept)).map(|kept| kept.event));
        let profile = graph.identifiers.get_mut(&saying.profile);
        if let Some(said) = profile.and_then(|profile| profile.traits.get_mut(&saying.key)) {
            said.blame = blamed.map(|event| Blame { event, at: self.now });
        }
        let deaths = die(graph, |kept| Some(kept.event) == blamed, cause, Some(&saying.field), self.attempts);
        note_causes(graph, &deaths, &saying.key);
        deaths
    }

    /// Handles a refused value that nobody states: a field was to be emptied. Another attempt would not help, so it is left as it is.
    fn note_nobodys(&self, graph: &mut Graph, rules: &Rules, field: &str) {
        let picture = Picture::of(graph, rules);
        // The same edit may have moved it from the anchor to its person's address.
        let moved_to = picture.who.person(self.anchor).map(|person| person.address);
        let is_meant =
            |affiliate: &&mut Affiliate| [Some(self.anchor), moved_to].contains(&Some(affiliate.address));
        for affiliate in graph.affiliates.iter_mut().filter(is_meant) {
            effect::leave_alone(affiliate, field);
        }
    }
}

/// Notes the trait whose value made events dead.
fn note_causes(graph: &mut Graph, deaths: &[Death], key: &Text) {
    for death in deaths {
        if let Some(kept) = graph.event_mut(death.event) {
            kept.died_of = Some(key.clone());
        }
    }
}

/// The traits of the anchor's person; the last writer wins.
fn sayings(graph: &Graph, rules: &Rules, anchor: Digest) -> Vec<Saying> {
    let picture = Picture::of(graph, rules);
    let Some(person) = picture.who.person(anchor) else { return Vec::new() };
    let mut sayings = Vec::new();
    let payee = Some(&person.payee).filter(|payee| !person.has(**payee));
    for profile in person.profiles.iter().chain(payee) {
        let Some(identifier) = graph.identifiers.get(profile) else { continue };
        for (key, said) in identifier.traits.iter() {
            let wins = |field: &&str| person.said(field, key) == Some(said);
            sayings.extend(rules.fields_of(key).filter(wins).map(|field| Saying {
                profile: *profile,
                key: key.clone(),
                text: rules.text_of(field, said).map(Text::from),
                field: field.into(),
            }));
        }
    }
    sayings
}

/// Makes the pending events that `which` selects dead.
pub(super) fn die(
    graph: &mut Graph,
    which: impl Fn(&TrackedEvent) -> bool,
    cause: &Cause,
    field: Option<&str>,
    attempts: u32,
) -> Vec<Death> {
    let mut deaths = Vec::new();
    let pending = graph.events.iter_mut().filter(|kept| kept.state == EventState::Pending && which(kept));
    for kept in pending {
        kept.state = EventState::Dead;
        kept.outcomes += 1;
        deaths.push(Death {
            event: kept.event,
            identifier: kept.identifier,
            number: kept.outcomes,
            cause: cause.clone(),
            field: field.map(ToOwned::to_owned),
            attempts,
            repeats: 0,
        });
    }
    deaths
}

pub(super) fn gone(graph: &mut Graph, id: u64, anchor: Digest, rules: &Rules, attempts: u32) -> Vec<Death> {
    let cause = Cause {
        class: "gone".to_owned(),
        message: "Refersion does not know the affiliate any more".to_owned(),
        http_status: None,
    };
    let concerned = concerned_by(graph, rules, anchor);
    let lost = graph.affiliates.iter_mut().filter(|affiliate| affiliate.id == Some(id));
    lost.for_each(|affiliate| affiliate.gone = true);
    die(graph, |kept| !kept.delete && concerned.contains(&kept.event), &cause, None, attempts)
}
