//! The plain worker on a SQLite file: queue and outcomes are two tables, and each event is one transaction.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, params};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};

use crate::{AT_ONCE, Refersion};

const CREATE: &str = "CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE outcomes (message_id TEXT PRIMARY KEY, outcome TEXT NOT NULL, affiliate INTEGER NOT NULL,
        at TEXT NOT NULL) STRICT;";
const PUT: &str = "INSERT INTO messages (body) VALUES (?1)";
const NEXT: &str = "SELECT id, body FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2";
const INSERT: &str = "INSERT INTO outcomes VALUES (?1, 'updated', ?2, datetime('now'))";
const DELETE: &str = "DELETE FROM messages WHERE id = ?1";
const COUNT: &str = "SELECT COUNT(*) FROM outcomes";

/// The file. Cheap to clone.
#[derive(Clone)]
pub struct File {
    connection: Arc<Mutex<Connection>>,
}

impl File {
    /// Opens it, or makes it.
    ///
    /// # Errors
    ///
    /// If it cannot be used.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Puts events into it, which must be new.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn fill(&self, events: &[String]) -> anyhow::Result<()> {
        let mut connection = self.lock();
        let writing = connection.transaction()?;
        writing.execute_batch(CREATE)?;
        {
            let mut put = writing.prepare(PUT)?;
            for event in events {
                put.execute([event])?;
            }
        }
        Ok(writing.commit()?)
    }

    /// Works off `events` events: a call and a transaction for each, 64 at once.
    ///
    /// # Errors
    ///
    /// At the first event that fails.
    pub async fn work(&self, refersion: &Refersion, events: u64) -> anyhow::Result<()> {
        let hands = Arc::new(Semaphore::new(AT_ONCE.into()));
        let mut tasks = JoinSet::new();
        let (mut begun, mut last) = (0, 0);
        while begun < events {
            let next = self.next(last)?;
            anyhow::ensure!(!next.is_empty(), "the queue is empty too soon");
            for (id, body) in next {
                (begun, last) = (begun + 1, id);
                let hand = Arc::clone(&hands).acquire_owned().await?;
                let (file, refersion) = (self.clone(), refersion.clone());
                tasks.spawn(async move {
                    let outcome = refersion.tell(body.as_bytes()).await?;
                    spawn_blocking(move || file.record(id, &outcome)).await??;
                    drop(hand);
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

    /// How many events have a row.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn worked_off(&self) -> anyhow::Result<u64> {
        Ok(self.lock().query_row(COUNT, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
    }

    fn next(&self, last: i64) -> anyhow::Result<Vec<(i64, String)>> {
        let connection = self.lock();
        let mut next = connection.prepare_cached(NEXT)?;
        let rows = next.query_map(params![last, AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn record(&self, id: i64, outcome: &crate::refersion::Outcome) -> anyhow::Result<()> {
        let mut connection = self.lock();
        let writing = connection.transaction()?;
        let affiliate = i64::try_from(outcome.affiliate)?;
        writing.prepare_cached(INSERT)?.execute(params![outcome.message_id, affiliate])?;
        writing.prepare_cached(DELETE)?.execute([id])?;
        Ok(writing.commit()?)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
