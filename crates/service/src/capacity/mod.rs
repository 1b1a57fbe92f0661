//! Decides whether there is room for new events, and of which connections, from the figures that `measure` takes.
//!
//! Accepted events are absorbed in any case. The limits therefore leave a reserve: they refuse new events before a disk or the
//! ledger is full.

mod measure;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use connections::ConnectionId;
use ledger::KeptLetters;

use crate::config::{Config, LedgerUrl};

pub use measure::{Gauge, Measured};

/// The size to which a ledger in a file is limited unless `ledger.max_bytes` says otherwise.
const FILE_BYTES: u64 = 32 << 30;

/// Percentage of `ledger.max_bytes` from which on a connection that holds more than half of the ledger is refused. The rest is
/// for the other connections.
const SHARES_COUNT_FROM_PERCENT: u64 = 80;

/// Part of a limit below which refused events are taken in again, so that the decision does not flap.
const BACK_BELOW_PERCENT: u64 = 95;

/// The limits of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the ledger; `None` is no limit.
    pub ledger_bytes: Option<u64>,
    /// Bytes that have to be free on the disks of our files.
    pub min_free: u64,
    /// Dead letters of one connection.
    pub letters: KeptLetters,
}

impl Limits {
    /// The limits of this configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let ledger = &config.ledger;
        let by_default = matches!(ledger.url, LedgerUrl::Sqlite(_)).then_some(FILE_BYTES);
        Self {
            ledger_bytes: ledger.max_bytes.map(|size| size.0).or(by_default),
            min_free: config.disk.min_free.0,
            letters: KeptLetters {
                number: ledger.max_dead_letters.into(),
                bytes: ledger.max_dead_letter_bytes.0,
            },
        }
    }

    /// Whether the ledger is full enough for the shares of connections to count.
    fn is_nearly_reached(&self, bytes: u64) -> bool {
        self.ledger_bytes.is_some_and(|limit| bytes >= percent(limit, SHARES_COUNT_FROM_PERCENT))
    }
}

/// Why new events are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A disk is nearly full.
    Disk,
    /// The ledger has its greatest size.
    Ledger,
    /// The connection holds most of a ledger that is nearly full.
    Share,
    /// The connection has too many dead letters.
    DeadLetters,
}

impl Reason {
    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Disk => "disk_full",
            Self::Ledger => "ledger_full",
            Self::Share => "largest_share",
            Self::DeadLetters => "dead_letters",
        }
    }

    /// The reason in words, with the remedy.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Disk => "less disk space is free than disk.min_free: free space on the disk of the data",
            Self::Ledger => {
                "the ledger has reached ledger.max_bytes: raise it, or let events expire sooner (retention.outcomes)"
            }
            Self::Share => {
                "the connection holds more than half of a ledger that is nearly full: raise ledger.max_bytes, or check \
                 the events of the source"
            }
            Self::DeadLetters => {
                "the connection has as many dead letters as ledger.max_dead_letters or ledger.max_dead_letter_bytes \
                 allow: replay or discard them"
            }
        }
    }
}

/// Connections whose new events are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// All connections, for this reason.
    pub everyone: Option<Reason>,
    /// These connections.
    pub connections: BTreeMap<ConnectionId, Reason>,
}

/// Decides which connections are refused. `before` is the last decision: a connection that was refused has to come further
/// below the limit.
#[must_use]
pub fn decide(limits: &Limits, measured: &Measured, before: &Refusals) -> Refusals {
    let letters = measured.letters.iter().filter(|(id, kept)| {
        let was = before.connections.get(id) == Some(&Reason::DeadLetters);
        is_over(kept.number, limits.letters.number, was) || is_over(kept.bytes, limits.letters.bytes, was)
    });
    let letters = letters.map(|(id, _)| (*id, Reason::DeadLetters));
    let share = largest_share(limits, measured).map(|id| (id, Reason::Share));
    Refusals {
        everyone: everyone(limits, measured, before),
        connections: share.into_iter().chain(letters).collect(),
    }
}

fn everyone(limits: &Limits, measured: &Measured, before: &Refusals) -> Option<Reason> {
    let needed = match before.everyone {
        Some(Reason::Disk) => limits.min_free.saturating_add(limits.min_free / 20),
        _ => limits.min_free,
    };
    if measured.free_bytes.is_some_and(|free| free < needed) {
        return Some(Reason::Disk);
    }
    let was = before.everyone == Some(Reason::Ledger);
    let full = limits.ledger_bytes.is_some_and(|limit| is_over(measured.ledger_bytes, limit, was));
    full.then_some(Reason::Ledger)
}

/// The connection that holds more than half of a ledger that is nearly full, if there are others.
fn largest_share(limits: &Limits, measured: &Measured) -> Option<ConnectionId> {
    if measured.connections < 2 || !limits.is_nearly_reached(measured.ledger_bytes) {
        return None;
    }
    let all: u64 = measured.shares.values().sum();
    measured.shares.iter().find(|(_, bytes)| **bytes > all / 2).map(|(id, _)| *id)
}

fn is_over(used: u64, limit: u64, was: bool) -> bool {
    used >= if was { percent(limit, BACK_BELOW_PERCENT) } else { limit }
}

fn percent(limit: u64, part: u64) -> u64 {
    let part = u128::from(limit) * u128::from(part) / 100;
    u64::try_from(part).unwrap_or(limit)
}
