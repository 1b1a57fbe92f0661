//! The error of an invalid selector.

use std::fmt;

/// The maximum length of a term in messages; longer ones are cut.
const SHOWN_CHARS: usize = 60;

/// The error of an invalid selector: the problem, its place, and what is possible instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SelectorError {
    /// The term as written; empty if the selector as a whole is invalid.
    pub term: String,
    /// The place of the term's first character, counted from 1.
    pub place: usize,
    /// The problem with it, and what is possible.
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
