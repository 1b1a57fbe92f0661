//! Locks on identifiers: by them the tasks of one process take turns at a graph, instead of finding again and again that
//! another has changed it.
//!
//! Somebody who asks for several identifiers queues for all of them at once, so the order is the same at each of them:
//! nobody waits in a circle, and everybody's turn comes. What other processes do, the versions in the ledger tell.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use identity::Digest;
use ledger::{Gathered, LedgerError};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

/// How many pieces of work of absorb are read and folded at the same time, at most: what they read is in memory.
const FOLDING: usize = 4;

/// How often a graph may turn out to hold more identifiers than were locked. After that the version in the ledger decides.
const WIDENINGS: usize = 8;

/// Shared identifiers that are remembered, at most. One that is forgotten is locked once more.
const SHARED_KNOWN: usize = 10_000;

/// What the tasks of one process take turns at.
#[derive(Debug)]
pub struct GraphLocks {
    /// Held by absorb from reading a graph until it is recorded, also while its changes are offered to the lease holder.
    pub(crate) in_hand: Arc<Locks>,
    /// Held by everybody from reading a graph until it is written.
    pub(crate) writing: Arc<Locks>,
    folding: Semaphore,
    /// Identifiers that are known to be shared. An identify reads their graphs without writing them, so nobody takes turns;
    /// for a delete, which writes them, the version in the ledger decides.
    shared: Mutex<HashSet<Digest>>,
}

impl Default for GraphLocks {
    fn default() -> Self {
        let (in_hand, writing) = (Arc::default(), Arc::default());
        Self { in_hand, writing, folding: Semaphore::new(FOLDING), shared: Mutex::default() }
    }
}

impl GraphLocks {
    /// Waits until another piece of work may be read and folded. The caller holds its locks already: a permit that is held
    /// while the locks of a busy graph are awaited would block all other work. `None` if the semaphore is closed.
    pub(crate) async fn folding(&self) -> Option<SemaphorePermit<'_>> {
        self.folding.acquire().await.ok()
    }

    /// Remembers which identifiers of these graphs are shared: they stay so.
    pub(crate) fn note_shared(&self, gathered: &Gathered) {
        let all = gathered.graphs.iter().flat_map(|read| &read.graph.identifiers);
        let mut shared = all.filter(|(_, it)| it.is_shared()).map(|(digest, _)| *digest).peekable();
        if shared.peek().is_none() {
            return;
        }
        let mut known = self.shared.lock();
        if known.len() >= SHARED_KNOWN {
            known.clear();
        }
        known.extend(shared);
    }

    /// Those of some identifiers for which turns have to be taken.
    pub(crate) fn without_shared(&self, digests: Vec<Digest>) -> Vec<Digest> {
        let known = self.shared.lock();
        digests.into_iter().filter(|digest| !known.contains(digest)).collect()
    }
}

/// Identifiers, and who waits for them.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Who asked for an identifier, in the order of asking; the first has it.
    queues: HashMap<Digest, VecDeque<u64>>,
    /// Who does not have all yet: how many are lacking, and where it is awaited.
    waiting: HashMap<u64, (usize, oneshot::Sender<()>)>,
    last: u64,
}

/// Identifiers that are locked, or queued for, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    locks: Arc<Locks>,
    ticket: u64,
    digests: Vec<Digest>,
}

impl Locks {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    /// Locks all of these, which are in order and each there once, when everybody before has let go of them.
    pub(crate) async fn hold(self: &Arc<Self>, digests: &[Digest]) -> Held {
        let (held, turn) = self.queue(digests);
        if let Some(turn) = turn {
            // The sender is dropped only with the locks themselves.
            drop(turn.await);
        }
        held
    }

    fn queue(self: &Arc<Self>, digests: &[Digest]) -> (Held, Option<oneshot::Receiver<()>>) {
        let mut state = self.lock();
        state.last += 1;
        let ticket = state.last;
        let mut lacking = 0;
        for digest in digests {
            let queue = state.queues.entry(*digest).or_default();
            lacking += usize::from(!queue.is_empty());
            queue.push_back(ticket);
        }
        let held = Held { locks: Arc::clone(self), ticket, digests: digests.to_vec() };
        if lacking == 0 {
            return (held, None);
        }
        let (sender, turn) = oneshot::channel();
        state.waiting.insert(ticket, (lacking, sender));
        (held, Some(turn))
    }
}

impl Held {
    /// Locks these as well, if nobody has or wants any of them.
    fn widen(&mut self, digests: &[Digest]) -> bool {
        let mut state = self.locks.lock();
        if digests.iter().any(|digest| state.queues.contains_key(digest)) {
            return false;
        }
        for digest in digests {
            state.queues.insert(*digest, VecDeque::from([self.ticket]));
        }
        drop(state);
        self.digests.extend(digests);
        true
    }
}

