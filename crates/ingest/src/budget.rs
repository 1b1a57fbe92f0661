//! The memory for the bodies of all requests.
//!
//! Data that has arrived counts, not the size that a request announces. Each connection may use only a part of the memory,
//! so that no customer's slow bodies keep the others' out. If a body contains the key, it counts for its client until it is
//! read: each client gets a small part, and all such clients together at most half, because they may be strangers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use listener::party;
use parking_lot::{Mutex, MutexGuard};

use crate::refused::Refused;

/// Each connection may use this part of the memory: a quarter.
const SHARE: usize = 4;

/// Each client whose connection is not known yet may use this part: a sixteenth, but no less than [`CLIENT_BYTES`].
const CLIENT_SHARE: usize = 16;

/// Bytes that a client gets even if the memory is small: the longest body, compressed and not.
const CLIENT_BYTES: usize = 2 * 1024 * 1024;

/// The owner of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Connection(i64),
    Client(IpAddr),
}

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
    /// The memory of clients whose connection is not known yet.
    by_clients: usize,
    by_owner: HashMap<Owner, usize>,
}

/// The memory of one body. It is given back when dropped.
pub(crate) struct Held {
    budget: Arc<Budget>,
    owner: Owner,
    bytes: usize,
}

impl Budget {
    /// `limit` bytes for all bodies. A single body of `max_body` bytes fits into the share of its connection in any case.
    pub(crate) fn new(limit: usize, max_body: usize) -> Arc<Self> {
        let share = (limit / SHARE).max(max_body).min(limit);
        Arc::new(Self { limit, share, used: Mutex::default() })
    }

    /// Maximum bytes of one connection.
    pub(crate) fn share(&self) -> usize {
        self.share
    }

    /// An account for one body of this connection, without memory yet.
    pub(crate) fn hold(self: &Arc<Self>, connection: i64) -> Held {
        self.hold_for(Owner::Connection(connection))
    }

    /// An account for one body of this client, whose connection is not known yet; without memory yet.
    pub(crate) fn hold_for_client(self: &Arc<Self>, client: IpAddr) -> Held {
        self.hold_for(Owner::Client(party(client)))
    }

    fn hold_for(self: &Arc<Self>, owner: Owner) -> Held {
        Held { budget: Arc::clone(self), owner, bytes: 0 }
    }

    /// Whether an owner may have `own` bytes, if all clients have `by_clients` bytes.
    fn grants(&self, owner: Owner, own: usize, by_clients: usize) -> bool {
        match owner {
            Owner::Connection(_) => own <= self.share,
            Owner::Client(_) => {
                let share = (self.limit / CLIENT_SHARE).max(CLIENT_BYTES).min(self.share);
                own <= share && by_clients <= self.limit / 2
            }
        }
    }

    /// Bytes in use now.
    pub(crate) fn in_use(&self) -> usize {
        self.used().all
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock()
    }
}

impl Held {
    /// Takes `more` bytes.
    ///
    /// # Errors
    ///
    /// [`Refused::TooManyBodies`] if they are not available now.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Refused> {
        let mut used = self.budget.used();
        let own = used.by_owner.get(&self.owner).copied().unwrap_or(0) + more;
        let by_clients = used.by_clients + if self.is_a_clients() { more } else { 0 };
        if used.all + more > self.budget.limit || !self.budget.grants(self.owner, own, by_clients) {
            return Err(Refused::TooManyBodies);
        }
        used.all += more;
        used.by_clients = by_clients;
        used.by_owner.insert(self.owner, own);
        self.bytes += more;
        Ok(())
    }

    fn is_a_clients(&self) -> bool {
        matches!(self.owner, Owner::Client(_))
    }

    /// Transfers the memory from the client to a connection.
    ///
    /// # Errors
    ///
    /// [`Refused::TooManyBodies`] if the connection has no room for it.
    pub(crate) fn give_to(&mut self, connection: i64) -> Result<(), Refused> {
        let bytes = self.bytes;
        // The memory is given back first, and then taken again, so that nothing is counted twice.
        *self = self.budget.hold(connection);
        self.grow(bytes)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut used = self.budget.used();
        used.all -= self.bytes;
        if self.is_a_clients() {
            used.by_clients -= self.bytes;
        }
        if let Some(own) = used.by_owner.get_mut(&self.owner) {
            *own -= self.bytes;
            if *own == 0 {
                used.by_owner.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_gets_a_quarter_and_returns_it() {
        let budget = Budget::new(400, 10);
        let (mut first, mut second, mut other) = (budget.hold(1), budget.hold(1), budget.hold(2));
        assert!(first.grow(60).is_ok() && second.grow(40).is_ok());
        assert!(matches!(second.grow(1), Err(Refused::TooManyBodies)));
        assert!(other.grow(100).is_ok(), "another connection has a share of its own");
        assert_eq!(budget.in_use(), 200);
        drop(first);
        assert!(second.grow(60).is_ok());
        drop((second, other));
        assert_eq!((budget.in_use(), budget.used().by_owner.len()), (0, 0));
    }

    #[test]
    fn a_transferred_budget_counts_for_the_other_connection() {
        let budget = Budget::new(400, 10);
        let (mut first, mut other) = (budget.hold(1), budget.hold(2));
        first.grow(60).unwrap();
        first.give_to(2).unwrap();
        assert_eq!((budget.in_use(), budget.used().by_owner.get(&Owner::Connection(1))), (60, None));
        assert!(other.grow(40).is_ok() && other.grow(1).is_err());
        assert!(first.give_to(2).is_ok(), "what it has is no obstacle");
        drop((first, other));
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn clients_without_a_known_key_get_a_small_share_each_and_half_of_the_memory_together() {
        let mib = 1024 * 1024;
        let budget = Budget::new(64 * mib, mib);
        let client = |number: u8| budget.hold_for_client(IpAddr::from([192, 0, 2, number]));
        let mut first = client(1);
        assert!(first.grow(4 * mib).is_ok());
        assert!(client(1).grow(1).is_err(), "it has its part");
        let mut held: Vec<_> = (2..=9).map(client).collect();
        let granted = held.iter_mut().filter_map(|held| held.grow(4 * mib).ok()).count();
        assert_eq!(granted, 7, "other clients have parts of their own, up to half of the memory");
        assert!(budget.hold(7).grow(16 * mib).is_ok(), "known keys have the rest");
        first.give_to(7).unwrap();
        assert!(client(9).grow(4 * mib).is_ok() && client(1).grow(4 * mib).is_ok());
        drop((first, held));
        let used = budget.used();
        assert_eq!((used.all, used.by_clients, used.by_owner.len()), (0, 0, 0));
    }

    #[test]
    fn all_connections_together_get_no_more_than_the_limit() {
        let budget = Budget::new(400, 10);
        let mut held: Vec<_> = (0..5).map(|connection| budget.hold(connection)).collect();
        let taken = held.iter_mut().filter_map(|held| held.grow(100).ok()).count();
        assert_eq!((taken, budget.in_use()), (4, 400));
    }
}
