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
use crate::store::{GraphStore, fold};
use crate::tiny::{CallEnd, CallResult, Held, TinyRefersion, cause, is_refused};

/// Rounds of calls after which every history is idle, with a wide margin.
const ROUNDS: usize = 50;

/// A call under way.
struct OpenCall {
    step: Step,
    /// Its result, if it has taken effect already.
    result: Option<CallResult>,
}

pub(crate) struct Run {
    pub(crate) store: GraphStore,
    pub(crate) tiny: TinyRefersion,
    /// Every call that went out.
    pub(crate) calls: Vec<Step>,
    /// Events that were pending when another one died because of a value that they state too.
    pub(crate) repeats: usize,
    open_calls: Vec<OpenCall>,
    absorbed: Vec<Event>,
    outcomes: BTreeMap<Uuid, Vec<String>>,
    /// Events whose payload the ledger still has.
    payloads: BTreeMap<Uuid, Event>,
    pub(crate) now: Moment,
}

impl Run {
    pub(crate) fn new(rules: Rules) -> Self {
        let tiny = TinyRefersion { active: rules.active, ..TinyRefersion::default() };
        Self {
            store: GraphStore::new(rules, fold),
            tiny,
            calls: Vec::new(),
            repeats: 0,
            open_calls: Vec::new(),
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
        let settled = self.store.absorb(event);
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

    /// The affiliates except the disabled ones: address, and the fields that were sent.
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
            check_affiliate_is_named(ended)?;
            self.end(ended.event, ended.number, word + &reason.collect::<String>())?;
            if ended.end != End::Remembered || !self.outcomes[&ended.event].is_empty() {
                self.payloads.remove(&ended.event);
            }
        }
        settled.erased.iter().for_each(|event| drop(self.payloads.remove(event)));
        self.check_deleted_data_is_gone()
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

    /// Checks that everything that a tombstone covers is gone at once, from the graphs and from the payloads.
    fn check_deleted_data_is_gone(&self) -> PropertyResult {
        for graph in &self.store.graphs {
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

    /// Sends all steps that one graph needs now, unless a call about it is under way. `early`: the call takes effect before
    /// events that are absorbed meanwhile. Returns whether anything was sent.
    pub(crate) fn send(
        &mut self,
        graph: usize,
        mut call_end: impl FnMut() -> (CallEnd, bool),
    ) -> Result<bool, String> {
        let is_under_way =
            |graph: &Graph, open_call: &OpenCall| graph.identifiers.contains_key(&open_call.step.anchor);
        let graph = &mut self.store.graphs[graph];
        if self.open_calls.iter().any(|open_call| is_under_way(graph, open_call)) {
            return Ok(false);
        }
        let mut steps = Analysis::of(graph, &self.store.rules).steps;
        steps.retain(|step| !graph.retries.get(&step.anchor).is_some_and(|retry| retry.given_up));
        for step in &steps {
            sent(graph, step);
            if graph.identifiers[&step.anchor].sealed.is_none()
                && step.kind() == identity::plan::StepKind::Search
            {
                return Err(format!("there is nothing to search for at {step:?}"));
            }
        }
        let settled = settle(graph, &self.store.rules);
        self.note(&settled, &[])?;
        let any = !steps.is_empty();
        for step in steps {
            self.calls.push(step.clone());
            let (call_end, early) = call_end();
            let result = early.then(|| self.tiny.call(&step, call_end));
            self.open_calls.push(OpenCall { step, result });
        }
        Ok(any)
    }

    pub(crate) fn open_calls(&self) -> usize {
        self.open_calls.len()
    }

    /// Ends a call: applies its answers.
    pub(crate) fn end_call(&mut self, open_call: usize, call_end: CallEnd) -> PropertyResult {
        let OpenCall { step, result } = self.open_calls.swap_remove(open_call);
        let result = result.unwrap_or_else(|| self.tiny.call(&step, call_end));
        let (now, rules) = (self.now, self.store.rules.clone());
        let mut deaths = Vec::new();
        for (anchor, answer) in &result.answers {
            let graph = self.store.graph_with(*anchor).ok_or("an answer about no graph")?;
            deaths.extend(apply(graph, &rules, *anchor, answer, now));
        }
        let anchors = result.answers.iter().map(|(anchor, _)| *anchor).chain([step.anchor]);
        for anchor in anchors.collect::<Vec<_>>() {
            let graph = self.store.graph_with(anchor).ok_or("an answer about no graph")?;
            if result.failed && anchor == step.anchor {
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
            while !self.open_calls.is_empty() {
                self.end_call(0, CallEnd::Answered)?;
            }
            let mut any = false;
            for graph in 0..self.store.graphs.len() {
                any |= self.send(graph, || (CallEnd::Answered, false))?;
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
        for graph in &self.store.graphs {
            if graph.events.iter().any(|kept| kept.state == EventState::Pending) {
                return Err(format!("an event is still pending in {graph:#?}"));
            }
        }
        let existed: Vec<String> = self.existed();
        let existed: Vec<&str> = existed.iter().map(String::as_str).collect();
        let expected = expected(&self.absorbed, &self.store.rules, &existed, self.payees());
        let refused = |_: &str, _: &str, value: &str| is_refused(value);
        let differences = compare(&expected, &self.tiny.actual(), &refused);
        if differences.is_empty() { Ok(()) } else { Err(format!("{differences:#?}")) }
    }

    /// The payees, by the address of each person with an affiliate.
    fn payees(&self) -> BTreeMap<String, Payee> {
        let mut payees = BTreeMap::new();
        for graph in &self.store.graphs {
            let analysis = Analysis::of(graph, &self.store.rules);
            for person in &analysis.resolution.persons {
                let payee = analysis.resolution.bound(graph, person).and_then(|affiliate| affiliate.payee);
                payees.extend(payee.map(|payee| (text_of(person.address), payee_of(payee))));
            }
        }
        payees
    }

    /// Confirms, as an operator, the payout field that is held back from the person of an identifier.
    pub(crate) fn confirm(&mut self, identifier: identity::Digest) -> Option<Confirmed> {
        let rules = self.store.rules.clone();
        let graph = self.store.graph_with(identifier)?;
        let confirmed = confirm(graph, &rules, identifier);
        let settled = settle(graph, &rules);
        self.note(&settled, &[]).expect("every promise holds");
        self.continue_with(&[]);
        confirmed
    }

    fn existed(&self) -> Vec<String> {
        let identifiers = self.store.graphs.iter().flat_map(|graph| &graph.identifiers);
        let existed = identifiers.filter(|(_, it)| it.kind == Kind::Address && it.existed);
        existed.map(|(address, _)| text_of(*address)).collect()
    }
}

/// Checks that an event of which a call sent a part names an affiliate with an id.
fn check_affiliate_is_named(ended: &Ended) -> PropertyResult {
    let was_sent = matches!(ended.end, End::Created | End::Updated);
    let has_id = ended.affiliate.as_ref().is_some_and(|(id, _)| id.is_some());
    if was_sent && !has_id { Err(format!("{ended:?} names no affiliate")) } else { Ok(()) }
}
