//! From absorb straight to reconcile, within one process: where the API keeps up, a batch goes through both stories and is
//! written once, at the end of the second. Until then its unacknowledged messages are the pending record.
//!
//! Absorb offers what it has folded to whoever holds the connection's lease in this process. The holder tells Refersion
//! and records all of it under its fence, or gives it back; then absorb records it as ever, and reconcile finds it in the
//! ledger. Nothing depends on the offer being taken.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connections::ConnectionId;
use ledger::State;
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use crate::absorb::Folded;

/// So many loads may wait for their holder.
const WAITING_LOADS: usize = 8;

/// What absorb has folded of one connection's events.
pub(crate) struct Load {
    /// The settings that it was folded by.
    pub(crate) settings_version: i64,
    /// What there is to tell and to record.
    pub(crate) folded: Box<Folded>,
    /// Where absorb waits.
    pub(crate) answer: oneshot::Sender<Carried>,
}

/// What became of a load. Where nothing is said, because the holder is gone or its ledger away, absorb looks for itself.
pub(crate) enum Carried {
    /// It was told and recorded; how its events ended.
    Recorded(Vec<(Uuid, State)>),
    /// Nothing was told: absorb records it as ever.
    NotTold(Box<Folded>),
    /// Calls were made whose answers are recorded after absorb has recorded the load.
    RecordFirst {
        /// What was folded, unless somebody has changed its graphs meanwhile.
        folded: Option<Box<Folded>>,
        /// To be told when it is recorded.
        recorded: oneshot::Sender<()>,
    },
}

/// The holders of this process that carry loads.
#[derive(Debug, Default)]
pub struct Carriers(Mutex<BTreeMap<ConnectionId, Post>>);

/// Where a holder is reached.
#[derive(Debug)]
struct Post {
    loads: mpsc::Sender<Load>,
    spare: Arc<AtomicUsize>,
    woken: Arc<Notify>,
}

/// A holder's place among the carriers, until it is dropped.
pub(crate) struct Seat {
    carriers: Arc<Carriers>,
    connection: ConnectionId,
    spare: Arc<AtomicUsize>,
    /// Something may have become due.
    pub(crate) woken: Arc<Notify>,
    pub(crate) loads: mpsc::Receiver<Load>,
}

impl Carriers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Post>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A holder begins to serve a connection.
    pub(crate) fn sit(self: &Arc<Self>, connection: ConnectionId) -> Seat {
        let (sender, loads) = mpsc::channel(WAITING_LOADS);
        let (spare, woken) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
        let post = Post { loads: sender, spare: Arc::clone(&spare), woken: Arc::clone(&woken) };
        self.lock().insert(connection, post);
        Seat { carriers: Arc::clone(self), connection, spare, woken, loads }
    }

    /// Something of a connection may have become due: its holder looks, and nobody else's.
    pub(crate) fn wake(&self, connection: ConnectionId) {
        if let Some(post) = self.lock().get(&connection) {
            post.woken.notify_one();
        }
    }

    /// How many calls the holder of a connection could make at once, beside all that is due.
    pub(crate) fn spare(&self, connection: ConnectionId) -> usize {
        self.lock().get(&connection).map_or(0, |post| post.spare.load(Ordering::Relaxed))
    }

    /// Offers a load to the holder of its connection; gives it back where nobody takes it.
    pub(crate) fn offer(&self, connection: ConnectionId, load: Load) -> Result<(), Load> {
        match self.lock().get(&connection) {
            Some(post) => post.loads.try_send(load).map_err(mpsc::error::TrySendError::into_inner),
            None => Err(load),
        }
    }
}

impl Seat {
    /// Says how many calls could be made at once, beside all that is due.
    pub(crate) fn set_spare(&self, calls: usize) {
        self.spare.store(calls, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut posts = self.carriers.lock();
        // Another holder may sit here by now.
        if posts.get(&self.connection).is_some_and(|post| Arc::ptr_eq(&post.spare, &self.spare)) {
            posts.remove(&self.connection);
        }
    }
}
