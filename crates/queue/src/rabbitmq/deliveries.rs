//! The unanswered deliveries of this process: those that wait, those under a ticket, and the number that has come.
//! [`DeliveryBuffer`] puts them under its lock.
//!
//! [`DeliveryBuffer`]: super::delivery_buffer::DeliveryBuffer

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use super::delivered::{Delivered, Held};
use super::round_robin::{RoundRobin, Selection, Waiting};
use super::topology::Source;
use crate::batch::Taken;
use crate::{Depth, Lane};

/// One take in this many begins with poison and bulk.
const TURN_OF_BULK: u32 = 10;

pub(super) struct Ticket {
    /// Those that are not answered, by their place in the batch.
    pub(super) messages: BTreeMap<i64, Arc<Delivered>>,
    until: Instant,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Deliveries {
    pub(super) generation: u64,
    last_ticket: i64,
    takes: u32,
    pub(super) live: RoundRobin,
    bulk: RoundRobin,
    poison: RoundRobin,
    /// Messages of a newer format, kept so that the broker does not deliver them to us again and again.
    pub(super) parked: Vec<Arc<Delivered>>,
    /// Whether we stopped consuming a queue because it delivers newer formats only.
    pub(super) outdated: bool,
    pub(super) held: HashMap<i64, Ticket>,
    /// Events that have come so far.
    came: Depth,
    /// Events of poison that are being sent back.
    pub(super) passing: u64,
    pub(super) takers: usize,
    pub(super) last_take: Option<Instant>,
}

impl Deliveries {
    /// Forgets everything but the counts: the link is gone.
    pub(super) fn forget(&mut self) {
        let old = std::mem::take(self);
        *self = Self {
            generation: old.generation + 1,
            last_ticket: old.last_ticket,
            takes: old.takes,
            takers: old.takers,
            last_take: old.last_take,
            came: old.came,
            passing: old.passing,
            ..Self::default()
        };
    }

    /// Puts messages of up to `max` events under a new ticket, and returns both.
    pub(super) fn take(&mut self, max: usize, except: &[i64], until: Instant) -> Option<(i64, Vec<Waiting>)> {
        let found = self.find(max, except);
        if found.is_empty() {
            return None;
        }
        self.takes = self.takes.wrapping_add(1);
        self.last_ticket += 1;
        let messages = (0..).zip(&found).map(|(id, waiting)| (id, Arc::clone(&waiting.message))).collect();
        self.held.insert(self.last_ticket, Ticket { messages, until });
        Some((self.last_ticket, found))
    }

    /// Whether anything may be taken.
    pub(super) fn has_waiting(&self) -> bool {
        !(self.live.is_empty() && self.bulk.is_empty() && self.poison.is_empty())
    }

    /// Ends the tickets that were held too long, and returns their messages.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Arc<Delivered>> {
        let expired = self.held.extract_if(|_, held| held.until <= now);
        expired.flat_map(|(_, held)| held.messages.into_values()).collect()
    }

    /// Counts all events that the broker has no answer for.
    pub(super) fn held(&self) -> Held {
        let waiting =
            self.live.iter().chain(self.bulk.iter()).chain(self.poison.iter()).map(|one| &one.message);
        let held = self.held.values().flat_map(|held| held.messages.values());
        let (mut depth, mut oldest) = (Depth { bulk: self.passing, ..Depth::default() }, None);
        for message in waiting.chain(held).chain(&self.parked) {
            *lane_of(&mut depth, message.source) += message.events as u64;
            oldest = [oldest, message.accepted_at].into_iter().flatten().min();
        }
        let (live_came, bulk_came) = (self.came.live, self.came.bulk);
        Held { live: depth.live, bulk: depth.bulk, live_came, bulk_came, oldest }
    }

    pub(super) fn count(&mut self, source: Source, events: usize) {
        *lane_of(&mut self.came, source) += events as u64;
    }

    pub(super) fn queue(&mut self, source: Source) -> &mut RoundRobin {
        match source {
            Source::Lane(Lane::Live) => &mut self.live,
            Source::Lane(Lane::Bulk) => &mut self.bulk,
            Source::Poison => &mut self.poison,
        }
    }

    /// Takes a message off its ticket, if the ticket still holds it.
    pub(super) fn release(&mut self, taken: Taken) -> Option<Arc<Delivered>> {
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
        let mut selection = Selection::with_room(max);
        for source in order {
            if !self.queue(source).fill(&mut selection, except) {
                break;
            }
        }
        selection.found
    }
}

fn lane_of(depth: &mut Depth, source: Source) -> &mut u64 {
    match source {
        Source::Lane(Lane::Live) => &mut depth.live,
        Source::Lane(Lane::Bulk) | Source::Poison => &mut depth.bulk,
    }
}
