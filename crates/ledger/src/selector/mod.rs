//! Selectors: they select the dead letters of a list, a group or an act.
//!
//! A selector is a text of terms, `class:refused status:422 age:<2d text:"taken by another"`. A dead letter is selected if it matches every
//! term; a term with several values, `class:refused,gone`, matches each of them. The command line and every other interface use this
//! parser, and pass a [`DeadLetterFilter`](crate::DeadLetterFilter) to the ledger.

mod age;
mod audit;
mod error;
mod filter;
mod lex;
mod parse;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;

use jiff::Timestamp;

use crate::{DeadLetterState, Mender};
pub use age::{Age, Unit};
pub use audit::AuditSelector;
pub use error::SelectorError;
use words::repaired_word;
pub use words::{CLASSES, KEYS};

/// The maximum length of a selector, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// Maximum number of terms in a selector.
pub const MAX_TERMS: usize = 64;

/// Maximum number of values in one term.
pub const MAX_VALUES: usize = 10_000;

/// A selector as it was written. `Display` writes it in a form that [`Selector::parse`] reads again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    terms: Vec<Term>,
}

/// One condition. If it has several values, one of them has to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// `id:17,18`, or just `17`.
    Id(Vec<i64>),
    /// `state:open`.
    State(Vec<DeadLetterState>),
    /// `class:refused`.
    Class(Vec<String>),
    /// `status:422`: the HTTP status of Refersion's answer.
    Status(Vec<u16>),
    /// `field:email`: the field that Refersion refused.
    Field(Vec<String>),
    /// `audience:vip`: the audience or computed trait that Engage synced with the event.
    Audience(Vec<String>),
    /// `connection:shop`.
    Connection(Vec<String>),
    /// `group:g1f0c5e2a9b47`: the key of its group.
    Group(Vec<String>),
    /// `mend:data`: where its cause can be corrected.
    Mend(Vec<Mender>),
    /// `repaired:yes`: it has a repaired event; `repaired:no`: it has none.
    Repaired(bool),
    /// `text:"taken by another"`: the cause contains this text; the case of ASCII letters is ignored.
    Text(String),
    /// `age:<2d`: it died less than two days ago; `age:>2d`: longer ago.
    Age(Age),
    /// `died:>=2026-11-29T00:00:00Z`: it died then or later.
    DiedFrom(Timestamp),
    /// `died:<2026-11-29T00:00:00Z`: it died earlier.
    DiedBefore(Timestamp),
}

impl Selector {
    /// Its terms, in the order in which they were written.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether it has no terms: then it selects every dead letter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it has a term about the state.
    #[must_use]
    pub fn names_a_state(&self) -> bool {
        self.terms.iter().any(|term| matches!(term, Term::State(_)))
    }

    /// Adds a term.
    ///
    /// # Errors
    /// If the selector has a term with the same key already, or has [`MAX_TERMS`] terms.
    pub fn and(&mut self, term: Term) -> Result<(), SelectorError> {
        let place = self.to_string().chars().count() + 1;
        parse::add(&mut self.terms, term, place)
    }

    /// The same selector with ages converted to absolute times, as of `now`: its selection does not change during an
    /// act.
    #[must_use]
    pub fn freeze(&self, now: Timestamp) -> Self {
        let freeze = |term: &Term| match term {
            Term::Age(age) => age.freeze(now),
            other => other.clone(),
        };
        Self { terms: self.terms.iter().map(freeze).collect() }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, term) in self.terms.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(out, "{space}{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.key())?;
        match self {
            Self::Id(ids) => lex::write_values(out, ids),
            Self::State(states) => {
                lex::write_values(out, &states.iter().map(|it| it.word()).collect::<Vec<_>>())
            }
            Self::Status(statuses) => lex::write_values(out, statuses),
            Self::Mend(menders) => {
                lex::write_values(out, &menders.iter().map(|it| it.word()).collect::<Vec<_>>())
            }
            Self::Class(values)
            | Self::Field(values)
            | Self::Audience(values)
            | Self::Connection(values)
            | Self::Group(values) => lex::write_values(out, values),
            Self::Repaired(is) => write!(out, "{}", repaired_word(*is)),
            Self::Text(text) => lex::write_values(out, &[text]),
            Self::Age(age) => write!(out, "{age}"),
            Self::DiedFrom(at) => write!(out, ">={at}"),
            Self::DiedBefore(at) => write!(out, "<{at}"),
        }
    }
}
