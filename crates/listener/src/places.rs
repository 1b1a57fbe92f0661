//! Decides which connections have a place at the listener, and which of them loses it to a new one.
//!
//! The connection that has been idle for longest goes first: one that waits for its client to send a request, like a
//! connection that was just accepted. Only if there is none, a connection goes whose client has begun a request and sends
//! nothing of its body. Connections are kept in the order in which they began to wait, so that finding the first takes no
//! longer if there are many.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{Limits, Meters, party};

/// How long a client may send nothing of a body before its connection may lose its place.
pub(crate) const STALLED_AFTER: Duration = Duration::from_millis(300);

/// The data that a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A request.
    Request = 0,
    /// The rest of the body of a request.
    Body = 1,
}

/// The places of one listener.
pub(crate) struct Places {
    limits: Limits,
    meters: Arc<Meters>,
    table: Mutex<Table>,
    /// Wakes a new connection that waits because all others were in the middle of a request.
    freed: Notify,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Open>,
    /// The connections that wait, for a request and for a body, by the turn at which they began to wait.
    waiting: [BTreeMap<u64, u64>; 2],
    addresses: HashMap<IpAddr, Address>,
}

/// One open connection.
struct Open {
    /// Its party; `None` if it is a proxy's.
    address: Option<IpAddr>,
    waits: Option<Waits>,
    close: CancellationToken,
}

/// The data that a connection waits for, and since when.
#[derive(Clone, Copy)]
struct Waits {
    wait: Wait,
    turn: u64,
    since: Instant,
}

/// The connections of one party.
#[derive(Default)]
struct Address {
    open: usize,
    waiting: [BTreeSet<u64>; 2],
}

/// Whether a new connection gets a place.
pub(crate) enum Admission {
    /// It gets one.
    Place(Place),
    /// Its address has used up its share, and all of its connections are in the middle of requests.
    AddressFull,
    /// All places are in the middle of requests.
    Full,
}

/// The place of one connection. It is given back when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    id: u64,
    /// Cancelled when the place is given to another connection.
    pub(crate) close: CancellationToken,
}

impl Places {
    pub(crate) fn new(limits: Limits, meters: Arc<Meters>) -> Arc<Self> {
        Arc::new(Self { limits, meters, table: Mutex::default(), freed: Notify::new() })
    }

    /// A place for a connection from `peer`; waits while all places are in the middle of requests. `None`: the address has
    /// used up its share.
    pub(crate) async fn admit_when_free(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        loop {
            match self.admit(peer) {
                Admission::Place(place) => return Some(place),
                Admission::AddressFull => return None,
                // A client may have stalled meanwhile, which causes no notification.
                Admission::Full => drop(timeout(STALLED_AFTER, self.freed.notified()).await),
            }
        }
    }

    /// A place for a connection from `peer`; if necessary, that of the connection that has been idle for longest.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Admission {
        let address = (!self.limits.proxies.contains(peer)).then(|| party(peer));
        let mut table = self.table();
        let own = address.and_then(|address| table.addresses.get(&address));
        if let Some(own) = own.filter(|own| own.open >= self.limits.max_per_address) {
            let firsts = [0, 1].map(|wait| own.waiting[wait].first().copied());
            let Some(first) = table.to_close(firsts) else { return Admission::AddressFull };
            self.close(&mut table, first);
        } else if table.open.len() >= self.limits.max_connections {
            let Some(first) = table.first() else { return Admission::Full };
            self.close(&mut table, first);
        }
        let (id, close) = table.insert(address);
        self.meters.set_open(table.open.len());
        Admission::Place(Place { places: Arc::clone(self), id, close })
    }

    /// Closes the connection that has been idle for longest, if any waits for its client, because the system is short of
    /// resources.
    pub(crate) fn close_idlest(&self) {
        let mut table = self.table();
        if let Some(first) = table.first() {
            self.close(&mut table, first);
        }
    }

    fn close(&self, table: &mut Table, id: u64) {
        if let Some(open) = table.remove(id) {
            open.close.cancel();
            self.meters.count_closed_idle();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
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
        self.open.insert(id, Open { address, waits: None, close: close.clone() });
        self.set_waiting(id, Wait::Request);
        (id, close)
    }

    /// The connection to close, given the first that waits for a request and the first that waits for a body.
    fn to_close(&self, [for_request, for_body]: [Option<u64>; 2]) -> Option<u64> {
        let at = |wait: Wait, turn| self.waiting[wait as usize].get(&turn).copied();
        let stalled = |id: &u64| {
            let waits = self.open.get(id).and_then(|open| open.waits);
            waits.is_some_and(|waits| waits.since.elapsed() >= STALLED_AFTER)
        };
        let idlest = for_request.and_then(|turn| at(Wait::Request, turn));
        idlest.or_else(|| for_body.and_then(|turn| at(Wait::Body, turn)).filter(stalled))
    }

    fn first(&self) -> Option<u64> {
        self.to_close([0, 1].map(|wait| self.waiting[wait].first_key_value().map(|(turn, _)| *turn)))
    }

    fn set_waiting(&mut self, id: u64, wait: Wait) {
        let turn = self.turn();
        let Some(open) = self.open.get_mut(&id).filter(|open| open.waits.is_none()) else { return };
        open.waits = Some(Waits { wait, turn, since: Instant::now() });
        self.waiting[wait as usize].insert(turn, id);
        if let Some(address) = open.address.and_then(|address| self.addresses.get_mut(&address)) {
            address.waiting[wait as usize].insert(turn);
        }
    }

    /// Returns whether the connection is still there.
    fn set_busy(&mut self, id: u64) -> bool {
        let Some(open) = self.open.get_mut(&id) else { return false };
        if let Some(Waits { wait, turn, .. }) = open.waits.take() {
            self.waiting[wait as usize].remove(&turn);
            if let Some(address) = open.address.and_then(|address| self.addresses.get_mut(&address)) {
                address.waiting[wait as usize].remove(&turn);
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
    /// The client has sent the data that was waited for: from now on the place is not given away. Returns whether it is
    /// still there.
    pub(crate) fn set_busy(&self) -> bool {
        self.places.table().set_busy(self.id)
    }

    /// It is the client's turn to send.
    pub(crate) fn set_waiting(&self, wait: Wait) {
        self.places.table().set_waiting(self.id, wait);
        if wait == Wait::Request {
            self.places.freed.notify_one();
        }
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
