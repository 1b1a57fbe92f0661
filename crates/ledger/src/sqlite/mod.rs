//! The embedded engine: one SQLite file for the [`Ledger`](crate::Ledger) and the connections.
//!
//! Statements are in the modules, next to the code that runs them. `port` implements the port with `record` (the writes of one transaction)
//! on top of `graphs`, `events` and `letters`; with `due` and `leases` for the worker; with `find`, `views` and `expire` for the operator.
//! `accounts` stores the connections.

mod accounts;
mod arrivals;
mod audiences;
mod audit;
mod claims;
mod codes;
mod directory;
mod due;
mod events;
mod expire;
mod failure;
mod find;
mod graphs;
mod groups;
mod hints;
mod idempotency;
mod interruptions;
mod leases;
mod letters;
mod message_ids;
mod monitoring;
mod notifications;
mod operators;
mod orphans;
mod page_bounds;
mod plans;
mod port;
mod record;
mod repairs;
mod rows;
mod segment_answers;
#[cfg(test)]
mod steps;
mod storage;
mod tally;
mod unmapped;
mod view_port;
mod views;
mod words;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlite::rusqlite::Connection;
use sqlite::{Database, Migration};

use failure::Failure;

macro_rules! migration {
    ($name:literal, $min_reader:literal) => {
        Migration {
            name: $name,
            sql: include_str!(concat!("../../../../migrations/sqlite/ledger/", $name, ".sql")),
            min_reader: $min_reader,
        }
    };
}

/// The time for which truncating the log waits for readers of the file. Deleted data must not stay in the log.
const LOG_WAITS: Duration = Duration::from_secs(5);

/// The schema, in steps. A step never changes once it was released.
const MIGRATIONS: [Migration; 34] = [
    migration!("0001_create_connections", 1),
    migration!("0002_create_graphs", 1),
    migration!("0003_create_events", 1),
    migration!("0004_create_notes", 1),
    migration!("0005_create_stray_letters", 1),
    migration!("0006_create_removed_connections", 1),
    migration!("0007_pack_graphs", 7),
    migration!("0008_forget_names_of_people", 7),
    migration!("0009_keep_no_message_ids", 7),
    migration!("0010_measure_dead_letters", 7),
    migration!("0011_create_sweeps", 7),
    migration!("0012_keep_what_refersion_says", 12),
    migration!("0013_count_repeats", 13),
    migration!("0014_create_processes", 7),
    migration!("0015_count_resumes", 7),
    migration!("0016_watch_arrivals", 7),
    migration!("0017_note_untaken_events", 7),
    migration!("0018_keep_replaced_write_keys", 7),
    migration!("0019_keep_shared_secrets", 7),
    migration!("0020_select_dead_letters", 7),
    migration!("0021_group_dead_letters", 7),
    migration!("0022_close_dead_letters", 22),
    migration!("0023_repair_dead_letters", 22),
    migration!("0024_create_operators", 22),
    migration!("0025_keep_directories", 22),
    migration!("0026_count_audiences", 22),
    migration!("0027_create_plans", 22),
    migration!("0028_count_refused_signatures", 22),
    migration!("0029_keep_segment_answers", 22),
    migration!("0030_count_repeated_calls", 22),
    migration!("0031_name_letters_of_interrupted_calls", 22),
    migration!("0032_find_plans_with_items_under_way", 22),
    migration!("0033_remove_connections_by_pages", 22),
    migration!("0034_pass_over_events_with_dead_letters", 22),
];

/// The ledger, and the store of connections, in one SQLite database. Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteLedger {
    database: Database,
    /// Whether deleted bytes may still be in the write-ahead log.
    log_remembers: Arc<AtomicBool>,
}

impl SqliteLedger {
    /// Opens the file, creates it if it does not exist, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be used, or belongs to another program or to a newer version.
    pub async fn open(path: &Path) -> Result<Self, sqlite::Error> {
        Self::over(Database::open(path)?).await
    }

    /// A ledger in memory that works without threads; the same seed gives the same history.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub async fn inline() -> Result<Self, sqlite::Error> {
        Self::over(Database::inline()?).await
    }

    /// A ledger in a database that is open already.
    ///
    /// # Errors
    /// When its schema cannot be brought up to date.
    pub async fn over(database: Database) -> Result<Self, sqlite::Error> {
        database.run(|connection| sqlite::migrate(connection, &MIGRATIONS)).await?;
        Ok(Self { database, log_remembers: Arc::default() })
    }

    /// The database of the ledger, to be watched for damage.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Reads in one snapshot, which does not change while other processes write.
    async fn read<R, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<Failure>,
    {
        let read = self.database.run(move |connection| work(&*connection.transaction()?)).await;
        read.map_err(E::from)
    }

    /// Writes everything or nothing.
    async fn write<R, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<Failure>,
    {
        self.database.transaction(move |transaction| work(transaction)).await.map_err(E::from)
    }

    /// Truncates the write-ahead log, if deleted bytes may be in it. This is not possible while another process reads;
    /// the next transaction that erases or expires something tries again.
    async fn clear_log(&self) {
        if self.log_remembers.swap(false, Ordering::AcqRel) {
            let cleared = self.database.truncate_log(LOG_WAITS).await;
            if !matches!(cleared, Ok(true)) {
                self.log_remembers.store(true, Ordering::Release);
            }
            if let Err(error) = cleared {
                tracing::warn!(%error, "deleted data could not be cleared from the log of the ledger");
            }
        }
    }

    /// To be called after a commit that removed personal data.
    async fn forgot(&self) {
        self.log_remembers.store(true, Ordering::Release);
        self.clear_log().await;
    }
}
