//! A handle on a database: hand it work, await the result.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::runner::Runner;
use crate::{Error, open};

/// A SQLite database that belongs to one connection.
///
/// Clones are handles on the same connection; it is closed when the last of them is dropped. Work is done one piece
/// after the other. Work that has begun goes on to its end, also when nobody awaits it any more.
#[derive(Clone, Debug)]
pub struct Database {
    runner: Arc<Runner>,
}

impl Database {
    /// Opens the file, which is made (mode 0600, its folder too) where it does not exist. Work runs on one thread of
    /// its own.
    ///
    /// # Errors
    /// When the file cannot be made, opened or protected, or is no SQLite database.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::threaded(open::file(path)?)
    }

    /// A database in memory, with a thread of its own as a file has. It lives as long as a handle on it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn in_memory() -> Result<Self, Error> {
        Self::threaded(open::memory()?)
    }

    /// A database in memory whose work is done at once, in the caller: without threads, so that a simulation that
    /// draws everything from a seed repeats itself exactly. It lives as long as a handle on it.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn inline() -> Result<Self, Error> {
        Ok(Self { runner: Arc::new(Runner::inline(open::memory()?)) })
    }

    fn threaded(connection: Connection) -> Result<Self, Error> {
        Ok(Self { runner: Arc::new(Runner::threaded(connection)?) })
    }

    /// Does one piece of work with the connection, and gives back what it gives. A transaction that the work leaves
    /// open, because it fails or panics, is rolled back.
    ///
    /// # Errors
    /// Those of the work; [`Error::NoThread`] when the database is shutting down.
    ///
    /// # Panics
    /// When the work panics; the database itself stays usable.
    pub async fn run<R, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.runner.run(work).await
    }

    /// Does one piece of work inside one transaction, which may write from its beginning (`IMMEDIATE`, so that it
    /// cannot fail half way because another process writes). It is on the disk when this returns `Ok`; after an error
    /// or a panic nothing of it is.
    ///
    /// # Errors
    /// Those of the work, and those of the commit.
    ///
    /// # Panics
    /// When the work panics.
    pub async fn transaction<R, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::from)?;
            let result = work(&transaction)?;
            transaction.commit().map_err(Error::from)?;
            Ok(result)
        })
        .await
    }

    /// Moves everything from the write-ahead log into the file and cuts the log off, so that bytes deleted before do
    /// not live on in it. `false`: another process has been reading all the time that this `waits` for it, and all work behind it;
    /// ask again later. <https://sqlite.org/pragma.html#pragma_wal_checkpoint>
    ///
    /// # Errors
    /// When SQLite cannot write.
    pub async fn truncate_log(&self, waits: Duration) -> Result<bool, Error> {
        self.run(move |connection| {
            connection.busy_timeout(waits)?;
            let busy =
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
            connection.busy_timeout(open::BUSY_TIMEOUT)?;
            Ok(busy? == 0)
        })
        .await
    }
}
