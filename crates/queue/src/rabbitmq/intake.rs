//! What the broker has delivered to this process, until it is answered. No IO happens under its lock.
//!
//! A batch is known by its ticket. When the link to the broker fails, everything is forgotten: the broker gives it to
//! whoever comes next, and an answer for a forgotten ticket finds nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lapin::Acker;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::topology::Source;
use crate::{Batch, Depth, Item, Lane, Receipt, pack};

/// Every so many takes begin with what is not live.
const TURN_OF_BULK: u32 = 10;

/// Bytes of one batch, at most, unless its first message is larger.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// A message whose takers vanished so often is handed out by itself: what kills takers shall not condemn others.
pub(super) const ALONE_AFTER: i64 = 2;

/// What a message turned out to be.
pub(super) enum Contents {
    /// A body of envelopes, see [`pack`].
    Envelopes(Vec<u8>),
    /// To be buried, each envelope of it or the whole, with the reason.
    Buried(Vec<Vec<u8>>, String),
}

/// One message of ours to answer.
pub(super) struct Delivered {
    pub(super) acker: Acker,
    pub(super) source: Source,
    pub(super) contents: Contents,
    pub(super) events: usize,
    /// Deliveries before this one that ended without an answer.
    pub(super) lost: i64,
    pub(super) redelivered: bool,
}

impl Delivered {
    fn bytes(&self) -> usize {
        match &self.contents {
            Contents::Envelopes(body) => body.len(),
            Contents::Buried(parts, _) => parts.iter().map(Vec::len).sum(),
        }
    }

    fn items(&self) -> Vec<Item> {
        match &self.contents {
            Contents::Envelopes(body) => pack::unpack(body),
            Contents::Buried(parts, why) => {
                parts.iter().map(|raw| Item::Unreadable { raw: raw.clone(), why: why.clone() }).collect()
            }
        }
    }

    fn goes_alone(&self) -> bool {
        self.lost >= ALONE_AFTER || self.source == Source::Poison
    }
}

/// What a process has from the broker and has not answered, and how much has come to it so far, in events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) live: u64,
    /// Poison counts as bulk.
    pub(super) bulk: u64,
    pub(super) live_came: u64,
    pub(super) bulk_came: u64,
}

struct Waiting {
    message: Arc<Delivered>,
    /// Whether a taker of this process gave it back.
    again: bool,
}

struct Ticket {
    messages: Vec<Arc<Delivered>>,
    until: Instant,
}

#[derive(Default)]
struct State {
    generation: u64,
    last_ticket: i64,
    takes: u32,
    live: VecDeque<Waiting>,
    bulk: VecDeque<Waiting>,
    poison: VecDeque<Waiting>,
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
    /// Something may be taken.
    pub(super) arrived: Notify,
    /// Somebody takes.
    wanted: Notify,
}

impl Intake {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Hands out messages until there are `max` events or [`BATCH_BYTES`].
    pub(super) fn take(&self, max: usize, held_at_most: Duration) -> Option<Batch> {
        let mut state = self.lock();
        let found = state.find(max);
        if found.is_empty() {
            return None;
        }
        state.takes = state.takes.wrapping_add(1);
        state.last_ticket += 1;
        let (ticket, until) = (state.last_ticket, Instant::now() + held_at_most);
        let messages: Vec<_> = found.iter().map(|waiting| Arc::clone(&waiting.message)).collect();
        state.held.insert(ticket, Ticket { messages, until });
        let more = !(state.live.is_empty() && state.bulk.is_empty() && state.poison.is_empty());
        drop(state);
        if more {
            self.arrived.notify_one();
        }
        Some(Batch {
            redelivered: found.iter().any(|waiting| waiting.again || waiting.message.redelivered),
            receipt: Receipt { ticket, messages: found.len() },
            items: found.iter().flat_map(|waiting| waiting.message.items()).collect(),
        })
    }

    /// Ends a ticket and returns what it held.
    pub(super) fn settle(&self, ticket: i64) -> Vec<Arc<Delivered>> {
        self.lock().held.remove(&ticket).map(|held| held.messages).unwrap_or_default()
    }

    /// Puts back what a ticket held, in front, and returns how many messages these were.
    pub(super) fn put_back(&self, ticket: i64) -> usize {
        let mut state = self.lock();
        let Some(held) = state.held.remove(&ticket) else { return 0 };
        let count = held.messages.len();
        for message in held.messages.into_iter().rev() {
            state.queue(message.source).push_front(Waiting { message, again: true });
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
        expired.iter().filter_map(|ticket| state.held.remove(ticket)).flat_map(|held| held.messages).collect()
    }

    /// What this process has from the broker and has not answered.
    pub(super) fn held(&self) -> Held {
        let state = self.lock();
        let waiting = state.live.iter().chain(&state.bulk).chain(&state.poison).map(|one| &one.message);
        let held = state.held.values().flat_map(|held| &held.messages);
        let mut depth = Depth { bulk: state.passing, ..Depth::default() };
        for message in waiting.chain(held).chain(&state.parked) {
            *lane_of(&mut depth, message.source) += message.events as u64;
        }
        let (live_came, bulk_came) = (state.came.live, state.came.bulk);
        Held { live: depth.live, bulk: depth.bulk, live_came, bulk_came }
    }

    /// Counts so many events of poison as held while they are sent back, until the guard is dropped.
    pub(super) fn passing(&self, events: usize) -> Passing<'_> {
        let mut state = self.lock();
        state.count(Source::Poison, events);
        state.passing += events as u64;
        Passing(self, events as u64)
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

    fn queue(&mut self, source: Source) -> &mut VecDeque<Waiting> {
        match source {
            Source::Lane(Lane::Live) => &mut self.live,
            Source::Lane(Lane::Bulk) => &mut self.bulk,
            Source::Poison => &mut self.poison,
        }
    }

    fn find(&mut self, max: usize) -> Vec<Waiting> {
        let (live, bulk) = (Source::Lane(Lane::Live), Source::Lane(Lane::Bulk));
        let order = if self.takes % TURN_OF_BULK == TURN_OF_BULK - 1 {
            [Source::Poison, bulk, live]
        } else {
            [live, bulk, Source::Poison]
        };
        let (mut found, mut room, mut bytes) = (Vec::new(), max.max(1), BATCH_BYTES);
        for source in order {
            let queue = self.queue(source);
            while room > 0
                && let Some(next) = queue.front()
            {
                let (alone, size, events) =
                    (next.message.goes_alone(), next.message.bytes(), next.message.events);
                if !found.is_empty() && (alone || size > bytes) {
                    return found;
                }
                found.extend(queue.pop_front());
                if alone {
                    return found;
                }
                room = room.saturating_sub(events);
                bytes = bytes.saturating_sub(size);
            }
        }
        found
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
