//! One affiliate, or address, of a call: how it is recorded, and what its answers and failures mean.

use identity::answer::{Answer, Cause};
use identity::{Digest, Text};
use ledger::CallItem;
use refersion::{Class, Failure, Operation};

use super::clean::clean;
use super::{CallOutcome, Create, Edit, Failed, Search, StatusChange};

/// The common interface of items of all kinds.
pub(super) trait Item {
    /// The address that the step is about.
    fn anchor(&self) -> Digest;

    /// The item as the ledger records it: names of fields, no values.
    fn written(&self) -> CallItem;

    /// The values that are sent.
    fn values(&self) -> Vec<&str>;

    /// The answer that follows from a failure which certainly had no effect.
    fn not_done(&self) -> Option<Answer> {
        None
    }

    fn answered(&self, answer: Answer) -> CallOutcome {
        CallOutcome::known(self.anchor(), vec![(self.anchor(), answer)])
    }

    /// The outcome of an item about which nothing new is known.
    fn unanswered(&self) -> CallOutcome {
        CallOutcome::known(self.anchor(), Vec::new())
    }

    /// The outcome of a failed item; fields whose state is unknown after it are marked as such.
    fn failed(&self, failure: &Failure) -> CallOutcome {
        let known = match failure.class {
            Class::NoAnswer => unknown(failure.operation, &self.written()),
            _ => self.not_done(),
        };
        let answers = known.into_iter().map(|answer| (self.anchor(), answer)).collect();
        CallOutcome { failed: Some(self.failure(failure)), ..CallOutcome::known(self.anchor(), answers) }
    }

    /// An outcome after which it is unclear how much of the item took effect: fields that it does not decide are unknown, so they
    /// differ from every wanted value.
    fn in_doubt(&self, outcome: CallOutcome, operation: Operation) -> CallOutcome {
        let unknown = unknown(operation, &self.written());
        let unknown = unknown.into_iter().map(|answer| (self.anchor(), answer));
        CallOutcome { answers: unknown.chain(outcome.answers).collect(), ..outcome }
    }

    fn failure(&self, failure: &Failure) -> Failed {
        Failed { class: failure.class, cause: self.cause(failure), operation: failure.operation }
    }

    /// The failure in words, without any value that was sent.
    fn cause(&self, failure: &Failure) -> Cause {
        Cause {
            class: failure.class.name().to_owned(),
            message: clean(&failure.message, &self.values()),
            http_status: failure.http_status,
        }
    }
}

/// The answer that makes the parts of an item unknown that a call without a recorded answer may have changed. A search
/// changes nothing.
#[must_use]
pub fn unknown(operation: Operation, written: &CallItem) -> Option<Answer> {
    match (operation, written.affiliate) {
        (Operation::New, _) => Some(Answer::CreateUnknown { fields: written.fields.clone() }),
        (Operation::Edit, Some(id)) => Some(Answer::EditUnknown {
            id,
            email: written.fields.iter().any(|field| field == "email"),
            fields: written.fields.iter().filter(|field| *field != "email").cloned().collect(),
        }),
        (Operation::StatusChange, Some(id)) => Some(Answer::StatusUnknown { id }),
        (Operation::Edit | Operation::StatusChange, None) => None,
        (Operation::Get | Operation::Search | Operation::List, _) => None,
    }
}

impl Item for Create {
    fn anchor(&self) -> Digest {
        self.anchor
    }

    fn written(&self) -> CallItem {
        CallItem { anchor: self.anchor, affiliate: None, fields: self.fields.keys().cloned().collect() }
    }

    fn values(&self) -> Vec<&str> {
        let texts = self.fields.values().map(Text::as_str);
        texts.chain([self.email.as_str()]).chain(self.merchant_id.as_deref()).collect()
    }

    fn not_done(&self) -> Option<Answer> {
        Some(Answer::NotCreated)
    }
}

impl Item for Edit {
    fn anchor(&self) -> Digest {
        self.anchor
    }

    fn written(&self) -> CallItem {
        // A scrub sets an address that belongs to nobody.
        let email = (self.email.is_some() || self.scrub).then(|| "email".into());
        let fields = self.fields.keys().cloned().chain(email).collect();
        CallItem { anchor: self.anchor, affiliate: Some(self.id), fields }
    }

    fn values(&self) -> Vec<&str> {
        let texts = self.fields.values().map(Text::as_str);
        texts.chain(self.email.as_ref().map(|(_, text)| text.as_str())).collect()
    }
}

impl Item for StatusChange {
    fn anchor(&self) -> Digest {
        self.anchor
    }

    fn written(&self) -> CallItem {
        CallItem { anchor: self.anchor, affiliate: Some(self.id), fields: Vec::new() }
    }

    fn values(&self) -> Vec<&str> {
        Vec::new()
    }
}

impl Item for Search {
    fn anchor(&self) -> Digest {
        self.anchor
    }

    fn written(&self) -> CallItem {
        CallItem { anchor: self.anchor, affiliate: None, fields: Vec::new() }
    }

    fn values(&self) -> Vec<&str> {
        vec![&self.email]
    }
}
