//! Converts a selector to a filter of the ledger.

use connections::ConnectionId;
use jiff::Timestamp;

use super::{Selector, Term};
use crate::DeadLetterFilter;

impl Selector {
    /// Converts the selector to a filter of the ledger. Ages are relative to `now`; `id_of` finds a connection's id.
    ///
    /// # Errors
    /// The errors of `id_of`.
    pub fn filter<E>(
        &self,
        now: Timestamp,
        id_of: impl Fn(&str) -> Result<ConnectionId, E>,
    ) -> Result<DeadLetterFilter, E> {
        let mut filter = DeadLetterFilter { limit: usize::MAX, ..DeadLetterFilter::default() };
        for term in self.freeze(now).terms {
            match term {
                Term::Id(ids) => filter.ids = Some(ids),
                Term::State(states) => filter.states = Some(states),
                Term::Class(classes) => filter.classes = Some(classes),
                Term::Status(statuses) => filter.http_statuses = Some(statuses),
                Term::Field(fields) => filter.fields = Some(fields),
                Term::Audience(audiences) => filter.audiences = Some(audiences),
                Term::Connection(names) => {
                    let ids: Result<_, E> = names.iter().map(|name| id_of(name)).collect();
                    filter.connections = Some(ids?);
                }
                Term::Group(keys) => filter.groups = Some(keys),
                Term::Mend(menders) => filter.menders = Some(menders),
                Term::Repaired(is) => filter.repaired = Some(is),
                Term::Text(text) => filter.text = Some(text),
                Term::DiedFrom(at) => filter.died_from = filter.died_from.max(Some(at)),
                Term::DiedBefore(at) => {
                    filter.died_before = Some(filter.died_before.map_or(at, |other| other.min(at)));
                }
                // Ages were frozen above.
                Term::Age(_) => {}
            }
        }
        Ok(filter)
    }
}
