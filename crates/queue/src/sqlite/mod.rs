//! The embedded engine: one SQLite file, shared by all processes of one machine.
//!
//! A taker gets a ticket that runs out; what it held comes back then. Publishers and takers of this process wake each
//! other; those of other processes are noticed by what they write ([`GLANCE`]).

mod admin;
mod port;
mod rescue;
mod statements;
mod take;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use sqlite::{Database, Migration, migrate};
use tokio::sync::Notify;

use crate::{Clock, QueueError};

pub use rescue::Rescue;

/// How often a waiting taker looks whether another process has written into the file, which costs no more than asking for the time of
/// its last change.
pub const GLANCE: Duration = Duration::from_millis(5);

/// The longest tick of a file system's clock: two writes within one have the same time.
const TICK: Duration = Duration::from_millis(10);

/// How often a waiting taker looks into the queue without such a sign.
pub const POLL: Duration = Duration::from_millis(50);

/// An envelope whose taker vanished so often is handed out as unreadable: something in it kills takers.
pub const LOST_LIMIT: i64 = 20;

/// A message whose taker vanished so often is split, and each of its envelopes handed out by itself: with the one
/// that kills takers, the others would be condemned.
pub const ALONE_AFTER: i64 = 2;

/// Acknowledgements after which the log is cut off though the queue never rests, so that deleted events leave it.
const TIDY_AFTER: u32 = 1000;

const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_create_messages",
        sql: include_str!("../../../../migrations/sqlite/queue/0001_create_messages.sql"),
        min_reader: 1,
    },
    Migration {
        name: "0002_let_connections_take_turns",
        sql: include_str!("../../../../migrations/sqlite/queue/0002_let_connections_take_turns.sql"),
        min_reader: 1,
    },
    Migration {
        name: "0003_create_rescues",
        sql: include_str!("../../../../migrations/sqlite/queue/0003_create_rescues.sql"),
        min_reader: 1,
    },
    Migration {
        name: "0004_create_heartbeats",
        sql: include_str!("../../../../migrations/sqlite/queue/0004_create_heartbeats.sql"),
        min_reader: 1,
    },
];

/// The limits of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes of messages that the file holds; publishing beyond them is [`crate::PublishError::Full`].
    pub max_bytes: u64,
    /// How long a taker may hold a batch before its messages come back to others.
    pub held_at_most: Duration,
}

impl Default for Settings {
    /// 4 GiB, about six million identifies; half a minute, where an absorb takes two seconds at most.
    fn default() -> Self {
        Self { max_bytes: 4 * 1024 * 1024 * 1024, held_at_most: Duration::from_secs(30) }
    }
}

/// A queue in a SQLite file. Clones share the connection.
#[derive(Clone)]
pub struct SqliteQueue {
    database: Database,
    settings: Settings,
    clock: Clock,
    published: Arc<Notify>,
    takes: Arc<AtomicU32>,
    /// The connection that was served last: the next take begins behind it.
    served: Arc<AtomicI64>,
    untidy: Arc<AtomicU32>,
    /// The last look for damage that SQLite had complained of found none.
    mended_in_vain: Arc<AtomicBool>,
}

impl std::fmt::Debug for SqliteQueue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SqliteQueue").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl SqliteQueue {
    /// Opens the queue in the file at `path`, which is made where there is none.
    ///
    /// # Errors
    /// When the file cannot be used, or belongs to a newer version.
    pub async fn open(path: &Path, settings: Settings, clock: Clock) -> Result<Self, sqlite::Error> {
        let database = Database::open_mended(path, |_| Ok::<_, sqlite::Error>(false), |_| Ok(()))?;
        Self::on(database, settings, clock).await
    }

    /// Opens the queue as [`SqliteQueue::open`] does, after looking whether the file is damaged. A damaged one is set aside,
    /// and what can be read of it is rescued into a fresh one.
    ///
    /// # Errors
    /// When the file cannot be used, belongs to a newer version, or there is no room for the rescue.
    pub async fn open_mended(path: &Path, settings: Settings, clock: Clock) -> Result<Self, QueueError> {
        let (path, now) = (path.to_owned(), clock());
        let opened = tokio::task::spawn_blocking(move || {
            let mend = |path: &Path| rescue::mend(path, now, false).map(drop);
            Database::open_mended(&path, rescue::is_needed, mend)
        });
        let database = opened.await.map_err(|_| sqlite::Error::NoThread)??;
        Ok(Self::on(database, settings, clock).await?)
    }

    /// The file below, to be watched for damage.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Looks for damage and mends it, as [`SqliteQueue::open_mended`] does, while the queue is in use; it takes and hands out
    /// nothing meanwhile. Returns what was rescued: nothing where nothing is damaged any more.
    ///
    /// # Errors
    /// When the file cannot be mended now. It stays unavailable; try again.
    pub async fn mend(&self) -> Result<Vec<Rescue>, QueueError> {
        let now = (self.clock)();
        // What a look did not find before, and SQLite has complained of again, is taken at its word.
        let is_known = self.mended_in_vain.load(Ordering::Relaxed);
        let rescues = self.database.mend(move |path| rescue::mend(path, now, is_known)).await?;
        self.mended_in_vain.store(rescues.is_empty(), Ordering::Relaxed);
        self.published.notify_one();
        Ok(rescues)
    }

    /// Opens the queue on any database, such as [`Database::inline`] for a simulation.
    ///
    /// # Errors
    /// As [`SqliteQueue::open`].
    pub async fn on(database: Database, settings: Settings, clock: Clock) -> Result<Self, sqlite::Error> {
        database.run(|connection| migrate(connection, MIGRATIONS)).await?;
        Ok(Self {
            database,
            settings,
            clock,
            published: Arc::default(),
            takes: Arc::default(),
            served: Arc::default(),
            untidy: Arc::default(),
            mended_in_vain: Arc::default(),
        })
    }

    /// Gives back at once what takers hold, without waiting for their tickets to run out, and returns how many messages
    /// these were. For the start of the only worker: what it held when it was killed need not wait. If another worker
    /// lives, it merely finds its batch not held any more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn reclaim(&self) -> Result<usize, QueueError> {
        let messages = self.database.transaction(admin::reclaim).await?;
        self.published.notify_one();
        Ok(messages)
    }
}
