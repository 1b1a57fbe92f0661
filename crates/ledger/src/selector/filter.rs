//! From a selector to what the ledger filters by.

use connections::ConnectionId;
use jiff::Timestamp;

use super::{Selector, Term};
use crate::DeadLetterFilter;

impl Selector {
    /// What the ledger filters by. Ages count from `now`; `id_of` names a connection's id.
    ///
    /// # Errors
    /// What `id_of` fails with.
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
                Term::Text(text) => filter.text = Some(text),
                Term::DiedFrom(at) => filter.died_from = filter.died_from.max(Some(at)),
                Term::DiedBefore(at) => {
                    filter.died_before = Some(filter.died_before.map_or(at, |other| other.min(at)));
                }
                // Frozen above.
                Term::Age(_) => {}
            }
        }
        Ok(filter)
    }
}
