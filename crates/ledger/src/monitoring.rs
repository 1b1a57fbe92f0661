//! The port by which processes report themselves, and operators see whether work is done.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Audit, LedgerError};

/// How long a process is remembered after its last heartbeat.
pub const PROCESSES_KEPT: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// Upper limit of processes that are read, those with the newest heartbeats.
pub const MAX_PROCESSES: usize = 200;

/// What a process does.
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

/// What became of API keys that no connection had, since a process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registrations {
    /// Right ones, each of which made a connection, or is the new key of one.
    pub registered: u64,
    /// Wrong ones, by Refersion's word.
    pub refused: u64,
    /// Requests whose key was not verified because too many had been.
    pub limited: u64,
    /// Keys about which Refersion, or the ledger, could not be asked.
    pub unavailable: u64,
}

/// Requests of a connection that a process answered 403 since it started, because of their signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSignatures {
    /// The id of the connection.
    pub connection: ConnectionId,
    /// Without a signature.
    pub missing: u64,
    /// With a wrong one.
    pub wrong: u64,
    /// When the last of them came.
    pub last_at: Timestamp,
}

/// A process as it reports itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessReport {
    /// A random name for each start.
    pub id: Uuid,
    /// What it does.
    pub role: ProcessRole,
    /// The name of its machine.
    pub host: String,
    /// Its number on that machine.
    pub pid: u32,
    /// The version of the program.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Its last heartbeat, by its own clock.
    pub beat_at: Timestamp,
    /// When it ended in good order; `None` while it runs, and for one that was killed.
    pub ended_at: Option<Timestamp>,
    /// The connections that it holds the lease of.
    pub connections: Vec<HeldConnection>,
    /// Whether it notes what it absorbs ([`crate::Arrivals`]); a process of an earlier version does not.
    pub notes_arrivals: bool,
    /// Since when it has seen events wait in the queue while no worker ran; `None` while none do, and for one that delivers.
    pub untaken_since: Option<Timestamp>,
    /// What it has done about API keys that no connection has; `None` unless registration is open.
    pub registrations: Option<Registrations>,
    /// The connections whose requests it refused because of their signature, those refused last: some, if they are many.
    pub refused_signatures: Vec<RefusedSignatures>,
}

/// Signs of life. Every method is cheap enough to be called every few seconds.
#[async_trait]
pub trait Monitoring: Send + Sync {
    /// Writes a process down, in the place of what it reported before. Forgets those whose last heartbeat is more than
    /// [`PROCESSES_KEPT`] before this one.
    async fn report(&self, process: &ProcessReport) -> Result<(), LedgerError>;

    /// The processes that are remembered, newest heartbeat first, at most [`MAX_PROCESSES`].
    async fn processes(&self) -> Result<Vec<ProcessReport>, LedgerError>;

    /// Whether any lease runs: somebody serves a connection, also a version that does not report itself.
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

    /// When the oldest pending event was accepted. To be asked only while there are pending events: it looks through the
    /// payloads of dead letters otherwise.
    async fn oldest_pending(&self) -> Result<Option<Timestamp>, LedgerError>;
}
