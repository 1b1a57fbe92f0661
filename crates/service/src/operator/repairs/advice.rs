//! What an operator can do about an event that cannot be read.

use ledger::DeadLetterView;
use segment::Refusal;

/// The advice for an event that no repair makes readable.
const DISCARD: &str = "no repair can correct it, because its type and ids are locked: discard it with --reason, and correct the source";

/// The advice for an event that names nobody.
const ADD_AN_EMAIL: &str = "a repair can add an email, but no userId or anonymousId, because ids are locked; or discard it with --reason";

/// What can be done about an event that cannot be read: its cause was written for the sender of the event, who may change more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// No repair can help.
    Discard,
    /// It names nobody, and a repair can only add an email.
    AddAnEmail,
}

impl Advice {
    /// The advice about a dead letter; `None` if its event can be read, or may be repaired in other ways.
    #[must_use]
    pub fn about(letter: &DeadLetterView) -> Option<Self> {
        let payload = letter.payload.as_deref()?;
        match segment::read(payload.as_bytes(), letter.received_at).err()? {
            Refusal::NotJson(_) | Refusal::NotAnObject | Refusal::NoType => Some(Self::Discard),
            Refusal::IdentifyNamesNobody | Refusal::DeleteNamesNobody => Some(Self::AddAnEmail),
            Refusal::UnsupportedType(_) | Refusal::UntrustedDelete | Refusal::TooLong => None,
        }
    }

    /// The advice in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Discard => DISCARD,
            Self::AddAnEmail => ADD_AN_EMAIL,
        }
    }
}
