//! Deliver: sends a planned call, and converts the answer to one form. It does not use the ledger.

mod by_field;
mod clean;
mod create;
mod edit;
mod ids;
mod item;
mod learned;
mod not_changed;
mod request;
mod scrub;
mod search;
mod status;

use std::sync::Arc;

use identity::Digest;
use identity::answer::{Answer, Cause};
use identity::plan::StepKind;
use ledger::CallId;
use refersion::{Class, Client, Operation};

pub use ids::KnownIds;
pub use item::{CallRequest, Item, Texts};
pub use learned::Learned;
pub(crate) use search::status as shown_status;

/// A call that is recorded and about to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its row in the ledger.
    pub id: CallId,
    /// What it does.
    pub kind: StepKind,
    /// The affiliates or addresses: one for a create or a search, up to 50 of one kind for the others.
    pub items: Vec<Item>,
}

/// How one item ended.
#[derive(Debug)]
pub struct CallOutcome {
    /// The item's anchor.
    pub anchor: Digest,
    /// What is known now, each with the address that it is about.
    pub answers: Vec<(Digest, Answer)>,
    /// What failed, if something did.
    pub failed: Option<Failed>,
    /// The request: fields without values, as JSON of at most 4 KiB.
    pub request: Option<String>,
}

/// A failed item, as the rest of the worker needs it.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The class, which decides what the worker does.
    pub class: Class,
    /// The cause, for operators.
    pub cause: Cause,
    /// Refersion's operation.
    pub operation: Operation,
}

/// The API client of a connection, with what its settings add to a create.
pub struct Api {
    /// The account.
    pub client: Client,
    /// Status of new affiliates.
    pub new_status: refersion::InitialStatus,
    /// The offer of new affiliates.
    pub offer: Option<u64>,
    /// Whether Refersion sends new affiliates its welcome mail.
    pub send_welcome: bool,
    /// The domain of addresses that a scrub sets.
    pub scrub_domain: Option<String>,
    /// Which numeric ids affiliates have.
    pub ids: Arc<dyn KnownIds>,
    /// What calls have revealed about the account.
    pub learned: Arc<Learned>,
}

/// Sends a call; returns the outcome of every item.
pub async fn deliver(api: &Api, call: &Call) -> Vec<CallOutcome> {
    let mut outcomes = match call.kind {
        StepKind::Create => each(&call.items, |item| create::create(api, item)).await,
        StepKind::Search => each(&call.items, |item| search::search(api, item)).await,
        StepKind::Edit => edit::edit(api, &call.items).await,
        StepKind::Status => status::change(api, &call.items).await,
    };
    request::note(&mut outcomes, &call.items, call.kind);
    outcomes
}

async fn each<'i, F: Future<Output = CallOutcome>>(
    items: &'i [Item],
    one: impl Fn(&'i Item) -> F,
) -> Vec<CallOutcome> {
    let mut outcomes = Vec::with_capacity(items.len());
    for item in items {
        outcomes.push(one(item).await);
    }
    outcomes
}

/// Refersion's operation for a kind of step.
#[must_use]
pub fn operation(kind: StepKind) -> Operation {
    match kind {
        StepKind::Create => Operation::New,
        StepKind::Edit => Operation::Edit,
        StepKind::Status => Operation::StatusChange,
        StepKind::Search => Operation::Search,
    }
}
