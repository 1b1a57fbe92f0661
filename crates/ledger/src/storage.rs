//! The port that measures how much storage the ledger uses, in total and by connection.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;

use crate::LedgerError;

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
    /// Bytes in use. Pages of a SQLite file that are free again do not count, although the file keeps its length. On
    /// Postgres it is the size of the whole database, with what vacuum has not given back yet.
    async fn used_bytes(&self) -> Result<u64, LedgerError>;

    /// The dead letters that are kept, by connection; one without any is left out.
    async fn kept_letters(&self) -> Result<BTreeMap<ConnectionId, KeptLetters>, LedgerError>;

    /// Bytes of graphs, payloads and events, by connection. Reads whole tables, on SQLite in pieces between which other
    /// work is done, so it may take a minute.
    async fn shares(&self) -> Result<BTreeMap<ConnectionId, u64>, LedgerError>;
}

/// Bytes that an event takes beside its payload, with its outcome and what makes it findable; a rough figure.
pub(crate) const BYTES_OF_AN_EVENT: u64 = 300;
