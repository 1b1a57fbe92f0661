//! Deliver: a planned call goes out, and what comes back is brought into one form. No ledger here.

mod by_field;
mod clean;
mod create;
mod edit;
mod ids;
mod learned;
mod not_changed;
mod request;
mod scrub;
mod search;
mod status;

use std::sync::Arc;

use identity::answer::{Answer, Cause};
use identity::graph::Status;
use identity::plan::StepKind;
use identity::{Digest, Map, Text};
use ledger::{CallId, CallItem};
use refersion::{Class, Client, Failure, Operation};

pub use ids::KnownIds;
pub use learned::Learned;
pub(crate) use search::status as shown_status;

/// A call that is written down and about to go out.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its row in the ledger.
    pub call: CallId,
    /// What it does.
    pub kind: StepKind,
    /// Whom it is about: one for a create or a search, up to 50 of one sort for the others.
    pub items: Vec<Item>,
}

/// One affiliate, or address, of a call. `Debug` shows no value.
#[derive(Clone)]
pub struct Item {
    /// The address that the step is about.
    pub anchor: Digest,
    /// What is wanted.
    pub wish: CallRequest,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Item").field("anchor", &self.anchor).finish_non_exhaustive()
    }
}

/// What an affiliate is told: texts by field, `custom:ID` among them.
pub type Texts = Map<Text, Text>;

/// What is wanted of one affiliate, with the texts that go out.
#[derive(Clone)]
pub enum CallRequest {
    /// Make it.
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
    /// Tell it fields.
    Edit {
        /// Its numeric id.
        id: u64,
        /// The address to tell: digest and text.
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
    /// Look whether it is there.
    Search {
        /// The email address.
        email: String,
        /// The code that the directory has for it.
        code: Option<Text>,
    },
}

/// How one item ended.
#[derive(Debug)]
pub struct CallOutcome {
    /// The item's anchor.
    pub anchor: Digest,
    /// What is known now, with the address that it is known of.
    pub answers: Vec<(Digest, Answer)>,
    /// What failed, if something did.
    pub failed: Option<Failed>,
    /// What was asked for: fields without values, as JSON of at most 4 KiB.
    pub request: Option<String>,
}

/// A failure, and what the rest of the worker needs to know of it.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What to do about it.
    pub class: Class,
    /// For operators.
    pub cause: Cause,
    /// Refersion's name of the operation.
    pub operation: &'static str,
}

/// What a connection's settings add to a create, and whom to ask.
pub struct Api {
    /// The account.
    pub client: Client,
    /// Status of new affiliates.
    pub new_status: refersion::InitialStatus,
    /// The offer of new affiliates.
    pub offer: Option<u64>,
    /// Whether new affiliates are greeted by mail.
    pub send_welcome: bool,
    /// The domain of addresses that a scrub sets.
    pub scrub_domain: Option<String>,
    /// Which numeric ids affiliates have.
    pub ids: Arc<dyn KnownIds>,
    /// What calls have taught about the account.
    pub learned: Arc<Learned>,
}

/// Sends a call and answers for every item of it.
pub async fn deliver(api: &Api, job: &Call) -> Vec<CallOutcome> {
    let mut endings = match job.kind {
        StepKind::Create => each(&job.items, |item| create::create(api, item)).await,
        StepKind::Search => each(&job.items, |item| search::search(api, item)).await,
        StepKind::Edit => edit::edit(api, &job.items).await,
        StepKind::Status => status::change(api, &job.items).await,
    };
    request::note(&mut endings, &job.items, job.kind);
    endings
}

async fn each<'i, F: Future<Output = CallOutcome>>(
    items: &'i [Item],
    one: impl Fn(&'i Item) -> F,
) -> Vec<CallOutcome> {
    let mut endings = Vec::with_capacity(items.len());
    for item in items {
        endings.push(one(item).await);
    }
    endings
}

impl Item {
    /// As the ledger writes it down: names of fields, no values.
    #[must_use]
    pub fn written(&self) -> CallItem {
        let (affiliate, fields) = match &self.wish {
            CallRequest::Create { fields, .. } => (None, fields.keys().cloned().collect()),
            CallRequest::Edit { id, email, fields, scrub } => {
                // A scrub sets an address of nobody.
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

    fn is_scrub(&self) -> bool {
        matches!(self.wish, CallRequest::Edit { scrub: true, .. })
    }

    fn answered(&self, answer: Answer) -> CallOutcome {
        CallOutcome { anchor: self.anchor, answers: vec![(self.anchor, answer)], failed: None, request: None }
    }

    /// A create was answered, and has made nobody; this is known besides.
    fn not_made(&self, answer: Answer) -> CallOutcome {
        let answers = vec![(self.anchor, Answer::NotMade), (self.anchor, answer)];
        CallOutcome { anchor: self.anchor, answers, failed: None, request: None }
    }

    /// The item failed; where its effect is not known, that is remembered too.
    fn failed(&self, failure: &Failure) -> CallOutcome {
        let known = match (failure.class, &self.wish) {
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

    /// What the ending says, after it had become unclear how much of the item took effect: what it does not settle is not
    /// known, and differs from whatever is wanted next.
    fn in_doubt(&self, ending: CallOutcome, operation: Operation) -> CallOutcome {
        let unknown = Self::unknown(operation.name(), &self.written());
        let unknown = unknown.into_iter().map(|answer| (self.anchor, answer));
        CallOutcome { answers: unknown.chain(ending.answers).collect(), ..ending }
    }

    fn failure(&self, failure: &Failure) -> Failed {
        Failed { class: failure.class, cause: self.cause(failure), operation: failure.operation.name() }
    }

    /// The failure in words, without any value that was sent.
    fn cause(&self, failure: &Failure) -> Cause {
        Cause {
            class: failure.class.name().to_owned(),
            message: clean::clean(&failure.message, &self.values()),
            http_status: failure.http_status,
        }
    }

    /// The failure of several items without the values of any: each of them is told of it, and forgets its own alone.
    fn of_all<'i>(failure: Failure, items: impl Iterator<Item = &'i Self>) -> Failure {
        let values: Vec<&str> = items.flat_map(Self::values).collect();
        Failure { message: clean::clean(&failure.message, &values), ..failure }
    }

    fn values(&self) -> Vec<&str> {
        match &self.wish {
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

/// The operation of a kind of step, in Refersion's words.
#[must_use]
pub fn operation(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Create => "new",
        StepKind::Edit => "edit",
        StepKind::Status => "status_change",
        StepKind::Search => "search",
    }
}
