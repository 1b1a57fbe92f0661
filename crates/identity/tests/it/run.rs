//! A run of a history against the tiny Refersion, until nothing is left to do, with every promise checked at every step.

use std::collections::BTreeMap;

use identity::Graph;
use identity::answer::{DeadEvent, RetryDecision, apply, fail, sent};
use identity::eligibility::Rules;
use identity::graph::{EventState, Kind, Status};
use identity::payout::{Confirmed, confirm};
use identity::plan::{Analysis, Step};
use identity::settle::{End, Ended, Settled, settle};
use identity::stamp::Moment;
use identity::tombstones::Tombstones;
use reference::{Payee, compare};
use uuid::Uuid;

use crate::dice::PropertyResult;
use crate::events::{END, Event, expected, moment, payee_of, rules, text_of};
use crate::tiny::{Ending, Held, Luck, Tiny, cause, is_refused};
use crate::town::{Town, fold};

/// Rounds of calls after which every history is idle, with a wide margin.
const ROUNDS: usize = 50;

/// A call under way.
struct Flight {
    step: Step,
    /// What it comes back with, if it has had its effect.
    ending: Option<Ending>,
}

pub(crate) struct Run {
    pub(crate) town: Town,
    pub(crate) tiny: Tiny,
    /// Every call that went out.
    pub(crate) calls: Vec<Step>,
    /// Events that waited when another one died of what they state.
    pub(crate) repeats: usize,
    flights: Vec<Flight>,
    absorbed: Vec<Event>,
    outcomes: BTreeMap<Uuid, Vec<String>>,
    /// Events whose payload the ledger still has.
    payloads: BTreeMap<Uuid, Event>,
    pub(crate) now: Moment,
}

impl Run {
    pub(crate) fn new(rules: Rules) -> Self {
        let tiny = Tiny { active: rules.active, ..Tiny::default() };
        Self {
            town: Town::new(rules, fold),
            tiny,
            calls: Vec::new(),
            repeats: 0,
            flights: Vec::new(),
            absorbed: Vec::new(),
            outcomes: BTreeMap::new(),
            payloads: BTreeMap::new(),
            now: moment(END + 1),
        }
    }

    pub(crate) fn absorb(&mut self, event: &Event) -> PropertyResult {
        self.absorbed.push(event.clone());
        self.outcomes.insert(event.id(), Vec::new());
        self.payloads.insert(event.id(), event.clone());
        let settled = self.town.absorb(event);
        self.note(&settled, &[])
    }

