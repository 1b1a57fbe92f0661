//! The plain worker on a SQLite file: the queue and the outcomes are two tables, and each event is one transaction.

use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, params};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};

use crate::{CONCURRENCY, Refersion};

const CREATE: &str = "CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE outcomes (message_id TEXT PRIMARY KEY, outcome TEXT NOT NULL, affiliate INTEGER NOT NULL,
        at TEXT NOT NULL) STRICT;";
const INSERT_MESSAGE: &str = "INSERT INTO messages (body) VALUES (?1)";
const NEXT: &str = "SELECT id, body FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2";
const INSERT_OUTCOME: &str = "INSERT INTO outcomes VALUES (?1, 'updated', ?2, datetime('now'))";
const DELETE: &str = "DELETE FROM messages WHERE id = ?1";
const COUNT: &str = "SELECT COUNT(*) FROM outcomes";

/// A SQLite file with queue and outcomes. Cheap to clone.
#[derive(Clone)]
pub struct File {
    connection: Arc<Mutex<Connection>>,
}

impl File {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened or configured.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Creates the tables in a new file and inserts the events.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or has the tables already.
    pub fn fill(&self, events: &[String]) -> anyhow::Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute_batch(CREATE)?;
        {
            let mut insert = transaction.prepare(INSERT_MESSAGE)?;
            for event in events {
                insert.execute([event])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Processes `events` events: one call and one transaction for each, 64 in progress.
    ///
    /// # Errors
    ///
    /// At the first event that fails.
    pub async fn process(&self, refersion: &Refersion, events: u64) -> anyhow::Result<()> {
        let permits = Arc::new(Semaphore::new(CONCURRENCY.into()));
        let mut tasks = JoinSet::new();
        let (mut started, mut last) = (0, 0);
        while started < events {
            let next = self.next(last)?;
            anyhow::ensure!(!next.is_empty(), "the queue has fewer events than expected");
            for (id, body) in next {
                (started, last) = (started + 1, id);
                let permit = Arc::clone(&permits).acquire_owned().await?;
                let (file, refersion) = (self.clone(), refersion.clone());
                tasks.spawn(async move {
                    let outcome = refersion.send(body.as_bytes()).await?;
                    spawn_blocking(move || file.record(id, &outcome)).await??;
                    drop(permit);
                    anyhow::Ok(())
                });
                while let Some(ended) = tasks.try_join_next() {
                    ended??;
                }
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Number of events that have a row.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn processed(&self) -> anyhow::Result<u64> {
        Ok(self.lock().query_row(COUNT, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
    }

    fn next(&self, last: i64) -> anyhow::Result<Vec<(i64, String)>> {
        let connection = self.lock();
        let mut next = connection.prepare_cached(NEXT)?;
        let rows = next.query_map(params![last, CONCURRENCY], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn record(&self, id: i64, outcome: &crate::refersion::Outcome) -> anyhow::Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let affiliate = i64::try_from(outcome.affiliate)?;
        transaction.prepare_cached(INSERT_OUTCOME)?.execute(params![outcome.message_id, affiliate])?;
        transaction.prepare_cached(DELETE)?.execute([id])?;
        Ok(transaction.commit()?)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock()
    }
}
