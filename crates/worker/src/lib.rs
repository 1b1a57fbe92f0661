//! The worker: two stages, absorb and reconcile, over four ports.
//!
//! ```text
//! absorb                                        reconcile (for each connection under its lease)
//!   take a batch from the queue                   settle calls that were left open
//!   read envelopes; unreadable → dead letter      take due graphs, live before bulk
//!   look up what they touch, in one go            plan the calls (pure): new, edit ×50, status_change ×50
//!   fold (pure)                                   record them, send them through the gate
//!   record: profiles, pending, outcomes           classify every answer
//!   acknowledge                                   record: delivered, outcomes, attempts, dead letters
//! ```
//!
//! The first is in [`absorb`], the second in [`reconcile`]; the code of both follows this list. Their pure parts are in the
//! crate `identity`; the pace of calls is in [`pace`].

#[macro_use]
pub mod fault_points;

pub mod absorb;
pub mod audiences;
pub mod beat;
mod contention;
pub mod deliver;
mod directories;
pub mod gate;
mod handoff;
pub mod hints;
pub mod housekeeping;
mod locks;
pub mod meters;
mod notices;
mod off_thread;
pub mod pace;
pub mod payout;
pub mod reconcile;
mod refused;
pub mod retry;
pub mod rules;
pub mod serve;
mod settle;
pub mod sweep_clock;
pub mod translate;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connections::{ConnectionStore, Randomness, Vault};
use jiff::Timestamp;
use ledger::Ledger;
use queue::Queue;
use refersion::Transport;

pub use audiences::KnownAudiences;
pub use beat::Beats;
pub use directories::KnownDirectories;
pub use handoff::Handoffs;
pub use locks::GraphLocks;
pub use meters::Meters;
pub use retry::RetryPolicy;

/// The time of day, injected.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything that the worker needs. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    /// The source of events.
    pub queue: Arc<dyn Queue>,
    /// All state.
    pub ledger: Arc<dyn Ledger>,
    /// Settings, state and keys of connections.
    pub connections: Arc<dyn ConnectionStore>,
    /// Sends requests to Refersion.
    pub transport: Arc<dyn Transport>,
    /// Digests identifiers, seals and opens names and keys.
    pub vault: Vault,
    /// The time of day.
    pub clock: Clock,
    /// The source of jitter.
    pub randomness: Arc<dyn Randomness>,
    /// Limits.
    pub limits: Limits,
    /// Counters for the operator.
    pub meters: Arc<Meters>,
    /// When each loop last ran.
    pub beats: Arc<Beats>,
    /// The lease holders of this process, to which absorb hands batches for the fast path.
    pub handoffs: Arc<Handoffs>,
    /// Locks on identifiers: absorb and reconcile take turns at a graph in this process.
    pub locks: Arc<GraphLocks>,
    /// The audiences that are counted.
    pub audiences: Arc<KnownAudiences>,
    /// Which connections have a directory of affiliates.
    pub directories: Arc<KnownDirectories>,
}

/// Limits on work in progress, waits and retention.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Upper limit of envelopes in one batch of absorb.
    pub absorb_batch: usize,
    /// Upper limit of calls under way for one connection.
    pub concurrency: usize,
    /// Calls in a row without an answer, or with a 5xx, that open the circuit breaker.
    pub breaker_after: u32,
    /// When to retry a failed call, and when to give up.
    pub retry: RetryPolicy,
    /// How long a lease lasts.
    pub lease: Duration,
    /// Interval of renewing it.
    pub renew: Duration,
    /// The longest that a call can take; it starts only if the lease lasts longer.
    pub deadline: Duration,
    /// How long work of the bulk lane is delayed, so that calls fill up.
    pub bulk_waits: Duration,
    /// Identifiers that name nobody, in addition to the default list.
    pub blocked_identifiers: Vec<String>,
    /// Maximum number of identifiers that one identifier links; one that links more stops linking.
    pub shared_after: usize,
    /// Minimum number of edits in a batch for which the fast path is used (send first, then record once).
    pub fast_path_from: usize,
    /// How long after a walk through Refersion's list of affiliates the next one begins; `None`: when it is requested.
    pub walk_every: Option<Duration>,
    /// How long outcomes are kept.
    pub keep_outcomes: Duration,
    /// How long dead letters are kept.
    pub keep_dead_letters: Duration,
    /// How long payloads of open dead letters of some classes are kept, if that is shorter.
    pub keep_dead_letters_by_class: BTreeMap<String, Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            absorb_batch: 1024,
            concurrency: 256,
            breaker_after: 10,
            retry: RetryPolicy::default(),
            lease: Duration::from_secs(15),
            renew: Duration::from_secs(2),
            deadline: Duration::from_secs(10),
            bulk_waits: Duration::from_millis(200),
            blocked_identifiers: Vec::new(),
            shared_after: identity::shared::SHARED_AFTER,
            fast_path_from: 50,
            walk_every: Some(Duration::from_secs(86_400)),
            keep_outcomes: Duration::from_secs(30 * 86_400),
            keep_dead_letters: Duration::from_secs(90 * 86_400),
            keep_dead_letters_by_class: BTreeMap::new(),
        }
    }
}

impl Worker {
    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A new random id.
    pub(crate) fn random_id(&self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.randomness.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A random number from 0 up to, but not including, 1.
    pub(crate) fn chance(&self) -> f64 {
        let mut bytes = [0; 4];
        self.randomness.fill(&mut bytes);
        f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}
