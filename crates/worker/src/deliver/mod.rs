//! Deliver: sends a planned call, and converts the answer to one form. It does not use the ledger.

mod by_field;
mod call;
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
use refersion::{Class, Client, Operation};

pub use call::{Call, CallRequest, Create, Edit, Search, StatusChange, Texts};
pub use ids::KnownIds;
pub use item::unknown;
pub use learned::Learned;
pub(crate) use search::status as shown_status;

/// The outcome of one item.
#[derive(Debug)]
pub struct CallOutcome {
    /// The item's anchor.
    pub anchor: Digest,
    /// The answers that are known now, each with the address that it is about.
    pub answers: Vec<(Digest, Answer)>,
    /// The failure, if there was one.
    pub failed: Option<Failed>,
    /// The request: fields without values, as JSON of at most 4 KiB.
    pub request: Option<String>,
}

impl CallOutcome {
    /// The outcome of an item with these answers and without a failure.
    pub(crate) fn known(anchor: Digest, answers: Vec<(Digest, Answer)>) -> Self {
        Self { anchor, answers, failed: None, request: None }
    }
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

/// The API client of a connection, with the parts of a create that come from its settings.
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
    /// Facts about the account that calls have revealed.
    pub learned: Arc<Learned>,
}

/// Sends a call; returns the outcome of every item.
pub async fn deliver(api: &Api, call: &Call) -> Vec<CallOutcome> {
    let mut outcomes = match &call.request {
        CallRequest::Create(create) => vec![create::create(api, create).await],
        CallRequest::Edit(edits) => edit::edit(api, edits).await,
        CallRequest::Status(status, changes) => status::change(api, *status, changes).await,
        CallRequest::Search(search) => vec![search::search(api, search).await],
    };
    request::note(&mut outcomes, &call.request);
    outcomes
}
