//! What the broker has delivered to this process, until it is answered. No IO happens under its lock.
//!
//! A batch is known by its ticket. When the link to the broker fails, everything is forgotten: the broker gives it to
//! whoever comes next, and an answer for a forgotten ticket finds nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::delivered::{Delivered, Held};
use super::fill::Sizes;
use super::topology::Source;
use super::turns::{Hand, Turns, Waiting};
use crate::batch::Taken;
use crate::{Batch, Depth, Lane};

/// One take in this many begins with what is not live.
const TURN_OF_BULK: u32 = 10;

struct Ticket {
    /// Those that are not answered, by their place in the batch.
    messages: BTreeMap<i64, Arc<Delivered>>,
    until: Instant,
}

#[derive(Default)]
struct State {
    generation: u64,
    last_ticket: i64,
    takes: u32,
    live: Turns,
    bulk: Turns,
    poison: Turns,
    /// Messages of a newer format, kept from being delivered to us again and again.
    parked: Vec<Arc<Delivered>>,
    /// Whether we stopped consuming a queue because it gives us newer formats only.
    outdated: bool,
    held: HashMap<i64, Ticket>,
    /// Events that have come so far.
    came: Depth,
    /// Events of poison that are being sent back.
    passing: u64,
    takers: usize,
    last_take: Option<Instant>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Intake {
    state: Mutex<State>,
    /// Of messages that have come.
    sizes: Arc<Sizes>,
    /// Something may be taken.
    pub(super) arrived: Notify,
    /// Somebody takes.
    wanted: Notify,
}

impl Intake {
    /// One that notes the sizes of messages.
    pub(super) fn with(sizes: &Arc<Sizes>) -> Self {
        Self { sizes: Arc::clone(sizes), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// The generation to which a new link delivers.
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Forgets everything: the link is gone.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        let (takers, last_take) = (state.takers, state.last_take);
        let (generation, last_ticket, takes) = (state.generation + 1, state.last_ticket, state.takes);
        let (came, passing) = (state.came, state.passing);
        *state =
            State { generation, last_ticket, takes, takers, last_take, came, passing, ..State::default() };
    }

    /// Takes in a delivery, unless it is of a link that is gone.
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

    /// Keeps a message that this program is too old for, unanswered.
    pub(super) fn park(&self, generation: u64, message: Delivered) {
        let mut state = self.lock();
        if state.generation == generation {
            state.count(message.source, message.events);
            state.parked.push(Arc::new(message));
        }
    }

    /// Notes that a queue is not consumed any more because its events are too new.
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
        let found = state.find(max, except);
        if found.is_empty() {
            return None;
        }
        state.takes = state.takes.wrapping_add(1);
        state.last_ticket += 1;
        let (ticket, until) = (state.last_ticket, Instant::now() + held_at_most);
        let messages = (0..).zip(&found).map(|(id, waiting)| (id, Arc::clone(&waiting.message))).collect();
        state.held.insert(ticket, Ticket { messages, until });
        let more = !(state.live.is_empty() && state.bulk.is_empty() && state.poison.is_empty());
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
        messages.iter().filter_map(|message| state.let_go(*message)).collect()
    }

    /// Puts messages back, before the others of their connection, and returns how many of them were still held.
    pub(super) fn put_back(&self, messages: &[Taken]) -> usize {
        let mut state = self.lock();
        let mut count = 0;
        for taken in messages.iter().rev() {
            if let Some(message) = state.let_go(*taken) {
                state.queue(message.source).push_front(Waiting { message, again: true });
                count += 1;
            }
        }
        drop(state);
        self.arrived.notify_one();
        count
    }

    /// Ends the tickets that were held too long, and returns what they held.
    pub(super) fn expire(&self, now: Instant) -> Vec<Arc<Delivered>> {
        let mut state = self.lock();
        let expired: Vec<i64> =
            state.held.iter().filter(|(_, held)| held.until <= now).map(|(ticket, _)| *ticket).collect();
        expired
            .iter()
            .filter_map(|ticket| state.held.remove(ticket))
            .flat_map(|held| held.messages.into_values())
            .collect()
    }

