//! The port by which processes report themselves, and by which operators see whether work is done.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Audit, LedgerError};

/// The time for which a process is stored after its last heartbeat.
pub const PROCESSES_KEPT: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// Maximum number of processes that are read: those with the newest heartbeats.
pub const MAX_PROCESSES: usize = 200;

/// The role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessRole {
    /// It accepts events and delivers them.
    Serve,
    /// It accepts events.
    Ingest,
    /// It delivers events.
    Worker,
}

impl ProcessRole {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Serve, Self::Ingest, Self::Worker];

    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Ingest => "ingest",
            Self::Worker => "worker",
        }
    }

    /// Whether it accepts events.
    #[must_use]
    pub fn accepts(self) -> bool {
        self != Self::Worker
    }

    /// Whether it delivers events.
    #[must_use]
    pub fn delivers(self) -> bool {
        self != Self::Ingest
    }
}

/// A connection whose lease a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldConnection {
    /// Its id.
    pub id: ConnectionId,
    /// The rate in use, in calls a second; `None` before it is known.
    pub rate: Option<f64>,
}

/// Counts of unknown API keys since a process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registrations {
    /// Valid keys, each of which created a connection, or is the new key of one.
    pub registered: u64,
    /// Keys that Refersion refused.
    pub refused: u64,
    /// Requests whose keys were not verified, because too many keys had been verified already.
    pub limited: u64,
    /// Keys that could not be verified, because Refersion or the ledger was not available.
    pub unavailable: u64,
}

/// Counts of the requests of a connection that a process answered with 403 because of their signatures, since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSignatures {
    /// The id of the connection.
    pub connection: ConnectionId,
    /// Requests without a signature.
    pub missing: u64,
    /// Requests with a wrong signature.
    pub wrong: u64,
    /// When the last of them came.
    pub last_at: Timestamp,
}

/// A process's report of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessReport {
    /// A random name for each start.
    pub id: Uuid,
    /// Its role.
    pub role: ProcessRole,
    /// The name of its machine.
    pub host: String,
    /// Its process id on that machine.
    pub pid: u32,
    /// The version of the program.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Its last heartbeat, by its own clock.
    pub beat_at: Timestamp,
    /// When it shut down normally; `None` while it runs, and if it was killed.
    pub ended_at: Option<Timestamp>,
    /// The connections that it holds the lease of.
    pub connections: Vec<HeldConnection>,
    /// Whether it notes arrivals ([`crate::Arrivals`]); a process of an earlier version does not.
    pub notes_arrivals: bool,
    /// The time since which events have waited in the queue while no worker ran; `None` if none wait, and for a process that delivers.
    pub untaken_since: Option<Timestamp>,
    /// Its counts of unknown API keys; `None` unless registration is open.
    pub registrations: Option<Registrations>,
    /// The connections whose requests it refused because of their signatures. If there are many, only the latest ones.
    pub refused_signatures: Vec<RefusedSignatures>,
}

/// Heartbeats and counts. Every method is cheap enough to be called every few seconds.
#[async_trait]
pub trait Monitoring: Send + Sync {
    /// Stores a process's report, and replaces its previous one. Deletes processes whose last heartbeat is more than
    /// [`PROCESSES_KEPT`] before this one.
    async fn report(&self, process: &ProcessReport) -> Result<(), LedgerError>;

    /// The stored processes, newest heartbeat first, at most [`MAX_PROCESSES`].
    async fn processes(&self) -> Result<Vec<ProcessReport>, LedgerError>;

    /// Whether any lease runs: then some worker serves a connection, even one of a version that does not report itself.
    async fn any_lease(&self, now: Timestamp) -> Result<bool, LedgerError>;

    /// Writes a row, to prove that the ledger can be written.
    async fn prove_writing(&self, now: Timestamp) -> Result<(), LedgerError>;

    /// The newest lines of the audit, of one connection or of all, with their connection; at most `limit`.
    async fn audit(
        &self,
        connection: Option<ConnectionId>,
        limit: usize,
    ) -> Result<Vec<(ConnectionId, Audit)>, LedgerError>;

    /// How many lines the audit has, of one connection or of all.
    async fn count_audit(&self, connection: Option<ConnectionId>) -> Result<u64, LedgerError>;

    /// Open dead letters by connection and class.
    async fn open_dead_letters(&self) -> Result<Vec<(ConnectionId, String, u64)>, LedgerError>;

    /// When the oldest pending event was accepted. Call this only while there are pending events: otherwise it scans the payloads of dead
    /// letters.
    async fn oldest_pending(&self) -> Result<Option<Timestamp>, LedgerError>;
}
