//! The envelopes that gather for the next commit of a lane, and each connection's share of them. No IO.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use super::GroupLimits;
use crate::{Envelope, PublishError};

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Gathered {
    waiting: VecDeque<Waiting>,
    /// The envelopes that wait or are in the running commit, in all and of each connection.
    all: Amount,
    by_connection: HashMap<i64, Amount>,
    committing: bool,
}

/// A number of envelopes, and their bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Amount {
    pub(super) count: usize,
    pub(super) bytes: usize,
}

/// The envelopes that one caller publishes; they go into one commit.
pub(super) struct Waiting {
    pub(super) envelopes: Vec<Envelope>,
    /// The connection that they count for: that of the first envelope.
    pub(super) connection: i64,
    pub(super) amount: Amount,
    pub(super) answer: oneshot::Sender<Result<(), PublishError>>,
}

impl Gathered {
    /// Adds envelopes to those that wait. Returns `true` if no commit is running, so that the caller has to start one.
    pub(super) fn add(&mut self, waiting: Waiting, limits: &GroupLimits) -> Result<bool, PublishError> {
        let all = self.all.plus(waiting.amount);
        let own = self.by_connection.get(&waiting.connection).copied().unwrap_or_default();
        let with_own = own.plus(waiting.amount);
        if !all.fits(limits, 1) || (own.count > 0 && !with_own.fits(limits, limits.share)) {
            return Err(PublishError::Busy);
        }
        self.all = all;
        self.by_connection.insert(waiting.connection, with_own);
        self.waiting.push_back(waiting);
        Ok(!std::mem::replace(&mut self.committing, true))
    }

    /// The next group, without those of callers that no longer wait; `None` if nothing waits, and then no commit is
    /// running.
    pub(super) fn next_group(&mut self, at_most: usize) -> Option<Vec<Waiting>> {
        let (mut group, mut count) = (Vec::new(), 0);
        while count < at_most
            && let Some(waiting) = self.waiting.pop_front()
        {
            if waiting.answer.is_closed() {
                self.forget(waiting.connection, waiting.amount);
            } else {
                count += waiting.envelopes.len();
                group.push(waiting);
            }
        }
        self.committing = !group.is_empty();
        self.committing.then_some(group)
    }

    /// Frees the room of envelopes that a caller of this connection published.
    pub(super) fn forget(&mut self, connection: i64, amount: Amount) {
        self.all = self.all.minus(amount);
        if let Some(own) = self.by_connection.get_mut(&connection) {
            *own = own.minus(amount);
            if own.count == 0 {
                self.by_connection.remove(&connection);
            }
        }
    }
}

impl Amount {
    /// Whether this amount may wait in one `part`th of the limits.
    fn fits(self, limits: &GroupLimits, part: usize) -> bool {
        self.count <= limits.waiting / part && self.bytes <= limits.waiting_bytes / part
    }

    fn plus(self, more: Self) -> Self {
        Self { count: self.count + more.count, bytes: self.bytes + more.bytes }
    }

    fn minus(self, less: Self) -> Self {
        Self { count: self.count - less.count, bytes: self.bytes - less.bytes }
    }
}
