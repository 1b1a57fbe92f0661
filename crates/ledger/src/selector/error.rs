//! What is wrong with a selector.

use std::fmt;

/// Longer terms are cut in messages.
const SHOWN_CHARS: usize = 60;

/// What is wrong with a selector, where, and what is possible instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SelectorError {
    /// The term, as it was written; empty where the selector as a whole is wrong.
    pub term: String,
    /// The place of the term's first character, counted from 1.
    pub place: usize,
    /// What is wrong with it, and what is possible.
    pub why: String,
}

impl SelectorError {
    pub(super) fn new(term: &str, place: usize, why: impl Into<String>) -> Self {
        let mut shown: String = term.chars().take(SHOWN_CHARS).collect();
        if shown.len() < term.len() {
            shown.push('…');
        }
        Self { term: shown, place, why: why.into() }
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.term.is_empty() {
            return write!(out, "the selector cannot be read: {}", self.why);
        }
        write!(out, "`{}` (character {} of the selector): {}", self.term, self.place, self.why)
    }
}