impl State {
    /// Takes a ticket out of an identifier's queue; whoever is first now has one less to wait for.
    fn leave(&mut self, digest: Digest, ticket: u64) {
        let Some(queue) = self.queues.get_mut(&digest) else { return };
        let was_first = queue.front() == Some(&ticket);
        queue.retain(|other| *other != ticket);
        let Some(first) = queue.front().copied() else {
            self.queues.remove(&digest);
            return;
        };
        if was_first {
            self.has_one_more(first);
        }
    }

    fn has_one_more(&mut self, ticket: u64) {
        let Some((lacking, _)) = self.waiting.get_mut(&ticket) else { return };
        *lacking -= 1;
        if *lacking == 0
            && let Some((_, turn)) = self.waiting.remove(&ticket)
        {
            // Whoever asked may have gone away meanwhile; then it leaves its queues as well.
            turn.send(()).ok();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.locks.lock();
        state.waiting.remove(&self.ticket);
        for digest in &self.digests {
            state.leave(*digest, self.ticket);
        }
    }
}

/// Locks identifiers and reads their graphs, with every identifier of these locked as well. `wanted` are in order, each
/// once; `read` may be called several times. What it returns beside the graphs, such as a permit, is dropped before locks
/// are awaited again.
pub(crate) async fn read_locked<F, P>(
    locks: &[&Arc<Locks>],
    mut wanted: Vec<Digest>,
    read: impl Fn() -> F,
) -> Result<(Gathered, P, Vec<Held>), LedgerError>
where
    F: Future<Output = Result<(Gathered, P), LedgerError>>,
{
    let mut widenings = 0;
    loop {
        let mut held = Vec::with_capacity(locks.len());
        for locks in locks {
            held.push(locks.hold(&wanted).await);
        }
        let (gathered, permit) = read().await?;
        let more = not_among(&wanted, &gathered);
        if widenings == WIDENINGS || held.iter_mut().all(|held| held.widen(&more)) {
            return Ok((gathered, permit, held));
        }
        drop(permit);
        widenings += 1;
        wanted.extend(more);
        wanted.sort_unstable();
    }
}

/// The identifiers of the graphs that are not among these, in order and each once.
fn not_among(wanted: &[Digest], gathered: &Gathered) -> Vec<Digest> {
    let all = gathered.graphs.iter().flat_map(|read| &read.graph.identifiers);
    let linking = all.filter(|(_, it)| !it.is_shared()).map(|(digest, _)| *digest);
    in_order(linking.filter(|digest| wanted.binary_search(digest).is_err()))
}

/// In their order, each once: neighbours in an index are looked up together.
pub(crate) fn in_order(digests: impl Iterator<Item = Digest>) -> Vec<Digest> {
    let mut digests: Vec<Digest> = digests.collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn names(numbers: &[u8]) -> Vec<Digest> {
        numbers.iter().map(|number| Digest([*number; 16])).collect()
    }

    #[test]
    fn who_shares_an_identifier_takes_turns_and_nobody_else_waits() {
        let locks = Arc::new(Locks::default());
        let first = locks.hold(&names(&[1, 2])).now_or_never().expect("nobody holds them");
        let (second, mut turn) = locks.queue(&names(&[2, 3]));
        let (third, mut third_turn) = locks.queue(&names(&[3, 4]));
        let (turn, third_turn) = (turn.as_mut().expect("it waits"), third_turn.as_mut().expect("it waits"));
        assert!(locks.hold(&names(&[5])).now_or_never().is_some());
        assert!(turn.try_recv().is_err());
        drop(first);
        assert!(turn.try_recv().is_ok() && third_turn.try_recv().is_err());
        drop(second);
        assert!(third_turn.try_recv().is_ok());
        drop(third);
        assert!(locks.lock().queues.is_empty() && locks.lock().waiting.is_empty());
    }

    #[test]
    fn whoever_stops_waiting_holds_up_nobody() {
        let locks = Arc::new(Locks::default());
        let first = locks.hold(&names(&[1])).now_or_never().expect("nobody holds it");
        let (second, _) = locks.queue(&names(&[1, 2]));
        let (_third, mut turn) = locks.queue(&names(&[2]));
        drop(second);
        assert!(turn.as_mut().expect("it waits").try_recv().is_ok());
        drop(first);
    }

    #[test]
    fn only_what_nobody_wants_is_added_to_what_is_held() {
        let locks = Arc::new(Locks::default());
        let mut first = locks.hold(&names(&[1])).now_or_never().expect("nobody holds it");
        let second = locks.hold(&names(&[2])).now_or_never().expect("nobody holds it");
        assert!(!first.widen(&names(&[2, 3])) && first.widen(&names(&[3])));
        let (_waits, mut turn) = locks.queue(&names(&[3]));
        drop((first, second));
        assert!(turn.as_mut().expect("it waits").try_recv().is_ok());
    }
}