    /// Absorbs all events and makes all calls.
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut run = Self::new(rules());
        run.continue_with(events);
        run
    }

    /// Absorbs more events and makes all calls.
    pub(crate) fn continue_with(&mut self, events: &[Event]) {
        let absorbed = events.iter().try_for_each(|event| self.absorb(event));
        absorbed.and_then(|()| self.run_until_idle()).expect("every promise holds");
    }

    /// The affiliates, but for the disabled ones: address, and the fields that were sent.
    pub(crate) fn affiliates<'a>(&'a self) -> BTreeMap<&'a str, BTreeMap<&'a str, &'a str>> {
        let up = self.tiny.affiliates.values().filter(|held| held.status != Status::Disabled);
        let fields = |held: &'a Held| -> BTreeMap<&'a str, &'a str> {
            let filled = held.fields.iter().filter(|(_, text)| !text.is_empty());
            filled.map(|(field, text)| (field.as_str(), text.as_str())).collect()
        };
        up.map(|held| (held.email.as_str(), fields(held))).collect()
    }

    /// The outcomes that an event has had.
    pub(crate) fn outcomes(&self, event: &Event) -> Vec<&str> {
        self.outcomes[&event.id()].iter().map(String::as_str).collect()
    }

    fn note(&mut self, settled: &Settled, deaths: &[DeadEvent]) -> PropertyResult {
        for death in deaths {
            self.repeats += death.repeats;
            self.end(death.event, death.number, format!("dead {}", death.cause.class))?;
        }
        for ended in &settled.ended {
            let word = format!("{:?}", ended.end).to_lowercase();
            let reason = ended.reason.iter().map(|reason| format!(" {reason}"));
            names_its_affiliate(ended)?;
            self.end(ended.event, ended.number, word + &reason.collect::<String>())?;
            if ended.end != End::Remembered || !self.outcomes[&ended.event].is_empty() {
                self.payloads.remove(&ended.event);
            }
        }
        settled.erased.iter().for_each(|event| drop(self.payloads.remove(event)));
        self.nothing_deleted_is_left()
    }

    fn end(&mut self, event: Uuid, number: u32, word: String) -> PropertyResult {
        let outcomes = self.outcomes.get_mut(&event).ok_or("an event ended that never came")?;
        let open =
            outcomes.last().is_none_or(|last| last.starts_with("dead") || last.starts_with("remembered"));
        if !open || outcomes.len() + 1 != usize::try_from(number).expect("small") {
            return Err(format!("outcome {number} of {event} is {word} after {outcomes:?}"));
        }
        outcomes.push(word);
        Ok(())
    }

    /// What a tombstone covers is gone at once: from the graphs, and from the payloads.
    fn nothing_deleted_is_left(&self) -> PropertyResult {
        for graph in &self.town.graphs {
            let tombstones = Tombstones::of(graph);
            if tombstones.is_empty() {
                continue;
            }
            let text = serde_json::to_string(graph).expect("a graph is JSON");
            let covered =
                |event: &&Event| !event.delete && tombstones.covers(event.names()[0], moment(event.at));
            for event in self.absorbed.iter().filter(covered) {
                let values = event.traits.values().flatten();
                if let Some(word) =
                    values.into_iter().find(|value| value.contains('-') && text.contains(*value))
                {
                    return Err(format!("{word} was deleted and is in {text}"));
                }
                if self.payloads.contains_key(&event.id()) {
                    return Err(format!("the payload of {event:?} was deleted and is still there"));
                }
            }
        }
        Ok(())
    }

    /// Sends all that one graph needs now, unless something of it is under way. `early`: the effect comes before what is
    /// absorbed meanwhile. Returns whether anything was sent.
    pub(crate) fn send(
        &mut self,
        graph: usize,
        mut luck: impl FnMut() -> (Luck, bool),
    ) -> Result<bool, String> {
        let is_under_way =
            |graph: &Graph, flight: &Flight| graph.identifiers.contains_key(&flight.step.anchor);
        let graph = &mut self.town.graphs[graph];
        if self.flights.iter().any(|flight| is_under_way(graph, flight)) {
            return Ok(false);
        }
        let mut steps = Analysis::of(graph, &self.town.rules).steps;
        steps.retain(|step| !graph.retries.get(&step.anchor).is_some_and(|retry| retry.given_up));
        for step in &steps {
            sent(graph, step);
            if graph.identifiers[&step.anchor].sealed.is_none()
                && step.kind() == identity::plan::StepKind::Search
            {
                return Err(format!("there is nothing to search for at {step:?}"));
            }
        }
        let settled = settle(graph, &self.town.rules);
        self.note(&settled, &[])?;
        let any = !steps.is_empty();
        for step in steps {
            self.calls.push(step.clone());
            let (luck, early) = luck();
            let ending = early.then(|| self.tiny.call(&step, luck));
            self.flights.push(Flight { step, ending });
        }
        Ok(any)
    }

    pub(crate) fn flights(&self) -> usize {
        self.flights.len()
    }

    /// A call comes back.
    pub(crate) fn land(&mut self, flight: usize, luck: Luck) -> PropertyResult {
        let Flight { step, ending } = self.flights.swap_remove(flight);
        let ending = ending.unwrap_or_else(|| self.tiny.call(&step, luck));
        let (now, rules) = (self.now, self.town.rules.clone());
        let mut deaths = Vec::new();
        for (anchor, answer) in &ending.answers {
            let graph = self.town.graph_with(*anchor).ok_or("an answer about no graph")?;
            deaths.extend(apply(graph, &rules, *anchor, answer, now));
        }
        let anchors = ending.answers.iter().map(|(anchor, _)| *anchor).chain([step.anchor]);
        for anchor in anchors.collect::<Vec<_>>() {
            let graph = self.town.graph_with(anchor).ok_or("an answer about no graph")?;
            if ending.failed && anchor == step.anchor {
                let again = |_, _| RetryDecision { due_at: now, give_up: false };
                deaths.extend(fail(graph, &rules, anchor, (now, &cause("no_answer")), again));
            }
            let settled = settle(graph, &rules);
            self.note(&settled, &std::mem::take(&mut deaths))?;
        }
        Ok(())
    }

    /// Makes calls until nothing is left to do.
    pub(crate) fn run_until_idle(&mut self) -> PropertyResult {
        for _ in 0..ROUNDS {
            while !self.flights.is_empty() {
                self.land(0, Luck::Fine)?;
            }
            let mut any = false;
            for graph in 0..self.town.graphs.len() {
                any |= self.send(graph, || (Luck::Fine, false))?;
            }
            if !any {
                return self.check_final_state();
            }
        }
        Err(format!("there is no end of calls: {:#?}", &self.calls[self.calls.len() - 3..]))
    }

    /// Checks that every event has ended, and that the account is as the reference model expects.
    fn check_final_state(&self) -> PropertyResult {
        for event in &self.absorbed {
            if self.outcomes(event).is_empty() {
                return Err(format!("{event:?} has not ended"));
            }
        }
        for graph in &self.town.graphs {
            if graph.events.iter().any(|kept| kept.state == EventState::Pending) {
                return Err(format!("an event is still pending in {graph:#?}"));
            }
        }
        let existed: Vec<String> = self.existed();
        let existed: Vec<&str> = existed.iter().map(String::as_str).collect();
        let expected = expected(&self.absorbed, &self.town.rules, &existed, self.payees());
        let refused = |_: &str, _: &str, value: &str| is_refused(value);
        let differences = compare(&expected, &self.tiny.actual(), &refused);
        if differences.is_empty() { Ok(()) } else { Err(format!("{differences:#?}")) }
    }

    /// By the address of each person with an affiliate: whose statements reach its payout field.
    fn payees(&self) -> BTreeMap<String, Payee> {
        let mut payees = BTreeMap::new();
        for graph in &self.town.graphs {
            let analysis = Analysis::of(graph, &self.town.rules);
            for person in &analysis.resolution.persons {
                let payee = analysis.resolution.bound(graph, person).and_then(|affiliate| affiliate.payee);
                payees.extend(payee.map(|payee| (text_of(person.address), payee_of(payee))));
            }
        }
        payees
    }

    /// An operator confirms what is held back from the person of an identifier.
    pub(crate) fn confirm(&mut self, identifier: identity::Digest) -> Option<Confirmed> {
        let rules = self.town.rules.clone();
        let graph = self.town.graph_with(identifier)?;
        let confirmed = confirm(graph, &rules, identifier);
        let settled = settle(graph, &rules);
        self.note(&settled, &[]).expect("every promise holds");
        self.continue_with(&[]);
        confirmed
    }

    fn existed(&self) -> Vec<String> {
        let identifiers = self.town.graphs.iter().flat_map(|graph| &graph.identifiers);
        let existed = identifiers.filter(|(_, it)| it.kind == Kind::Address && it.existed);
        existed.map(|(address, _)| text_of(*address)).collect()
    }
}

/// What a call has sent is in an affiliate, which has an id.
fn names_its_affiliate(ended: &Ended) -> PropertyResult {
    let was_sent = matches!(ended.end, End::Created | End::Updated);
    let has_id = ended.affiliate.as_ref().is_some_and(|(id, _)| id.is_some());
    if was_sent && !has_id { Err(format!("{ended:?} names no affiliate")) } else { Ok(()) }
}
