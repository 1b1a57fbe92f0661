//! Locks on identifiers: with them the tasks of one process take turns at a graph, instead of conflicting again and again.
//!
//! A task that locks several identifiers queues for all of them at once, so the order of tasks is the same in every queue:
//! there is no deadlock, and every task gets its turn. Changes by other processes show in the versions in the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use identity::{Digest, DigestMap, DigestSet};
use ledger::{Gathered, LedgerError};
use parking_lot::{Mutex, MutexGuard};
use smallvec::{SmallVec, smallvec};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

/// Maximum number of absorb's parts that are read and folded at the same time: their graphs are in memory.
const MAX_FOLDING: usize = 4;

/// Maximum number of times that locks are extended to further identifiers of a graph. After that the version in the ledger decides.
const MAX_WIDENINGS: usize = 8;

/// Maximum number of shared identifiers that are remembered. One that is forgotten is locked again.
const MAX_SHARED_KNOWN: usize = 10_000;

/// The locks of one process.
#[derive(Debug)]
pub struct GraphLocks {
    /// Held by absorb from reading a graph until it is recorded, also while its changes are offered to the lease holder.
    pub(crate) absorbing: Arc<Locks>,
    /// Held by every task from reading a graph until it is written.
    pub(crate) writing: Arc<Locks>,
    folding: Semaphore,
    /// Identifiers that are known to be shared. They are not locked: an identify reads their graphs without writing them, and
    /// for a delete, which writes them, the version in the ledger decides.
    shared: Mutex<DigestSet>,
}

impl Default for GraphLocks {
    fn default() -> Self {
        let (absorbing, writing) = (Arc::default(), Arc::default());
        Self { absorbing, writing, folding: Semaphore::new(MAX_FOLDING), shared: Mutex::default() }
    }
}

impl GraphLocks {
    /// Waits for a permit to read and fold. Call it with the locks already held: a task that waits for the locks of a busy graph
    /// while it has a permit would block all other tasks. `None` if the semaphore is closed.
    pub(crate) async fn folding(&self) -> Option<SemaphorePermit<'_>> {
        self.folding.acquire().await.ok()
    }

    /// Remembers which identifiers of these graphs are shared; they stay shared.
    pub(crate) fn note_shared(&self, gathered: &Gathered) {
        let all = gathered.graphs.iter().flat_map(|read| &read.graph.identifiers);
        let mut shared = all.filter(|(_, it)| it.is_shared()).map(|(digest, _)| *digest).peekable();
        if shared.peek().is_none() {
            return;
        }
        let mut known = self.shared.lock();
        if known.len() >= MAX_SHARED_KNOWN {
            known.clear();
        }
        known.extend(shared);
    }

    /// The identifiers that have to be locked: those that are not known to be shared.
    pub(crate) fn without_shared(&self, digests: Vec<Digest>) -> Vec<Digest> {
        let known = self.shared.lock();
        digests.into_iter().filter(|digest| !known.contains(digest)).collect()
    }
}

/// Identifiers, and the tasks that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The tickets that hold or wait for an identifier, in order; the first one holds it. Nearly always there is only one.
    queues: DigestMap<SmallVec<[u64; 2]>>,
    /// The tickets that do not have all identifiers yet: how many are missing, and the task to notify.
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

    /// Locks all `digests`, once all earlier tasks have released them. `digests` is sorted and has no duplicates.
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
            queue.push(ticket);
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
    /// Locks these as well, if no other task has or wants any of them.
    fn widen(&mut self, digests: &[Digest]) -> bool {
        let mut state = self.locks.lock();
        if digests.iter().any(|digest| state.queues.contains_key(digest)) {
            return false;
        }
        for digest in digests {
            state.queues.insert(*digest, smallvec![self.ticket]);
        }
        drop(state);
        self.digests.extend(digests);
        true
    }
}

impl State {
    /// Removes a ticket from an identifier's queue; the ticket that is first now misses one identifier less.
    fn leave(&mut self, digest: Digest, ticket: u64) {
        let Some(queue) = self.queues.get_mut(&digest) else { return };
        let was_first = queue.first() == Some(&ticket);
        queue.retain(|other| *other != ticket);
        let Some(first) = queue.first().copied() else {
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
            // The waiting task may be gone; then it leaves its queues as well.
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

/// Locks identifiers and reads their graphs, and locks every identifier of these graphs as well. `wanted` is sorted and
/// without duplicates; `read` may be called several times. A value that it returns with the graphs, such as a permit, is
/// dropped before locks are awaited again.
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
        if widenings == MAX_WIDENINGS || held.iter_mut().all(|held| held.widen(&more)) {
            return Ok((gathered, permit, held));
        }
        drop(permit);
        widenings += 1;
        wanted.extend(more);
        wanted.sort_unstable();
    }
}

/// The identifiers of the graphs that are not among `wanted`, sorted and without duplicates.
fn not_among(wanted: &[Digest], gathered: &Gathered) -> Vec<Digest> {
    let all = gathered.graphs.iter().flat_map(|read| &read.graph.identifiers);
    let linking = all.filter(|(_, it)| !it.is_shared()).map(|(digest, _)| *digest);
    in_order(linking.filter(|digest| wanted.binary_search(digest).is_err()))
}

/// Sorts and removes duplicates, so that neighbours in an index are looked up together.
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
    fn tasks_with_a_common_identifier_take_turns_and_no_other_task_waits() {
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
    fn a_task_that_stops_waiting_does_not_block_others() {
        let locks = Arc::new(Locks::default());
        let first = locks.hold(&names(&[1])).now_or_never().expect("nobody holds it");
        let (second, _) = locks.queue(&names(&[1, 2]));
        let (_third, mut turn) = locks.queue(&names(&[2]));
        drop(second);
        assert!(turn.as_mut().expect("it waits").try_recv().is_ok());
        drop(first);
    }

    #[test]
    fn locks_are_extended_only_to_identifiers_without_a_queue() {
        let locks = Arc::new(Locks::default());
        let mut first = locks.hold(&names(&[1])).now_or_never().expect("nobody holds it");
        let second = locks.hold(&names(&[2])).now_or_never().expect("nobody holds it");
        assert!(!first.widen(&names(&[2, 3])) && first.widen(&names(&[3])));
        let (_waits, mut turn) = locks.queue(&names(&[3]));
        drop((first, second));
        assert!(turn.as_mut().expect("it waits").try_recv().is_ok());
    }
}
