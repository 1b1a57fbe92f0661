//! The port by which operators repair the events of dead letters.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use identity::Digest;
use identity::stamp::Moment;
use jiff::Timestamp;

use crate::{Act, LedgerError};

/// The name of repairs in the audit.
pub(crate) const REPAIRED: &str = "dead_letters_repaired";

/// Maximum number of revisions of one dead letter.
pub const MAX_REVISIONS: u32 = 100;

/// A repaired payload that is to be stored.
#[derive(Clone)]
pub struct NewRevision {
    /// The dead letter.
    pub letter: i64,
    /// The revision that the payload was made from; 0 is the original. It has to be the newest one still.
    pub expected: u32,
    /// The repaired payload.
    pub payload: String,
    /// The identifiers that it names: a delete of one of these erases the dead letter.
    pub named: Vec<Digest>,
    /// The time of the event: a delete erases it if it is not newer.
    pub stated_at: Moment,
}

/// The result of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is stored under this revision.
    As(u32),
    /// Another repair was faster: the newest revision is not the expected one.
    Conflict {
        /// The newest revision.
        revision: u32,
        /// When it was stored.
        at: Timestamp,
        /// The actor who stored it.
        by: String,
    },
    /// The dead letter is not open, or does not exist.
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
    /// The time.
    pub at: Timestamp,
    /// The actor.
    pub by: String,
    /// The reason.
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

/// Repaired payloads of dead letters. The original stays. Repaired payloads are deleted together with the payload of the dead letter.
#[async_trait]
pub trait Repairs: Send + Sync {
    /// Stores repaired payloads of open dead letters and the identifiers that they name, on behalf of the act's actor, and writes the
    /// audit, in one transaction. Returns the result of each, in the same order.
    async fn repair(&self, repairs: &[NewRevision], act: &Act) -> Result<Vec<Stored>, LedgerError>;

    /// The revisions of a dead letter, the first one first.
    async fn revisions(&self, letter: i64) -> Result<Vec<Revision>, LedgerError>;

    /// The newest revisions of dead letters, by id; dead letters that were never repaired are left out.
    async fn newest_revisions(&self, letters: &[i64]) -> Result<BTreeMap<i64, Revision>, LedgerError>;
}

/// Decides about a repair of an open dead letter by its newest revision.
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
