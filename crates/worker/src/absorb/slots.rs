//! Batches under way, and which connections may have another: they share the capacity of the process.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use queue::TAKE_BYTES;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{Instrument as _, debug_span, warn};

/// Maximum number of batches of one connection that are under way at the same time.
const OF_ONE: usize = 4;
/// Bytes of events under way at which a connection has reached its share, however few batches they are in.
const BYTES_OF_ONE: usize = 2 * TAKE_BYTES;
/// Bytes of events under way, of all connections together, at which nothing more is taken.
const BYTES: usize = 32 * 1024 * 1024;
/// While more bytes than these are under way, each connection has one batch at most, so that there is room for others.
const BYTES_TO_SHARE: usize = BYTES / 4;
/// How long a connection is passed over after its events could not be recorded.
const PAUSE: Duration = Duration::from_millis(500);

/// The number of batches of one connection that are under way, and their bytes.
#[derive(Default)]
struct Share {
    batches: usize,
    bytes: usize,
}

/// The batches under way.
#[derive(Default)]
pub(super) struct Slots {
    tasks: JoinSet<anyhow::Result<()>>,
    running: HashMap<Id, (i64, usize)>,
    of: BTreeMap<i64, Share>,
    bytes: usize,
    paused: BTreeMap<i64, Instant>,
}

impl Slots {
    /// Starts to process a batch of a connection.
    pub(super) fn add(
        &mut self,
        connection: i64,
        bytes: usize,
        way: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let batch = debug_span!("batch", connection_id = connection, bytes);
        let id = self.tasks.spawn(way.instrument(batch)).id();
        self.running.insert(id, (connection, bytes));
        let share = self.of.entry(connection).or_default();
        share.batches += 1;
        share.bytes += bytes;
        self.bytes += bytes;
    }

    /// Whether nothing more may be taken at present.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BYTES
    }

    /// The connections of which nothing is taken now: they have reached their share, or a batch of theirs failed a moment ago.
    pub(super) fn taken(&mut self) -> Vec<i64> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.end(ended);
        }
        let now = Instant::now();
        self.paused.retain(|_, until| *until > now);
        let most = if self.bytes < BYTES_TO_SHARE { OF_ONE } else { 1 };
        let busy = self.of.iter().filter(|(_, it)| it.batches >= most || it.bytes >= BYTES_OF_ONE);
        busy.map(|(connection, _)| *connection).chain(self.paused.keys().copied()).collect()
    }

    /// Waits until a batch has ended, or for `at_most`.
    pub(super) async fn wait(&mut self, at_most: Duration) {
        tokio::select! {
            biased;
            Some(ended) = self.tasks.join_next_with_id() => self.end(ended),
            () = tokio::time::sleep(at_most) => {}
        }
    }

    /// Waits until nothing is under way, or for `at_most`.
    pub(super) async fn wait_for_all(&mut self, at_most: Duration) {
        // Batches that have not ended by then are waited for next time.
        drop(tokio::time::timeout(at_most, self.empty()).await);
    }

    /// Waits until nothing is under way any more.
    pub(super) async fn empty(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.end(ended);
        }
    }

    fn end(&mut self, ended: Result<(Id, anyhow::Result<()>), JoinError>) {
        let (id, result) = match ended {
            Ok((id, result)) => (id, result),
            Err(panicked) => (panicked.id(), Err(panicked.into())),
        };
        let Some((connection, bytes)) = self.running.remove(&id) else { return };
        self.bytes -= bytes;
        if let Some(share) = self.of.get_mut(&connection) {
            share.batches -= 1;
            share.bytes -= bytes;
            if share.batches == 0 {
                self.of.remove(&connection);
            }
        }
        if let Err(cause) = result {
            warn!(connection_id = connection, error = %format!("{cause:#}"), "absorb pauses: the batch stays in the queue");
            self.paused.insert(connection, Instant::now() + PAUSE);
        }
    }
}
