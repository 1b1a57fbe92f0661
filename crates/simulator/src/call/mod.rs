//! Requests as typed calls: everything that can be refused without looking at an account is refused here.
//!
//! The checks come in one order for every operation: empty body (404), invalid JSON (400), unknown field (204),
//! missing field (400), too many elements (429), values (422). Reading needs no account, so the HTTP server does it
//! outside the simulator's lock.

mod body;
mod complaints;
mod countries;
mod edit;
mod email;
mod json;
mod look;
mod new;
mod password;
mod status_change;

pub(crate) use edit::Edit;
pub(crate) use look::{List, Search, Which, not_found};
pub(crate) use new::New;
pub(crate) use status_change::StatusChange;

use crate::answer::Answer;
use crate::operation::Operation;
use crate::options::Switches;

/// The longest body that the gateway lets pass, in bytes. Refersion publishes no limit; this one is ours.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// The most affiliates in one `edit` or `status_change`. Source: Refersion REST v2, `/affiliate/status_change`; it is
/// also the limit of every sibling operation.
const MAX_ELEMENTS: usize = 50;

/// A well-formed request.
#[derive(Debug)]
pub(crate) enum Call {
    New(Box<New>),
    Get(Which),
    Edit(Vec<Edit>),
    Search(Search),
    List(List),
    StatusChange(StatusChange),
}

impl Call {
    /// The error is the whole answer to a request that is not well formed.
    pub(crate) fn read(operation: Operation, body: &[u8], switches: &Switches) -> Result<Self, Answer> {
        match operation {
            Operation::New => new::read(body, switches).map(Box::new).map(Self::New),
            Operation::Get => look::read_get(body, switches).map(Self::Get),
            Operation::Edit => edit::read(body, switches).map(Self::Edit),
            Operation::Search => look::read_search(body, switches).map(Self::Search),
            Operation::List => look::read_list(body, switches).map(Self::List),
            Operation::StatusChange => status_change::read(body, switches).map(Self::StatusChange),
            Operation::Elsewhere(_) => {
                Err(Answer::refused(&["Your account plan does not support this feature (error 1)."]))
            }
            Operation::Unknown => Err(Answer::gateway(403, "Forbidden")),
        }
    }
}

fn too_many() -> Answer {
    Answer::error(429, &format!("Max number of elements on attribute ({MAX_ELEMENTS}) reached."))
}
