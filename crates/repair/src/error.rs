//! The reasons that a repair is refused. No text contains a value of the event.

use segment::Refusal;

/// The reason that a patch cannot be read or applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchProblem {
    /// The patch is not a list of operations.
    #[error("is not a JSON Patch: write a list of operations as in RFC 6902")]
    NotAPatch,
    /// More operations or bytes than a patch may have.
    #[error("is too large: a patch has at most 1,000 operations and 256 KiB")]
    TooLarge,
    /// An operation with an unknown name.
    #[error("has no known `op`: use add, remove, replace, move, copy or test")]
    Operation,
    /// An operation that lacks a member.
    #[error("lacks `path`, `value` or `from`")]
    Lacks,
    /// A pointer that cannot be read.
    #[error("has a path that is no JSON Pointer: write for example /traits/email")]
    Path,
    /// There is no value at the path.
    #[error("points to something that the event does not have")]
    Missing,
    /// The path contains a key that an object has twice.
    #[error("points to a member that the event has twice: edit the event instead")]
    Twice,
    /// The operation would move a value into itself.
    #[error("would move a value into itself")]
    IntoItself,
    /// A test found another value.
    #[error("is a test that found another value")]
    TestFailed,
    /// The result would be too large or nested too deeply.
    #[error("would make the event larger than 1 MiB, or nested too deeply")]
    Grows,
}

/// The reason that an event was not repaired. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The event to repair is not a JSON object.
    #[error("the event is not a JSON object, so that it cannot be repaired: discard it with a reason")]
    NotAnEvent,
    /// The result is not a JSON object, or is too large.
    #[error("the edited text is not a JSON object of at most 1 MiB: check its quotes and commas")]
    NotJson,
    /// The patch cannot be read or applied; the number of the operation, from 1, or 0 for the whole patch.
    #[error("{} {problem}", operation_name(*operation))]
    Patch {
        /// The number of the operation, from 1; 0 for the whole patch.
        operation: usize,
        /// The problem.
        problem: PatchProblem,
    },
    /// The result has another id, time or type.
    #[error("the field `{0}` is locked: ids, times and the type of an event stay as they are")]
    Locked(&'static str),
    /// The result cannot be read as an event.
    #[error("the repaired event is still invalid: {0}")]
    Refused(Refusal),
    /// The result has a value that is too long to be sent.
    #[error("the repaired event is still invalid: the value of `{0}` is too long: write a shorter one")]
    TooLong(String),
    /// The repair wrote an email that is not an address, and the result has no other one.
    #[error("the repaired event is still invalid: the value of `email` is not an email address")]
    NotAnAddress,
    /// The result is the same event.
    #[error("the event is the same as before")]
    Unchanged,
}

fn operation_name(number: usize) -> String {
    if number == 0 { "the patch".to_owned() } else { format!("operation {number} of the patch") }
}

impl RepairError {
    /// The reason in one word, for JSON and counts.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotAnEvent => "not_an_event",
            Self::NotJson => "not_json",
            Self::Patch { .. } => "patch",
            Self::Locked(_) => "locked",
            Self::Refused(_) | Self::TooLong(_) | Self::NotAnAddress => "invalid",
            Self::Unchanged => "unchanged",
        }
    }
}
