//! Detects mistakes that are not those of one person: refused keys, or the same refusal for several persons in a row.

use std::collections::{BTreeMap, BTreeSet};

use connections::PausedFor;
use identity::Digest;
use identity::answer::Answer;
use identity::plan::StepKind;
use refersion::{Class, Operation};

use crate::deliver::{CallOutcome, Failed};

/// Number of persons in a row with the same refusal that show a mistake in the settings.
const PERSONS_IN_A_ROW: usize = 3;

/// The consequence of the refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// The connection is paused. `suspect` is the kind of step that a probe has to try, if one is to blame.
    Pause {
        /// The reason.
        reason: PausedFor,
        /// In words, for the operator.
        why: String,
        /// The kind of step whose calls fail.
        suspect: Option<StepKind>,
    },
    /// A custom field, by its numeric id, is no longer sent.
    Suspend {
        /// The field.
        field: u64,
        /// In words, for the operator.
        why: String,
    },
}

/// The refusals of calls since the holder started or the epoch changed.
#[derive(Default)]
pub(crate) struct Suspicion {
    /// The persons in a row, by what was refused.
    refusals: BTreeMap<String, BTreeSet<Digest>>,
    /// The consequence, if there is one.
    reaction: Option<Reaction>,
}

impl Suspicion {
    /// Observes how calls ended.
    pub(super) fn observe(&mut self, outcomes: &[CallOutcome]) {
        for outcome in outcomes {
            for (anchor, answer) in &outcome.answers {
                self.observe_answer(*anchor, answer);
            }
            if let Some(failed) = &outcome.failed {
                self.observe_failure(outcome.anchor, failed);
            }
        }
    }

    /// Takes the consequence, if there is one; it is returned once.
    pub(super) fn take_reaction(&mut self) -> Option<Reaction> {
        self.reaction.take()
    }

    fn observe_answer(&mut self, anchor: Digest, answer: &Answer) {
        match answer {
            Answer::Refused { causes, .. } => {
                for (field, cause) in causes.iter() {
                    let Some(id) = field.strip_prefix("custom:").and_then(|id| id.parse().ok()) else {
                        continue;
                    };
                    if self.is_repeated(field.to_string(), anchor) {
                        self.reaction
                            .get_or_insert(Reaction::Suspend { field: id, why: cause.message.clone() });
                    }
                }
            }
            Answer::Edited { fields, .. } => {
                self.refusals.retain(|what, _| !fields.contains_key(what.as_str()));
                self.note_success(Operation::Edit);
            }
            Answer::Scrubbed { .. } => self.note_success(Operation::Edit),
            Answer::Created { .. } => self.note_success(Operation::New),
            Answer::StatusIs { .. } => self.note_success(Operation::StatusChange),
            Answer::NotFound => self.note_success(Operation::Search),
            Answer::Gone { .. } => self.note_success(Operation::Get),
            Answer::Found(_) => {
                self.note_success(Operation::Search);
                self.note_success(Operation::Get);
            }
            _ => {}
        }
    }

    fn observe_failure(&mut self, anchor: Digest, failed: &Failed) {
        match failed.class {
            Class::Credentials => {
                let why = failed.cause.message.clone();
                self.reaction = Some(Reaction::Pause { reason: PausedFor::Credentials, why, suspect: None });
            }
            Class::Request => {
                let what = format!("{} {:?}", failed.operation, failed.cause.http_status);
                if self.is_repeated(what, anchor) {
                    let (why, suspect) = (failed.cause.message.clone(), step_of(failed.operation));
                    let reason = PausedFor::Configuration;
                    self.reaction.get_or_insert(Reaction::Pause { reason, why, suspect });
                }
            }
            _ => {}
        }
    }

    /// Ends the row of an operation that succeeded.
    fn note_success(&mut self, operation: Operation) {
        self.refusals.retain(|what, _| !what.starts_with(operation.name()));
    }

    /// Whether enough persons met the same refusal, so that it is not due to one person.
    fn is_repeated(&mut self, what: String, person: Digest) -> bool {
        let persons = self.refusals.entry(what).or_default();
        persons.insert(person);
        persons.len() >= PERSONS_IN_A_ROW
    }
}

