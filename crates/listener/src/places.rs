//! Who has a place at the listener, and who gives it up for a new connection.
//!
//! Idle connections are kept in the order in which they became idle, so that finding the idlest costs no more with many of
//! them. A connection that is just accepted counts as idle until its first request has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Limits, Meters, party};

/// The places of one listener.
pub(crate) struct Places {
    limits: Limits,
    meters: Arc<Meters>,
    table: Mutex<Table>,
    /// Wakes whoever waits because every connection was in the middle of a request.
    freed: Notify,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Open>,
    /// The idle connections by the turn at which they became idle.
    idle: BTreeMap<u64, u64>,
    addresses: HashMap<IpAddr, Address>,
}

/// One open connection.
struct Open {
    /// Its party; `None` if it is a proxy's.
    address: Option<IpAddr>,
    idle_since: Option<u64>,
    close: CancellationToken,
}

/// The connections of one party.
#[derive(Default)]
struct Address {
    open: usize,
    idle: BTreeSet<u64>,
}

/// Whether a new connection gets a place.
pub(crate) enum Admission {
    /// It does.
    Place(Place),
    /// Its address has its share, all of it in the middle of requests.
    AddressFull,
    /// All places are in the middle of requests.
    Full,
}

/// The place of one connection. It is given back when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    id: u64,
    /// Cancelled when the place is given to somebody else.
    pub(crate) close: CancellationToken,
}

impl Places {
    pub(crate) fn new(limits: Limits, meters: Arc<Meters>) -> Arc<Self> {
        Arc::new(Self { limits, meters, table: Mutex::default(), freed: Notify::new() })
    }

    /// A place for a connection from `peer`; waits while all places are in the middle of requests. `None`: the address has
    /// its share.
    pub(crate) async fn admit_when_free(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        loop {
            match self.admit(peer) {
                Admission::Place(place) => return Some(place),
                Admission::AddressFull => return None,
                Admission::Full => self.freed.notified().await,
            }
        }
    }

    /// A place for a connection from `peer`, if need be that of the idlest one.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Admission {
        let address = (!self.limits.proxies.contains(peer)).then(|| party(peer));
        let mut table = self.table();
        let own = address.and_then(|address| table.addresses.get(&address));
        if let Some(own) = own.filter(|own| own.open >= self.limits.max_per_address) {
            let Some(idlest) = own.idle.first().copied() else { return Admission::AddressFull };
            self.close(&mut table, idlest);
        } else if table.open.len() >= self.limits.max_connections {
            let Some((&idlest, _)) = table.idle.first_key_value() else { return Admission::Full };
            self.close(&mut table, idlest);
        }
        let (id, close) = table.insert(address);
        self.meters.set_open(table.open.len());
        Admission::Place(Place { places: Arc::clone(self), id, close })
    }

    /// Closes the idlest connection, if any is idle, because the system is short of something.
    pub(crate) fn close_idlest(&self) {
        let mut table = self.table();
        if let Some((&idlest, _)) = table.idle.first_key_value() {
            self.close(&mut table, idlest);
        }
    }

    fn close(&self, table: &mut Table, idle_since: u64) {
        if let Some(open) = table.idle.get(&idle_since).copied().and_then(|id| table.remove(id)) {
            open.close.cancel();
            self.meters.count_closed_idle();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn turn(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn insert(&mut self, address: Option<IpAddr>) -> (u64, CancellationToken) {
        let (id, close) = (self.turn(), CancellationToken::new());
        if let Some(address) = address {
            self.addresses.entry(address).or_default().open += 1;
        }
        self.open.insert(id, Open { address, idle_since: None, close: close.clone() });
        self.set_idle(id);
        (id, close)
    }

    fn set_idle(&mut self, id: u64) {
        let turn = self.turn();
        let Some(open) = self.open.get_mut(&id).filter(|open| open.idle_since.is_none()) else { return };
        open.idle_since = Some(turn);
        self.idle.insert(turn, id);
        if let Some(address) = open.address.and_then(|address| self.addresses.get_mut(&address)) {
            address.idle.insert(turn);
        }
    }

    /// Returns whether the connection is still there.
    fn set_busy(&mut self, id: u64) -> bool {
        let Some(open) = self.open.get_mut(&id) else { return false };
        if let Some(turn) = open.idle_since.take() {
            self.idle.remove(&turn);
            if let Some(address) = open.address.and_then(|address| self.addresses.get_mut(&address)) {
                address.idle.remove(&turn);
            }
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Open> {
        self.set_busy(id);
        let open = self.open.remove(&id)?;
        if let Some(address) = open.address
            && let Some(left) = self.addresses.get_mut(&address)
        {
            left.open -= 1;
            if left.open == 0 {
                self.addresses.remove(&address);
            }
        }
        Some(open)
    }
}

impl Place {
    /// A request has come: from now on nobody else gets the place. Returns whether it is still there.
    pub(crate) fn set_busy(&self) -> bool {
        self.places.table().set_busy(self.id)
    }

    /// The answer has gone out.
    pub(crate) fn set_idle(&self) {
        self.places.table().set_idle(self.id);
        self.places.freed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table();
        table.remove(self.id);
        self.places.meters.set_open(table.open.len());
        drop(table);
        self.places.freed.notify_one();
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
