//! The embedded engine: one SQLite file, shared by all processes of one machine.
//!
//! A taker gets a ticket that expires; then its messages are available again. Publishers and takers of this process wake
//! each other; those of other processes are noticed by their writes to the file ([`GLANCE`]).

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

/// How often a waiting taker looks whether another process has written into the file. A look only reads the time of the
/// file's last change.
pub const GLANCE: Duration = Duration::from_millis(5);

/// The longest tick of a file system's clock: two writes within one tick have the same time.
const TICK: Duration = Duration::from_millis(10);

/// How often a waiting taker looks into the queue without a sign of a write.
pub const POLL: Duration = Duration::from_millis(50);

/// An envelope that was lost by takers this often is handed out as unreadable: something in it crashes takers.
pub const LOST_LIMIT: i64 = 20;

/// A message that was lost by takers this often is split, and each of its envelopes is handed out by itself: otherwise all
/// of them would become unreadable because of the one that crashes takers.
pub const ALONE_AFTER: i64 = 2;

/// Number of acknowledgements after which the log is truncated although the queue is never idle, so that deleted events
/// leave it.
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
    /// Maximum bytes of messages in the file; beyond them publishing returns [`crate::PublishError::Full`].
    pub max_bytes: u64,
    /// How long a taker may hold a batch before other takers can take its messages.
    pub held_at_most: Duration,
}

impl Default for Settings {
    /// 4 GiB, about six million identifies; half a minute, while absorb needs two seconds at most.
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
    /// The connection that was served last: the next take begins after it.
    served: Arc<AtomicI64>,
    untidy: Arc<AtomicU32>,
    /// Whether the last check after a complaint of SQLite found no damage.
    mended_in_vain: Arc<AtomicBool>,
}

impl std::fmt::Debug for SqliteQueue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SqliteQueue").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl SqliteQueue {
    /// Opens the queue in the file at `path`, which is created if it does not exist.
    ///
    /// # Errors
    /// When the file cannot be used, or belongs to a newer version.
    pub async fn open(path: &Path, settings: Settings, clock: Clock) -> Result<Self, sqlite::Error> {
        let database = Database::open_repaired(path, |_| Ok::<_, sqlite::Error>(false), |_| Ok(()))?;
        Self::on(database, settings, clock).await
    }

    /// Opens the queue as [`SqliteQueue::open`] does, after checking whether the file is damaged. A damaged file is set
    /// aside, and its readable messages are rescued into a fresh one.
    ///
    /// # Errors
    /// When the file cannot be used, belongs to a newer version, or there is no room for the rescue.
    pub async fn open_repaired(path: &Path, settings: Settings, clock: Clock) -> Result<Self, QueueError> {
        let (path, now) = (path.to_owned(), clock());
        let opened = tokio::task::spawn_blocking(move || {
            let repair = |path: &Path| rescue::repair(path, now, false).map(drop);
            Database::open_repaired(&path, rescue::is_needed, repair)
        });
        let database = opened.await.map_err(|_| sqlite::Error::NoThread)??;
        Ok(Self::on(database, settings, clock).await?)
    }

    /// The database file, for watching it for damage.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Looks for damage and repairs it, as [`SqliteQueue::open_repaired`] does, while the queue is in use; meanwhile it
    /// accepts and hands out nothing. Returns what was rescued: nothing if there is no damage any more.
    ///
    /// # Errors
    /// If the file cannot be repaired now. It stays unavailable; try again.
    pub async fn repair(&self) -> Result<Vec<Rescue>, QueueError> {
        let now = (self.clock)();
        // If the last check found nothing, and SQLite has complained again, the file counts as damaged.
        let is_known = self.mended_in_vain.load(Ordering::Relaxed);
        let rescues = self.database.repair(move |path| rescue::repair(path, now, is_known)).await?;
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

    /// Gives back at once all messages that takers hold, without waiting for their tickets to expire, and returns the
    /// number of messages. For the start of the only worker, so that messages which it held when it was killed do not wait.
    /// If another worker is running, it merely finds that its batch is no longer held.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn reclaim(&self) -> Result<usize, QueueError> {
        let messages = self.database.transaction(admin::reclaim).await?;
        self.published.notify_one();
        Ok(messages)
    }
}
