//! One affiliate, or address, of a call: its request, and what its answers and failures mean.

use identity::answer::{Answer, Cause};
use identity::graph::Status;
use identity::{Digest, Map, Text};
use ledger::CallItem;
use refersion::{Class, Failure, Operation};

use super::{CallOutcome, Failed, clean};

/// One affiliate, or address, of a call. `Debug` shows no value.
#[derive(Clone)]
pub struct Item {
    /// The address that the step is about.
    pub anchor: Digest,
    /// What is requested.
    pub request: CallRequest,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Item").field("anchor", &self.anchor).finish_non_exhaustive()
    }
}

/// The texts that an affiliate is sent, by field; custom fields are `custom:ID`.
pub type Texts = Map<Text, Text>;

/// What is requested for one affiliate, with the texts to send.
#[derive(Clone)]
pub enum CallRequest {
    /// Create it.
    Create {
        /// The email address.
        email: String,
        /// The userId, if there is one.
        merchant_id: Option<String>,
        /// The other fields.
        fields: Texts,
        /// It is the first try: a welcome mail may go out.
        first_try: bool,
    },
    /// Change fields.
    Edit {
        /// Its numeric id.
        id: u64,
        /// The address to send: digest and text.
        email: Option<(Digest, String)>,
        /// The other fields.
        fields: Texts,
        /// The edit overwrites a deleted person's affiliate.
        scrub: bool,
    },
    /// Set its status.
    Status {
        /// Its numeric id.
        id: u64,
        /// The wanted status.
        status: Status,
    },
    /// Find out whether it exists.
    Search {
        /// The email address.
        email: String,
        /// The code that the directory has for it.
        code: Option<Text>,
    },
}

impl Item {
    /// The item as the ledger records it: names of fields, no values.
    #[must_use]
    pub fn written(&self) -> CallItem {
        let (affiliate, fields) = match &self.request {
            CallRequest::Create { fields, .. } => (None, fields.keys().cloned().collect()),
            CallRequest::Edit { id, email, fields, scrub } => {
                // A scrub sets an address that belongs to nobody.
                let email = (email.is_some() || *scrub).then(|| "email".into());
                (Some(*id), fields.keys().cloned().chain(email).collect())
            }
            CallRequest::Status { id, .. } => (Some(*id), Vec::new()),
            CallRequest::Search { .. } => (None, Vec::new()),
        };
        CallItem { anchor: self.anchor, affiliate, fields }
    }

    /// What becomes unknown when a call about it has no recorded answer. A search changes nothing.
    #[must_use]
    pub fn unknown(operation: &str, written: &CallItem) -> Option<Answer> {
        match (operation, written.affiliate) {
            ("new", _) => Some(Answer::CreateUnknown { fields: written.fields.clone() }),
            ("edit", Some(id)) => Some(Answer::TellUnknown {
                id,
                email: written.fields.iter().any(|field| field == "email"),
                fields: written.fields.iter().filter(|field| *field != "email").cloned().collect(),
            }),
            ("status_change", Some(id)) => Some(Answer::StatusUnknown { id }),
            _ => None,
        }
    }

    pub(super) fn is_scrub(&self) -> bool {
        matches!(self.request, CallRequest::Edit { scrub: true, .. })
    }

    pub(super) fn answered(&self, answer: Answer) -> CallOutcome {
        CallOutcome { anchor: self.anchor, answers: vec![(self.anchor, answer)], failed: None, request: None }
    }

    /// The outcome of a create that was answered and created nothing, with what the answer says.
    pub(super) fn not_made(&self, answer: Answer) -> CallOutcome {
        let answers = vec![(self.anchor, Answer::NotMade), (self.anchor, answer)];
        CallOutcome { anchor: self.anchor, answers, failed: None, request: None }
    }

    /// The outcome of a failed item; fields whose state is unknown after it are marked as such.
    pub(super) fn failed(&self, failure: &Failure) -> CallOutcome {
        let known = match (failure.class, &self.request) {
            (Class::NoAnswer, _) => Self::unknown(failure.operation.name(), &self.written()),
            (_, CallRequest::Create { .. }) => Some(Answer::NotMade),
            _ => None,
        };
        CallOutcome {
            anchor: self.anchor,
            answers: known.into_iter().map(|answer| (self.anchor, answer)).collect(),
            failed: Some(self.failure(failure)),
            request: None,
        }
    }

    /// An outcome after which it is unclear how much of the item took effect: fields that it does not decide are unknown, so they
    /// differ from every wanted value.
    pub(super) fn in_doubt(&self, outcome: CallOutcome, operation: Operation) -> CallOutcome {
        let unknown = Self::unknown(operation.name(), &self.written());
        let unknown = unknown.into_iter().map(|answer| (self.anchor, answer));
        CallOutcome { answers: unknown.chain(outcome.answers).collect(), ..outcome }
    }

    pub(super) fn failure(&self, failure: &Failure) -> Failed {
        Failed { class: failure.class, cause: self.cause(failure), operation: failure.operation }
    }

    /// The failure in words, without any value that was sent.
    pub(super) fn cause(&self, failure: &Failure) -> Cause {
        Cause {
            class: failure.class.name().to_owned(),
            message: clean::clean(&failure.message, &self.values()),
            http_status: failure.http_status,
        }
    }

    /// The failure of several items, without the values of any: each of them could remove only its own.
    pub(super) fn of_all<'i>(failure: Failure, items: impl Iterator<Item = &'i Self>) -> Failure {
        let values: Vec<&str> = items.flat_map(Self::values).collect();
        Failure { message: clean::clean(&failure.message, &values), ..failure }
    }

    fn values(&self) -> Vec<&str> {
        match &self.request {
            CallRequest::Create { email, merchant_id, fields, .. } => {
                let texts = fields.values().map(Text::as_str);
                texts.chain([email.as_str()]).chain(merchant_id.as_deref()).collect()
            }
            CallRequest::Edit { email, fields, .. } => fields
                .values()
                .map(Text::as_str)
                .chain(email.as_ref().map(|(_, text)| text.as_str()))
                .collect(),
            CallRequest::Status { .. } => Vec::new(),
            CallRequest::Search { email, .. } => vec![email],
        }
    }
}
