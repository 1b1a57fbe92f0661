//! The memory that bodies may take together.
//!
//! What has arrived counts, not what a request announces. One connection may take a part of it only, so that no customer's
//! slow bodies keep the others' out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::refused::Refused;

/// One connection may have this part of the memory: a quarter.
const SHARE: usize = 4;

/// The memory of all bodies.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    share: usize,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    all: usize,
    by_connection: HashMap<i64, usize>,
}

/// The memory of one body. It is given back when dropped.
pub(crate) struct Held {
    budget: Arc<Budget>,
    connection: i64,
    bytes: usize,
}

impl Budget {
    /// `limit` bytes for all bodies. A single body of `max_body` bytes fits into the share of its connection in any case.
    pub(crate) fn new(limit: usize, max_body: usize) -> Arc<Self> {
        let share = (limit / SHARE).max(max_body).min(limit);
        Arc::new(Self { limit, share, used: Mutex::default() })
    }

    /// Bytes that one connection may have.
    pub(crate) fn share(&self) -> usize {
        self.share
    }

    /// Nothing yet, for one body of this connection.
    pub(crate) fn hold(self: &Arc<Self>, connection: i64) -> Held {
        Held { budget: Arc::clone(self), connection, bytes: 0 }
    }

    /// Bytes in use now.
    pub(crate) fn in_use(&self) -> usize {
        self.used().all
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Takes `more` bytes.
    ///
    /// # Errors
    ///
    /// [`Refused::TooManyBodies`] if they are not there now.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Refused> {
        let mut used = self.budget.used();
        let own = used.by_connection.get(&self.connection).copied().unwrap_or(0);
        if used.all + more > self.budget.limit || own + more > self.budget.share {
            return Err(Refused::TooManyBodies);
        }
        used.all += more;
        used.by_connection.insert(self.connection, own + more);
        self.bytes += more;
        Ok(())
    }

    /// Counts what is taken for another connection.
    ///
    /// # Errors
    ///
    /// [`Refused::TooManyBodies`] if that has no room for it.
    pub(crate) fn give_to(&mut self, connection: i64) -> Result<(), Refused> {
        let bytes = self.bytes;
        // First given back, then taken: nothing is counted twice.
        *self = self.budget.hold(connection);
        self.grow(bytes)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut used = self.budget.used();
        used.all -= self.bytes;
        if let Some(own) = used.by_connection.get_mut(&self.connection) {
            *own -= self.bytes;
            if *own == 0 {
                used.by_connection.remove(&self.connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_gets_a_quarter_and_gives_it_back() {
        let budget = Budget::new(400, 10);
        let (mut first, mut second, mut other) = (budget.hold(1), budget.hold(1), budget.hold(2));
        assert!(first.grow(60).is_ok() && second.grow(40).is_ok());
        assert!(matches!(second.grow(1), Err(Refused::TooManyBodies)));
        assert!(other.grow(100).is_ok(), "another connection has a share of its own");
        assert_eq!(budget.in_use(), 200);
        drop(first);
        assert!(second.grow(60).is_ok());
        drop((second, other));
        assert_eq!((budget.in_use(), budget.used().by_connection.len()), (0, 0));
    }

    #[test]
    fn what_is_given_to_another_connection_counts_as_its_own() {
        let budget = Budget::new(400, 10);
        let (mut first, mut other) = (budget.hold(1), budget.hold(2));
        first.grow(60).unwrap();
        first.give_to(2).unwrap();
        assert_eq!((budget.in_use(), budget.used().by_connection.get(&1)), (60, None));
        assert!(other.grow(40).is_ok() && other.grow(1).is_err());
        assert!(first.give_to(2).is_ok(), "what it has is no obstacle");
        drop((first, other));
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn all_connections_together_get_no_more_than_the_limit() {
        let budget = Budget::new(400, 10);
        let mut held: Vec<_> = (0..5).map(|connection| budget.hold(connection)).collect();
        let taken = held.iter_mut().filter_map(|held| held.grow(100).ok()).count();
        assert_eq!((taken, budget.in_use()), (4, 400));
    }
}
