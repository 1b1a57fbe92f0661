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
pub(crate) enum Verdict {
    /// The connection is paused. `suspect` is the kind of step that a probe has to try, if one is to blame.
    Pause {
        /// The reason.
        reason: PausedFor,
        /// In words, for the operator.
        why: String,
        /// Whose calls fail.
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
    met: BTreeMap<String, BTreeSet<Digest>>,
    /// The consequence, if there is one.
    verdict: Option<Verdict>,
}

impl Suspicion {
    /// Learns from how calls ended.
    pub(super) fn learn(&mut self, outcomes: &[CallOutcome]) {
        for outcome in outcomes {
            for (anchor, answer) in &outcome.answers {
                self.hear(*anchor, answer);
            }
            if let Some(failed) = &outcome.failed {
                self.hear_of_a_failure(outcome.anchor, failed);
            }
        }
    }

    /// Takes the consequence, if there is one; it is returned once.
    pub(super) fn take_verdict(&mut self) -> Option<Verdict> {
        self.verdict.take()
    }

    fn hear(&mut self, anchor: Digest, answer: &Answer) {
        match answer {
            Answer::Refused { causes, .. } => {
                for (field, cause) in causes.iter() {
                    let Some(id) = field.strip_prefix("custom:").and_then(|id| id.parse().ok()) else {
                        continue;
                    };
                    if self.meet(field.to_string(), anchor) {
                        self.verdict
                            .get_or_insert(Verdict::Suspend { field: id, why: cause.message.clone() });
                    }
                }
            }
            Answer::Told { fields, .. } => {
                self.met.retain(|what, _| !fields.contains_key(what.as_str()));
                self.goes_well(Operation::Edit);
            }
            Answer::Scrubbed { .. } => self.goes_well(Operation::Edit),
            Answer::Created { .. } => self.goes_well(Operation::New),
            Answer::StatusIs { .. } => self.goes_well(Operation::StatusChange),
            Answer::NotFound => self.goes_well(Operation::Search),
            Answer::Gone { .. } => self.goes_well(Operation::Get),
            Answer::Found(_) => {
                self.goes_well(Operation::Search);
                self.goes_well(Operation::Get);
            }
            _ => {}
        }
    }

    fn hear_of_a_failure(&mut self, anchor: Digest, failed: &Failed) {
        match failed.class {
            Class::Credentials => {
                let why = failed.cause.message.clone();
                self.verdict = Some(Verdict::Pause { reason: PausedFor::Credentials, why, suspect: None });
            }
            Class::Request => {
                let what = format!("{} {:?}", failed.operation, failed.cause.http_status);
                if self.meet(what, anchor) {
                    let (why, suspect) = (failed.cause.message.clone(), step_of(failed.operation));
                    let reason = PausedFor::Configuration;
                    self.verdict.get_or_insert(Verdict::Pause { reason, why, suspect });
                }
            }
            _ => {}
        }
    }

    /// Ends the row of an operation that succeeded.
    fn goes_well(&mut self, operation: Operation) {
        self.met.retain(|what, _| !what.starts_with(operation.name()));
    }

    /// Whether enough persons met the same refusal, so that it is not due to one person.
    fn meet(&mut self, what: String, who: Digest) -> bool {
        let met = self.met.entry(what).or_default();
        met.insert(who);
        met.len() >= PERSONS_IN_A_ROW
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

    fn told(n: u8, field: &str) -> CallOutcome {
        let fields = Map::from_iter([(field.into(), "x".into())]);
        answered(n, Answer::Told { id: n.into(), email: None, fields })
    }

    fn verdict(outcomes: &[CallOutcome]) -> Option<PausedFor> {
        let mut suspicion = Suspicion::default();
        suspicion.learn(outcomes);
        suspicion.take_verdict().and_then(|verdict| match verdict {
            Verdict::Pause { reason, .. } => Some(reason),
            Verdict::Suspend { .. } => None,
        })
    }

    fn suspended(outcomes: &[CallOutcome]) -> Option<u64> {
        let mut suspicion = Suspicion::default();
        suspicion.learn(outcomes);
        suspicion.take_verdict().and_then(|verdict| match verdict {
            Verdict::Suspend { field, .. } => Some(field),
            Verdict::Pause { .. } => None,
        })
    }

    #[test]
    fn refused_keys_are_enough_by_themselves() {
        let outcomes = [failed(1, Operation::Edit, Class::Credentials, 401)];
        assert_eq!(verdict(&outcomes), Some(PausedFor::Credentials));
    }

    #[test]
    fn three_persons_in_a_row_are_a_mistake_in_the_settings_and_one_person_three_times_is_not() {
        let met = |n| failed(n, Operation::New, Class::Request, 404);
        assert_eq!(verdict(&[met(1), met(2)]), None);
        assert_eq!(verdict(&[met(1), met(1), met(1)]), None);
        assert_eq!(verdict(&[met(1), met(2), met(3)]), Some(PausedFor::Configuration));
    }

    #[test]
    fn a_row_ends_where_the_operation_goes_well() {
        let created =
            Answer::Created { id: 9, code: "abc".to_owned(), status: Status::Active, told: Map::new() };
        let well = [
            (Operation::New, answered(9, created)),
            (Operation::Edit, told(9, "city")),
            (Operation::Search, answered(9, Answer::NotFound)),
            (Operation::StatusChange, answered(9, Answer::StatusIs { id: 9, status: Status::Disabled })),
            (Operation::Get, answered(9, Answer::Gone { id: 9 })),
        ];
        for (operation, well) in well {
            let met = |n| failed(n, operation, Class::Request, 400);
            let mut suspicion = Suspicion::default();
            suspicion.learn(&[met(1), met(2), well, met(3)]);
            assert_eq!(suspicion.take_verdict(), None, "{operation}");
        }
    }

    #[test]
    fn a_custom_field_that_nobody_may_set_is_suspended_and_any_other_field_is_not() {
        let row = |field| [refused(1, field), refused(2, field), refused(3, field)];
        assert_eq!((suspended(&row("custom:7")), verdict(&row("custom:7"))), (Some(7), None));
        assert_eq!(suspended(&row("country")), None);
        let [one, two, three] = row("custom:7");
        assert_eq!(suspended(&[one, two, told(9, "custom:7"), three]), None);
    }
}