    /// What this process has from the broker and has not answered.
    pub(super) fn held(&self) -> Held {
        let state = self.lock();
        let waiting =
            state.live.iter().chain(state.bulk.iter()).chain(state.poison.iter()).map(|one| &one.message);
        let held = state.held.values().flat_map(|held| held.messages.values());
        let (mut depth, mut oldest) = (Depth { bulk: state.passing, ..Depth::default() }, None);
        for message in waiting.chain(held).chain(&state.parked) {
            *lane_of(&mut depth, message.source) += message.events as u64;
            oldest = [oldest, message.accepted_at].into_iter().flatten().min();
        }
        let (live_came, bulk_came) = (state.came.live, state.came.bulk);
        Held { live: depth.live, bulk: depth.bulk, live_came, bulk_came, oldest }
    }

    /// Counts events of poison as held while they are sent back, until the guard is dropped.
    pub(super) fn passing(&self, events: usize) -> Passing<'_> {
        let mut state = self.lock();
        state.count(Source::Poison, events);
        state.passing += events as u64;
        Passing(self, events as u64)
    }

    /// How many live messages of a connection wait.
    pub(super) fn live_of(&self, connection: i64) -> usize {
        self.lock().live.of(connection)
    }

    /// Marks that somebody takes, until the guard is dropped.
    pub(super) fn taker(&self) -> Taker<'_> {
        self.lock().takers += 1;
        self.wanted.notify_one();
        Taker(self)
    }

    /// Returns when somebody takes, or did so less than `time` ago and will be back.
    pub(super) async fn wanted(&self, time: Duration) {
        while self.idle_for(time) {
            self.wanted.notified().await;
        }
    }

    /// Whether nobody has taken for `time`, nor holds anything.
    pub(super) fn idle_for(&self, time: Duration) -> bool {
        let state = self.lock();
        let rested = state.last_take.is_none_or(|last| last.elapsed() >= time);
        state.takers == 0 && state.held.is_empty() && rested
    }
}

/// Somebody who takes.
pub(super) struct Taker<'a>(&'a Intake);

impl Drop for Taker<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.takers -= 1;
        state.last_take = Some(Instant::now());
    }
}

/// Poison on its way back.
pub(super) struct Passing<'a>(&'a Intake, u64);

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.lock().passing -= self.1;
    }
}

fn lane_of(depth: &mut Depth, source: Source) -> &mut u64 {
    match source {
        Source::Lane(Lane::Live) => &mut depth.live,
        Source::Lane(Lane::Bulk) | Source::Poison => &mut depth.bulk,
    }
}

impl State {
    fn count(&mut self, source: Source, events: usize) {
        *lane_of(&mut self.came, source) += events as u64;
    }

    fn queue(&mut self, source: Source) -> &mut Turns {
        match source {
            Source::Lane(Lane::Live) => &mut self.live,
            Source::Lane(Lane::Bulk) => &mut self.bulk,
            Source::Poison => &mut self.poison,
        }
    }

    /// Takes a message off its ticket, if that still holds it.
    fn let_go(&mut self, taken: Taken) -> Option<Arc<Delivered>> {
        let ticket = self.held.get_mut(&taken.ticket)?;
        let message = ticket.messages.remove(&taken.id);
        if ticket.messages.is_empty() {
            self.held.remove(&taken.ticket);
        }
        message
    }

    fn find(&mut self, max: usize, except: &[i64]) -> Vec<Waiting> {
        let (live, bulk) = (Source::Lane(Lane::Live), Source::Lane(Lane::Bulk));
        let order = if self.takes % TURN_OF_BULK == TURN_OF_BULK - 1 {
            [Source::Poison, bulk, live]
        } else {
            [live, bulk, Source::Poison]
        };
        let mut hand = Hand::with_room(max);
        for source in order {
            if !self.queue(source).fill(&mut hand, except) {
                break;
            }
        }
        hand.found
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
