//! A message as the broker has delivered it to this process, and the totals of the messages that a process holds.

use lapin::Acker;
use serde::{Deserialize, Serialize};

use super::topology::Source;
use crate::published::Numbers;
use crate::{Item, pack};

/// A message that was lost this often is handed out by itself: if it crashes takers, others must not count as lost with it.
pub(super) const ALONE_AFTER: i64 = 2;

/// The contents of a message, once it is read.
pub(super) enum Contents {
    /// A body of envelopes, see [`pack`].
    Envelopes(Vec<u8>),
    /// Unreadable, each envelope of it or all of it, with the reason.
    Unreadable(Vec<Vec<u8>>, String),
}

/// One message that we have to answer.
pub(super) struct Delivered {
    pub(super) acker: Acker,
    pub(super) source: Source,
    /// The connection of all its events; 0 if they may belong to several.
    pub(super) connection: i64,
    pub(super) contents: Contents,
    pub(super) events: usize,
    /// The numbers of its events, if they have any.
    pub(super) numbers: Option<Numbers>,
    /// The second in which it was accepted, if the message contains it.
    pub(super) accepted_at: Option<u64>,
    /// Deliveries before this one that ended without an answer.
    pub(super) lost: i64,
    pub(super) redelivered: bool,
}

impl Delivered {
    pub(super) fn bytes(&self) -> usize {
        match &self.contents {
            Contents::Envelopes(body) => body.len(),
            Contents::Unreadable(parts, _) => parts.iter().map(Vec::len).sum(),
        }
    }

    pub(super) fn items(&self) -> Vec<Item> {
        match &self.contents {
            Contents::Envelopes(body) => pack::unpack(body),
            Contents::Unreadable(parts, why) => {
                parts.iter().map(|raw| Item::Unreadable { raw: raw.clone(), why: why.clone() }).collect()
            }
        }
    }

    pub(super) fn must_be_alone(&self) -> bool {
        self.lost >= ALONE_AFTER || self.source == Source::Poison
    }
}

/// The number of events that a process has from the broker and has not answered, and of those that have come to it so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) live: u64,
    /// Poison counts as bulk.
    pub(super) bulk: u64,
    pub(super) live_came: u64,
    pub(super) bulk_came: u64,
    /// The second in which the oldest of them was accepted, as far as the messages contain it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) oldest: Option<u64>,
}
