//! The port by which operators repair the events of dead letters.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use identity::Digest;
use identity::stamp::Moment;
use jiff::Timestamp;

use crate::{Act, LedgerError};

/// What the audit calls repairs.
pub(crate) const REPAIRED: &str = "dead_letters_repaired";

/// The most revisions of one dead letter.
pub const MAX_REVISIONS: u32 = 100;

/// A repaired payload that is to be stored.
#[derive(Clone)]
pub struct NewRevision {
    /// The dead letter.
    pub letter: i64,
    /// The newest revision when the payload was made from it; 0 is the original.
    pub expected: u32,
    /// The repaired payload.
    pub payload: String,
    /// The identifiers that it names: a delete in one of these erases the dead letter.
    pub named: Vec<Digest>,
    /// Its own time: a delete erases what is not newer.
    pub stated_at: Moment,
}

/// What became of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is stored under this revision.
    As(u32),
    /// Somebody else was faster: the newest revision is another one than expected.
    Conflict {
        /// The newest revision.
        revision: u32,
        /// When it was stored.
        at: Timestamp,
        /// Who stored it.
        by: String,
    },
    /// The dead letter is not open, or is not there.
    NotOpen,
    /// It has been repaired [`MAX_REVISIONS`] times.
    TooMany,
}

/// A repaired payload. Personal data, so `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Revision {
    /// Counted from 1; the original is 0.
    pub revision: u32,
    /// `None` once the payload of the dead letter is dropped or erased.
    pub payload: Option<String>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

impl fmt::Debug for NewRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRevision")
            .field("letter", &self.letter)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revision")
            .field("revision", &self.revision)
            .field("at", &self.at)
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

/// Repaired payloads of dead letters. The original stays; a payload goes when that of the dead letter does.
#[async_trait]
pub trait Repairs: Send + Sync {
    /// Stores repaired payloads of dead letters that are open, as the actor of the act, and the identifiers that they name, and writes
    /// the audit, in one transaction; what became of each, in their order.
    async fn repair(&self, repairs: &[NewRevision], act: &Act) -> Result<Vec<Stored>, LedgerError>;

    /// The revisions of a dead letter, the first one first.
    async fn revisions(&self, letter: i64) -> Result<Vec<Revision>, LedgerError>;

    /// The newest revisions of dead letters, by id; those that were never repaired are left out.
    async fn newest_revisions(&self, letters: &[i64]) -> Result<BTreeMap<i64, Revision>, LedgerError>;
}

/// Decides about a repair by the newest revision of a dead letter that is open.
pub(crate) fn decide(expected: u32, newest: Option<&Revision>) -> Stored {
    match newest {
        Some(newest) if newest.revision != expected => {
            Stored::Conflict { revision: newest.revision, at: newest.at, by: newest.by.clone() }
        }
        None if expected != 0 => Stored::NotOpen,
        _ if expected >= MAX_REVISIONS => Stored::TooMany,
        _ => Stored::As(expected + 1),
    }
}