/// The kind of step whose calls have this operation; `None` for operations that only read.
fn step_of(operation: Operation) -> Option<StepKind> {
    match operation {
        Operation::New => Some(StepKind::Create),
        Operation::Edit => Some(StepKind::Edit),
        Operation::StatusChange => Some(StepKind::Status),
        Operation::Search => Some(StepKind::Search),
        Operation::Get | Operation::List => None,
    }
}

#[cfg(test)]
mod tests {
    use identity::Map;
    use identity::answer::Cause;
    use identity::graph::Status;

    use super::*;

    fn person(n: u8) -> Digest {
        Digest([n; 16])
    }

    fn answered(n: u8, answer: Answer) -> CallOutcome {
        CallOutcome { anchor: person(n), answers: vec![(person(n), answer)], failed: None, request: None }
    }

    fn cause(class: Class, status: u16) -> Cause {
        Cause { class: class.name().to_owned(), message: "no".to_owned(), http_status: Some(status) }
    }

    fn failed(n: u8, operation: Operation, class: Class, status: u16) -> CallOutcome {
        let failed = Failed { class, cause: cause(class, status), operation };
        CallOutcome { anchor: person(n), answers: Vec::new(), failed: Some(failed), request: None }
    }

    fn refused(n: u8, field: &str) -> CallOutcome {
        let causes = Map::from_iter([(field.into(), cause(Class::Refused { field: None }, 422))]);
        answered(n, Answer::Refused { causes, email: None, texts: Map::new() })
    }

    fn edited(n: u8, field: &str) -> CallOutcome {
        let fields = Map::from_iter([(field.into(), "x".into())]);
        answered(n, Answer::Edited { id: n.into(), email: None, fields })
    }

    fn reaction(outcomes: &[CallOutcome]) -> Option<PausedFor> {
        let mut suspicion = Suspicion::default();
        suspicion.observe(outcomes);
        suspicion.take_reaction().and_then(|reaction| match reaction {
            Reaction::Pause { reason, .. } => Some(reason),
            Reaction::Suspend { .. } => None,
        })
    }

    fn suspended(outcomes: &[CallOutcome]) -> Option<u64> {
        let mut suspicion = Suspicion::default();
        suspicion.observe(outcomes);
        suspicion.take_reaction().and_then(|reaction| match reaction {
            Reaction::Suspend { field, .. } => Some(field),
            Reaction::Pause { .. } => None,
        })
    }

    #[test]
    fn refused_keys_alone_pause_the_connection() {
        let outcomes = [failed(1, Operation::Edit, Class::Credentials, 401)];
        assert_eq!(reaction(&outcomes), Some(PausedFor::Credentials));
    }

    #[test]
    fn failures_of_three_persons_in_a_row_mean_wrong_settings_and_three_of_one_person_do_not() {
        let met = |n| failed(n, Operation::New, Class::Request, 404);
        assert_eq!(reaction(&[met(1), met(2)]), None);
        assert_eq!(reaction(&[met(1), met(1), met(1)]), None);
        assert_eq!(reaction(&[met(1), met(2), met(3)]), Some(PausedFor::Configuration));
    }

    #[test]
    fn a_success_of_the_operation_ends_a_row_of_failures() {
        let created =
            Answer::Created { id: 9, code: "abc".to_owned(), status: Status::Active, fields: Map::new() };
        let well = [
            (Operation::New, answered(9, created)),
            (Operation::Edit, edited(9, "city")),
            (Operation::Search, answered(9, Answer::NotFound)),
            (Operation::StatusChange, answered(9, Answer::StatusIs { id: 9, status: Status::Disabled })),
            (Operation::Get, answered(9, Answer::Gone { id: 9 })),
        ];
        for (operation, well) in well {
            let met = |n| failed(n, operation, Class::Request, 400);
            let mut suspicion = Suspicion::default();
            suspicion.observe(&[met(1), met(2), well, met(3)]);
            assert_eq!(suspicion.take_reaction(), None, "{operation}");
        }
    }

    #[test]
    fn a_custom_field_that_is_refused_for_everybody_is_suspended_and_no_other_field_is() {
        let row = |field| [refused(1, field), refused(2, field), refused(3, field)];
        assert_eq!((suspended(&row("custom:7")), reaction(&row("custom:7"))), (Some(7), None));
        assert_eq!(suspended(&row("country")), None);
        let [one, two, three] = row("custom:7");
        assert_eq!(suspended(&[one, two, edited(9, "custom:7"), three]), None);
    }
}
