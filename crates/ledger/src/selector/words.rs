//! The fixed words of selectors.

use super::Term;
use crate::{DeadLetterState, Mender};

/// Every key, in the order of the alphabet, with an example.
pub const KEYS: [(&str, &str); 13] = [
    ("age", "age:<2d"),
    ("audience", "audience:vip"),
    ("class", "class:refused"),
    ("connection", "connection:shop"),
    ("died", "died:>=2026-11-29T00:00:00Z"),
    ("field", "field:email"),
    ("group", "group:g1f0c5e2a9b47"),
    ("id", "id:17,18"),
    ("mend", "mend:data"),
    ("repaired", "repaired:yes"),
    ("state", "state:open"),
    ("status", "status:422"),
    ("text", "text:\"taken by another\""),
];

/// Every class that a dead letter of this version may have.
pub const CLASSES: [&str; 13] = [
    "email_taken",
    "gone",
    "no_answer",
    "not_here",
    "poison",
    "refused",
    "request",
    "throttled",
    "too_large",
    "too_many",
    "too_many_identifiers",
    "unavailable",
    "unreadable",
];

impl Term {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Id(_) => "id",
            Self::State(_) => "state",
            Self::Class(_) => "class",
            Self::Status(_) => "status",
            Self::Field(_) => "field",
            Self::Audience(_) => "audience",
            Self::Connection(_) => "connection",
            Self::Group(_) => "group",
            Self::Mend(_) => "mend",
            Self::Repaired(_) => "repaired",
            Self::Text(_) => "text",
            Self::Age(_) => "age",
            Self::DiedFrom(_) | Self::DiedBefore(_) => "died",
        }
    }
}

/// The state of a word.
pub(super) fn state(word: &str) -> Option<DeadLetterState> {
    DeadLetterState::ALL.into_iter().find(|state| state.word() == word)
}

/// Whether a word asks for repaired dead letters.
pub(super) fn repaired(word: &str) -> Option<bool> {
    [true, false].into_iter().find(|&is| repaired_word(is) == word)
}

pub(super) fn repaired_word(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// The mender for a word.
pub(super) fn mender(word: &str) -> Option<Mender> {
    Mender::ALL.into_iter().find(|mender| mender.word() == word)
}

/// All menders, for messages.
pub(super) fn menders() -> String {
    Mender::ALL.map(Mender::word).join(", ")
}

/// All states, for messages.
pub(super) fn states() -> String {
    DeadLetterState::ALL.map(DeadLetterState::word).join(", ")
}

/// All keys, for messages.
pub(super) fn keys() -> String {
    KEYS.map(|(key, _)| key).join(", ")
}

/// An example of a key, for messages.
pub(super) fn example(key: &str) -> &'static str {
    KEYS.into_iter().find(|(known, _)| *known == key).map_or("", |(_, example)| example)
}
