//! Data that is recorded with the graphs when calls end: dead letters, the attempts that caused them, and the audit.

use identity::Digest;
use identity::answer::{Answer, DeadEvent, concerned_by};
use identity::eligibility::Rules;
use identity::graph::Graph;
use jiff::Timestamp;
use ledger::{
    AffiliateRef, Attempt, Audit, Changes, DeadLetter, LedgerError, ListedAffiliate, Outcome, State,
};
use refersion::Operation;

use super::record::Recorder;
use crate::deliver::CallOutcome;

/// Adds a line to the audit if an affiliate changed hands or status, for operators to read later.
pub(super) fn audit(changes: &mut Changes, answer: &Answer, now: Timestamp) {
    let (action, subject) = match answer {
        Answer::Edited { id, email: Some(_), .. } => ("address_changed", *id),
        Answer::StatusIs { id, .. } => ("status_changed", *id),
        Answer::Found(found) => ("affiliate_found", found.id),
        Answer::Gone { id } => ("affiliate_gone", *id),
        Answer::Scrubbed { id, .. } => ("affiliate_scrubbed", *id),
        _ => return,
    };
    changes.audit.push(Audit {
        at: now,
        actor: "worker".to_owned(),
        action: action.to_owned(),
        subject: format!("affiliate {subject}"),
    });
}

/// The affiliate at an address, as far as its ids are known.
pub(super) fn affiliate_of(graph: &Graph, anchor: Digest) -> Option<AffiliateRef> {
    let found = graph.affiliates.iter().find(|affiliate| affiliate.address == anchor)?;
    let known = AffiliateRef { id: found.id, code: found.code.clone() };
    (known != AffiliateRef::default()).then_some(known)
}

/// Notes the call that caused a dead letter, with those that failed before it.
pub(super) fn note_decided(
    changes: &mut Changes,
    dead_events: &[DeadEvent],
    (answer, outcome): (&Answer, &CallOutcome),
    is_known: bool,
    now: Timestamp,
) {
    let operation = match answer {
        Answer::Gone { .. } => Operation::Get,
        _ if is_known => Operation::Edit,
        _ => Operation::New,
    };
    changes.attempts.extend(dead_events.iter().map(|dead_event| Attempt {
        event: dead_event.event,
        at: now,
        operation: operation.name().to_owned(),
        http_status: dead_event.cause.http_status,
        class: dead_event.cause.class.clone(),
        message: dead_event.cause.message.clone(),
        request: outcome.request.clone(),
    }));
}

/// The numeric id and the code that an answer names together.
pub(super) fn named(answer: &Answer) -> Option<(u64, String)> {
    match answer {
        Answer::Created { id, code, .. } => Some((*id, code.clone())),
        Answer::Found(found) => Some((found.id, found.code.clone()?)),
        _ => None,
    }
}

impl Recorder {
    /// Records the address of an affiliate that a create or a search named in the directory: if somebody changes its address in
    /// Refersion, a comparison finds by this one whose affiliate it is.
    pub(super) async fn note_addresses(&self, outcomes: &[&CallOutcome]) -> Result<(), LedgerError> {
        let answers = outcomes.iter().flat_map(|outcome| &outcome.answers);
        let listed = answers.filter_map(|(anchor, answer)| {
            let (id, code) = named(answer)?;
            Some(ListedAffiliate { code, address: Some(*anchor), id: Some(id), status: None })
        });
        let listed: Vec<ListedAffiliate> = listed.collect();
        if listed.is_empty() {
            return Ok(());
        }
        self.worker.ledger.note_affiliates(self.connection.id, &listed, self.worker.now()).await
    }
}

/// Notes for the operator, with each delete, why its scrub could not overwrite a field.
pub(super) fn note_not_scrubbed(
    changes: &mut Changes,
    graph: &Graph,
    rules: &Rules,
    anchor: Digest,
    answer: &Answer,
) {
    let Answer::Scrubbed { kept, .. } = answer else { return };
    if kept.is_empty() {
        return;
    }
    let at = changes.now;
    for event in concerned_by(graph, rules, anchor) {
        changes.attempts.extend(kept.iter().map(|(field, cause)| Attempt {
            event,
            at,
            operation: Operation::Edit.name().to_owned(),
            http_status: cause.http_status,
            class: cause.class.clone(),
            message: format!("{field} could not be overwritten: {}", cause.message),
            request: None,
        }));
    }
}

pub(super) fn add_dead_letters(
    changes: &mut Changes,
    dead_events: Vec<DeadEvent>,
    affiliate: Option<&AffiliateRef>,
    now: Timestamp,
) {
    for dead_event in dead_events {
        changes.repeated.extend(std::iter::repeat_n(dead_event.event, dead_event.repeats));
        changes.outcomes.push(Outcome {
            event: dead_event.event,
            number: dead_event.number,
            state: State::Dead,
            reason: Some(dead_event.cause.class.clone()),
            affiliate: affiliate.cloned(),
            at: now,
        });
        changes.dead_letters.push(DeadLetter::of(dead_event, now));
    }
}
