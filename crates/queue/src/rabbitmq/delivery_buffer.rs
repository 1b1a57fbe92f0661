//! The messages that the broker has delivered to this process, until they are answered. No IO happens under its lock.
//!
//! A batch is known by its ticket. When the link to the broker fails, everything is forgotten: the broker gives the
//! messages to the next consumer, and an answer for a forgotten ticket finds nothing.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::delivered::{Delivered, Held};
use super::deliveries::Deliveries;
use super::fill::Sizes;
use super::round_robin::Waiting;
use super::topology::Source;
use crate::Batch;
use crate::batch::Taken;

/// The deliveries of this process, shared by its pumps and takers.
#[derive(Default)]
pub(super) struct DeliveryBuffer {
    state: Mutex<Deliveries>,
    /// The sizes of delivered messages.
    sizes: Arc<Sizes>,
    /// Notified when something may be taken.
    pub(super) arrived: Notify,
    /// Notified when a taker begins to wait.
    wanted: Notify,
}

impl DeliveryBuffer {
    /// A buffer that notes the sizes of messages.
    pub(super) fn with(sizes: &Arc<Sizes>) -> Self {
        Self { sizes: Arc::clone(sizes), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Deliveries> {
        self.state.lock()
    }

    /// The generation to which a new link delivers.
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Forgets everything: the link is gone.
    pub(super) fn forget(&self) {
        self.lock().forget();
    }

    /// Adds a delivery, unless its link is gone.
    pub(super) fn arrive(&self, generation: u64, message: Delivered) {
        let mut state = self.lock();
        if state.generation != generation {
            return;
        }
        self.sizes.note(message.bytes());
        state.count(message.source, message.events);
        let waiting = Waiting { message: Arc::new(message), again: false };
        state.queue(waiting.message.source).push_back(waiting);
        drop(state);
        self.arrived.notify_one();
    }

    /// Keeps a message that only a newer program can read, unanswered.
    pub(super) fn park(&self, generation: u64, message: Delivered) {
        let mut state = self.lock();
        if state.generation == generation {
            state.count(message.source, message.events);
            state.parked.push(Arc::new(message));
        }
    }

    /// Notes that a queue is no longer consumed because its events are too new.
    pub(super) fn set_outdated(&self) {
        self.lock().outdated = true;
    }

    pub(super) fn is_outdated(&self) -> bool {
        self.lock().outdated
    }

    /// Hands out messages until there are `max` events or [`TAKE_BYTES`](crate::TAKE_BYTES), none of the connections of
    /// `except`.
    pub(super) fn take(&self, max: usize, except: &[i64], held_at_most: Duration) -> Option<Batch> {
        let mut state = self.lock();
        let (ticket, found) = state.take(max, except, Instant::now() + held_at_most)?;
        let more = state.has_waiting();
        drop(state);
        if more {
            self.arrived.notify_one();
        }
        let mut batch = Batch::empty();
        for (id, Waiting { message, again }) in (0..).zip(found) {
            let (connection, redelivered) = (message.connection, again || message.redelivered);
            let numbers = message.numbers;
            batch.add(Taken { connection, items: 0, redelivered, ticket, id, numbers }, message.items());
        }
        Some(batch)
    }

    /// Takes messages off their tickets and returns those that were still held.
    pub(super) fn settle(&self, messages: &[Taken]) -> Vec<Arc<Delivered>> {
        let mut state = self.lock();
        messages.iter().filter_map(|message| state.release(*message)).collect()
    }

    /// Puts messages back, before the others of their connection, and returns how many of them were still held.
    pub(super) fn put_back(&self, messages: &[Taken]) -> usize {
        let mut state = self.lock();
        let mut count = 0;
        for taken in messages.iter().rev() {
            if let Some(message) = state.release(*taken) {
                state.queue(message.source).push_front(Waiting { message, again: true });
                count += 1;
            }
        }
        drop(state);
        self.arrived.notify_one();
        count
    }

    /// Ends the tickets that were held too long, and returns their messages.
    pub(super) fn expire(&self, now: Instant) -> Vec<Arc<Delivered>> {
        self.lock().expire(now)
    }

    /// Counts the events that this process has from the broker and has not answered.
    pub(super) fn held(&self) -> Held {
        self.lock().held()
    }

    /// Counts events of poison as held while they are sent back, until the guard is dropped.
    pub(super) fn passing(&self, events: usize) -> Passing<'_> {
        let mut state = self.lock();
        state.count(Source::Poison, events);
        state.passing += events as u64;
        Passing(self, events as u64)
    }

    /// Number of live messages of a connection that wait.
    pub(super) fn live_of(&self, connection: i64) -> usize {
        self.lock().live.of(connection)
    }

    /// Counts a taker, until the guard is dropped.
    pub(super) fn taker(&self) -> Taker<'_> {
        self.lock().takers += 1;
        self.wanted.notify_one();
        Taker(self)
    }

    /// Returns when a taker waits, or did so less than `time` ago.
    pub(super) async fn wanted(&self, time: Duration) {
        while self.idle_for(time) {
            self.wanted.notified().await;
        }
    }

    /// Whether there was no take for `time`, and nothing is held.
    pub(super) fn idle_for(&self, time: Duration) -> bool {
        let state = self.lock();
        let is_idle = state.last_take.is_none_or(|last| last.elapsed() >= time);
        state.takers == 0 && state.held.is_empty() && is_idle
    }
}

/// A taker that waits.
pub(super) struct Taker<'a>(&'a DeliveryBuffer);

impl Drop for Taker<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.takers -= 1;
        state.last_take = Some(Instant::now());
    }
}

/// Poison messages that are being sent back.
pub(super) struct Passing<'a>(&'a DeliveryBuffer, u64);

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.lock().passing -= self.1;
    }
}

#[cfg(test)]
#[path = "delivery_buffer_tests.rs"]
mod tests;
