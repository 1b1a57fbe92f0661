//! The port that measures how much storage the ledger uses, in total and by connection.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;

use crate::words::count;
use crate::{LedgerError, State};

/// Dead letters of one connection that are open or under replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptLetters {
    /// Their number.
    pub number: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

/// Measures an engine's storage. Every method but [`Storage::shares`] is cheap enough to be called every few seconds.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Bytes in use. Free pages of a SQLite file do not count, although the file keeps its length. On Postgres it is
    /// the size of the whole database, including space that vacuum has not released yet.
    async fn used_bytes(&self) -> Result<u64, LedgerError>;

    /// The open and replaying dead letters by connection; connections without any are left out.
    async fn kept_letters(&self) -> Result<BTreeMap<ConnectionId, KeptLetters>, LedgerError>;

    /// Bytes of graphs, payloads and events, by connection. It reads whole tables, so it may take a minute; on SQLite
    /// it reads in pieces, and other work is done between them.
    async fn shares(&self) -> Result<BTreeMap<ConnectionId, u64>, LedgerError>;
}

/// Approximate bytes that an event takes in addition to its payload, including its outcome and its search entry.
const BYTES_OF_AN_EVENT: u64 = 300;

/// The approximate bytes of events, by connection, from all counts: connection, name and value of each. Counts of events are named by the
/// state; the others count persons and affiliates.
pub(crate) fn shares_of_events(tallies: Vec<(ConnectionId, String, i64)>) -> BTreeMap<ConnectionId, u64> {
    let mut shares = BTreeMap::new();
    for (connection, what, number) in tallies {
        if State::from_word(&what).is_some() {
            *shares.entry(connection).or_default() += count(number) * BYTES_OF_AN_EVENT;
        }
    }
    shares
}
