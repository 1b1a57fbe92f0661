//! A selector whose times are frozen, and how many dead letters it selects.

use jiff::Timestamp;
use ledger::selector::Term;
use ledger::{DeadLetterFilter, DeadLetterState, Selector, SelectorError};

use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;

/// A selector whose times are frozen, and the dead letters that it selects.
pub struct Selection {
    /// The selector as every answer repeats it.
    pub selector: Selector,
    /// The same for the ledger.
    pub filter: DeadLetterFilter,
    /// How many dead letters it selects, exactly.
    pub count: u64,
    /// Only ids were given: ids without a dead letter are reported.
    pub is_by_id: bool,
}

impl Selection {
    /// Applies a selector to the connections of a directory, without a limit.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it names a connection that the directory does not have, or the ledger cannot be read.
    pub async fn of(engines: &Engines, directory: &Directory, selector: Selector) -> Result<Self, Failure> {
        let Frozen { selector, filter, .. } = Frozen::of(engines, directory, selector)?;
        let count = engines.dead_letters.count_dead_letters(&filter).await?;
        let is_by_id = matches!(selector.terms(), [Term::Id(_)]);
        Ok(Self { selector, filter, count, is_by_id })
    }

    /// The selector and the count, for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let letters = if self.count == 1 { "dead letter" } else { "dead letters" };
        match self.selector.is_empty() {
            true => format!("{} {letters} in all", self.count),
            false => format!("selector: {}\n{} {letters} selected", self.selector, self.count),
        }
    }
}

/// A selector whose times are frozen, for uses that need no count.
pub struct Frozen {
    /// The selector as it was written, for messages about it.
    pub written: Selector,
    /// The selector as every answer repeats it.
    pub selector: Selector,
    /// The same for the ledger.
    pub filter: DeadLetterFilter,
}

impl Frozen {
    /// Applies a selector to the connections of a directory, without a limit.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it names a connection that the directory does not have.
    pub fn of(engines: &Engines, directory: &Directory, selector: Selector) -> Result<Self, Failure> {
        let now = in_micros(engines.now());
        let (written, selector) = (selector.clone(), selector.freeze(now));
        let mut filter = selector.filter(now, |name| directory.id_of(name))?;
        filter.limit = usize::MAX;
        filter.connections = filter.connections.or_else(|| directory.scope());
        Ok(Self { written, selector, filter })
    }
}

/// The selector of an act. Without a state or ids it takes the dead letters in the state `acts_on`, and the selector of the
/// answer then names this state.
///
/// # Errors
///
/// [`Failure`] with the code `empty_selector`, or `selector` if there is no room for the state.
pub fn to_act(mut selector: Selector, acts_on: DeadLetterState) -> Result<Selector, Failure> {
    if selector.is_empty() {
        let message = "an empty selector would select every dead letter, so it is refused";
        let hint = format!("give a selector; for all of them, write state:{}", acts_on.word());
        return Err(Failure::usage("empty_selector", message, hint));
    }
    if !matches!(selector.terms(), [Term::Id(_)]) && !selector.names_a_state() {
        selector.and(Term::State(vec![acts_on]))?;
    }
    Ok(selector)
}

/// A time as the ledger keeps it.
pub fn in_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

impl From<SelectorError> for Failure {
    fn from(error: SelectorError) -> Self {
        let hint = "`dead-letters list --help` shows every key with an example";
        Self::usage("selector", error.to_string(), hint)
    }
}
