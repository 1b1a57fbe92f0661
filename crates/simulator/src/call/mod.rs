//! Parsing and validation of requests, as far as they need no account.
//!
//! The checks have the same order for every operation: empty body (404), invalid JSON (400), unknown field (204),
//! missing field (400), too many elements (429), values (422). Parsing needs no account, so the HTTP server does it
//! without the lock on the simulator.

mod body;
mod countries;
mod edit;
mod email;
mod json;
mod lookup;
mod new;
mod password;
mod status_change;
mod validation;

pub(crate) use edit::Edit;
pub(crate) use lookup::{List, LookupBy, Search, not_found};
pub(crate) use new::New;
pub(crate) use status_change::StatusChange;

use crate::answer::Answer;
use crate::operation::Operation;
use crate::options::Switches;

/// Maximum length of a body, in bytes. Assumed: Refersion documents no limit.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// Maximum number of affiliates in one `edit` or `status_change`. Source: Refersion REST v2,
/// `/affiliate/status_change`; it is also the limit of every sibling operation.
const MAX_ELEMENTS: usize = 50;

/// A valid request.
#[derive(Debug)]
pub(crate) enum Call {
    New(Box<New>),
    Get(LookupBy),
    Edit(Vec<Edit>),
    Search(Search),
    List(List),
    StatusChange(StatusChange),
}

impl Call {
    /// Parses a request. The error is the answer to an invalid one.
    pub(crate) fn read(operation: Operation, body: &[u8], switches: &Switches) -> Result<Self, Answer> {
        match operation {
            Operation::New => new::read(body, switches).map(Box::new).map(Self::New),
            Operation::Get => lookup::read_get(body, switches).map(Self::Get),
            Operation::Edit => edit::read(body, switches).map(Self::Edit),
            Operation::Search => lookup::read_search(body, switches).map(Self::Search),
            Operation::List => lookup::read_list(body, switches).map(Self::List),
            Operation::StatusChange => status_change::read(body, switches).map(Self::StatusChange),
            Operation::Unsupported(_) => {
                Err(Answer::refused(&["Your account plan does not support this feature (error 1)."]))
            }
            Operation::Unknown => Err(Answer::gateway(403, "Forbidden")),
        }
    }
}

/// The number that a text of ASCII digits stands for: no sign, no spaces, not empty.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn too_many() -> Answer {
    Answer::error(429, &format!("Max number of elements on attribute ({MAX_ELEMENTS}) reached."))
}
