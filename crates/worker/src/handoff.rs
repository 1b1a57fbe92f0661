//! The fast path from absorb to reconcile within one process. If the API keeps up, a batch passes through both and is
//! written once, after its calls. Until then its unacknowledged messages are the pending record.
//!
//! Absorb offers a folded batch to the holder of the connection's lease in this process. The holder sends it to
//! Refersion and records all of it under its fence, or returns it; then absorb records it as usual, and reconcile finds
//! it in the ledger. Nothing depends on the offer being taken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use connections::ConnectionId;
use ledger::State;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use crate::absorb::Folded;

/// Capacity of a lease holder's handoff queue, in batches.
const CAPACITY: usize = 8;

/// A folded batch of one connection.
pub(crate) struct Handoff {
    /// The version of the settings by which it was folded.
    pub(crate) settings_version: i64,
    /// The batch to send and to record.
    pub(crate) folded: Box<Folded>,
    /// The channel on which absorb waits for the result.
    pub(crate) answer: oneshot::Sender<HandoffResult>,
}

/// The result of a handoff. If none comes, because the holder ended or its ledger is unavailable, absorb reads the ledger.
pub(crate) enum HandoffResult {
    /// It was sent and recorded, with these outcomes.
    Recorded(Vec<(Uuid, State)>),
    /// Nothing was sent: absorb records it as usual.
    NotSent(Box<Folded>),
    /// Calls were made. Their answers are recorded after absorb has recorded the handoff.
    RecordFirst {
        /// The folded batch, unless another process has changed its graphs meanwhile.
        folded: Option<Box<Folded>>,
        /// Notified when it is recorded.
        recorded: oneshot::Sender<()>,
    },
}

/// The lease holders of this process that take handoffs.
#[derive(Debug, Default)]
pub struct Handoffs(Mutex<BTreeMap<ConnectionId, Registered>>);

/// The sending end of a lease holder.
#[derive(Debug)]
struct Registered {
    handoffs: mpsc::Sender<Handoff>,
    capacity: Arc<AtomicUsize>,
    woken: Arc<Notify>,
}

/// The receiving end of a lease holder; dropping it deregisters the holder.
pub(crate) struct HandoffQueue {
    registry: Arc<Handoffs>,
    connection: ConnectionId,
    capacity: Arc<AtomicUsize>,
    /// Notified when work may have become due.
    pub(crate) woken: Arc<Notify>,
    pub(crate) handoffs: mpsc::Receiver<Handoff>,
}

impl Handoffs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Registered>> {
        self.0.lock()
    }

    /// Registers the holder of a connection.
    pub(crate) fn register(self: &Arc<Self>, connection: ConnectionId) -> HandoffQueue {
        let (sender, handoffs) = mpsc::channel(CAPACITY);
        let (capacity, woken) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
        let registered =
            Registered { handoffs: sender, capacity: Arc::clone(&capacity), woken: Arc::clone(&woken) };
        self.lock().insert(connection, registered);
        HandoffQueue { registry: Arc::clone(self), connection, capacity, woken, handoffs }
    }

    /// Wakes the holder of a connection, because work may have become due.
    pub(crate) fn wake(&self, connection: ConnectionId) {
        if let Some(registered) = self.lock().get(&connection) {
            registered.woken.notify_one();
        }
    }

    /// The number of calls that the holder of a connection could make at once, in addition to all due work.
    pub(crate) fn capacity(&self, connection: ConnectionId) -> usize {
        self.lock().get(&connection).map_or(0, |registered| registered.capacity.load(Ordering::Relaxed))
    }

    /// Offers a handoff to the holder of its connection; returns it if nobody takes it.
    pub(crate) fn offer(&self, connection: ConnectionId, handoff: Handoff) -> Result<(), Handoff> {
        match self.lock().get(&connection) {
            Some(registered) => {
                registered.handoffs.try_send(handoff).map_err(mpsc::error::TrySendError::into_inner)
            }
            None => Err(handoff),
        }
    }
}

impl HandoffQueue {
    /// Sets the number of calls that could be made at once, in addition to all due work.
    pub(crate) fn set_capacity(&self, calls: usize) {
        self.capacity.store(calls, Ordering::Relaxed);
    }
}

impl Drop for HandoffQueue {
    fn drop(&mut self) {
        let mut registered = self.registry.lock();
        // Another holder may have registered by now.
        if registered
            .get(&self.connection)
            .is_some_and(|registered| Arc::ptr_eq(&registered.capacity, &self.capacity))
        {
            registered.remove(&self.connection);
        }
    }
}
