//! One call: its request, with the affiliates or addresses that it is about. All of them are of one kind.

use identity::graph::Status;
use identity::{Digest, Map, Text};
use ledger::{CallId, CallItem};
use refersion::Operation;

use super::item::Item;

/// A call that is recorded and about to be sent.
pub struct Call {
    /// Its row in the ledger.
    pub id: CallId,
    /// Its request.
    pub request: CallRequest,
}

/// The request of a call. It has no `Debug`, because that would show values.
pub enum CallRequest {
    /// Creates an affiliate.
    Create(Create),
    /// Changes fields of up to 50 affiliates.
    Edit(Vec<Edit>),
    /// Gives one status to up to 50 affiliates.
    Status(Status, Vec<StatusChange>),
    /// Finds out whether an affiliate exists.
    Search(Search),
}

/// The texts that an affiliate is sent, by field; custom fields are `custom:ID`.
pub type Texts = Map<Text, Text>;

/// An affiliate to create.
pub struct Create {
    /// The address that the step is about.
    pub anchor: Digest,
    /// The same as text.
    pub email: String,
    /// The userId, if there is one.
    pub merchant_id: Option<String>,
    /// The other fields.
    pub fields: Texts,
    /// It is the first try: a welcome mail may go out.
    pub first_try: bool,
}

/// An affiliate to edit.
pub struct Edit {
    /// The address that the step is about.
    pub anchor: Digest,
    /// The affiliate's numeric id.
    pub id: u64,
    /// The address to send: digest and text.
    pub email: Option<(Digest, String)>,
    /// The other fields.
    pub fields: Texts,
    /// The edit overwrites a deleted person's affiliate.
    pub scrub: bool,
}

/// An affiliate that gets another status.
pub struct StatusChange {
    /// The address that the step is about.
    pub anchor: Digest,
    /// The affiliate's numeric id.
    pub id: u64,
}

/// An address to search for.
pub struct Search {
    /// The address that the step is about.
    pub anchor: Digest,
    /// The same as text.
    pub email: String,
    /// The code that the directory has for it.
    pub code: Option<Text>,
}

impl CallRequest {
    /// Refersion's operation.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self {
            Self::Create(_) => Operation::New,
            Self::Edit(_) => Operation::Edit,
            Self::Status(..) => Operation::StatusChange,
            Self::Search(_) => Operation::Search,
        }
    }

    /// The anchors of its items.
    pub fn anchors(&self) -> impl Iterator<Item = Digest> {
        self.items().into_iter().map(Item::anchor)
    }

    /// Its items as the ledger records them: names of fields, no values.
    #[must_use]
    pub fn written(&self) -> Vec<CallItem> {
        self.items().into_iter().map(Item::written).collect()
    }

    fn items(&self) -> Vec<&dyn Item> {
        match self {
            Self::Create(create) => vec![create],
            Self::Edit(edits) => edits.iter().map(|edit| edit as &dyn Item).collect(),
            Self::Status(_, changes) => changes.iter().map(|change| change as &dyn Item).collect(),
            Self::Search(search) => vec![search],
        }
    }
}
