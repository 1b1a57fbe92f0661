//! A handle on a database: the caller passes work to it, and awaits the result.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::condition::Condition;
use crate::runner::Runner;
use crate::{Error, WorkError, open};

/// A SQLite database that belongs to one connection.
///
/// Clones are handles on the same connection, which is closed when the last of them is dropped. Pieces of work run one
/// after the other. A piece that has begun runs to its end, even if nobody awaits it any more.
#[derive(Clone, Debug)]
pub struct Database {
    runner: Arc<Runner>,
    condition: Arc<Condition>,
}

impl Database {
    /// Opens the file, and creates it (with mode 0600) and its folder if they do not exist. Work runs on a thread of
    /// its own.
    ///
    /// # Errors
    /// When the file cannot be created, opened or protected, or is not a SQLite database.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let condition = Condition::of(path, false)?;
        let connection = open::file(path)?;
        condition.note_opened();
        Self::threaded(connection, condition)
    }

    /// Opens the file as [`Database::open`] does. If it `is_damaged`, calls `repair` first: meanwhile no process that opened the file with
    /// this function uses it. [`Database::repair`] repairs it later.
    ///
    /// # Errors
    /// The errors of the two functions, and those of opening.
    pub fn open_repaired<E: From<Error>>(
        path: &Path,
        is_damaged: impl FnOnce(&Path) -> Result<bool, E>,
        repair: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Self, E> {
        open::make_folder(path)?;
        let condition = Condition::of(path, true)?;
        if is_damaged(path)? {
            let alone = condition.alone()?;
            repair(path)?;
            drop(alone);
        }
        let shared = condition.share()?;
        let connection = open::file(path)?;
        condition.note_opened();
        drop(shared);
        Ok(Self::threaded(connection, condition)?)
    }

    /// A database in memory, with a thread of its own as a file has. It lives as long as a handle on it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn in_memory() -> Result<Self, Error> {
        Self::threaded(open::memory()?, Condition::default())
    }

    /// A database in memory that does its work at once, in the caller. It uses no threads, so that a simulation with
    /// the same seed gives exactly the same results. It lives as long as a handle on it.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn inline() -> Result<Self, Error> {
        Ok(Self { runner: Arc::new(Runner::inline(open::memory()?)), condition: Arc::default() })
    }

    fn threaded(connection: Connection, condition: Condition) -> Result<Self, Error> {
        Ok(Self { runner: Arc::new(Runner::threaded(connection)?), condition: Arc::new(condition) })
    }

    /// The file; `None` in memory.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.condition.path().map(Path::to_owned)
    }

    /// The time when any process last wrote into the file, taken from its write-ahead log: a cheap hint, as coarse as the file system's
    /// clock (milliseconds). `None` in memory, or if it cannot be read.
    #[must_use]
    pub fn last_write(&self) -> Option<SystemTime> {
        let log = crate::beside(self.condition.path()?, "-wal");
        std::fs::metadata(log).and_then(|found| found.modified()).ok()
    }

    /// The damage of the file, once it is known. All work is refused from then on.
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        self.condition.damage()
    }

    /// The file that was deleted or replaced since it was opened: the database, or a file that SQLite keeps beside it. All work is refused
    /// while this is the case.
    #[must_use]
    pub fn moved(&self) -> Option<PathBuf> {
        self.condition.moved().map(Path::to_owned)
    }

    /// Notes that a check from outside has found the file damaged.
    pub fn note_damage(&self, why: String) {
        self.condition.note(why);
    }

    /// Closes the file, calls `repair` while no other process uses it as in [`Database::open_repaired`], and opens it again. It then
    /// counts as sound. If this fails, the file stays closed.
    ///
    /// # Errors
    /// The errors of `repair`, and those of opening; [`Error::NoThread`] for a database in memory.
    pub async fn repair<R, E>(
        &self,
        repair: impl FnOnce(&Path) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let condition = Arc::clone(&self.condition);
        let Some(path) = self.path() else { return Err(Error::NoThread.into()) };
        self.runner
            .run(move |slot| {
                drop(slot.take());
                let held = condition.alone()?;
                let repaired = repair(&path)?;
                *slot = Some(open::file(&path)?);
                condition.note_opened();
                condition.note_sound();
                drop(held);
                Ok(repaired)
            })
            .await
    }

    /// Does one piece of work with the connection, and returns its result. A transaction that the work leaves open,
    /// because it fails or panics, is rolled back.
    ///
    /// # Errors
    /// The errors of the work; [`Error::Damaged`] once the file is known to be damaged, even if this piece of work found it;
    /// [`Error::Moved`] while it is not at its path; [`Error::BeingRepaired`]; [`Error::NoThread`] when the database is shutting down.
    ///
    /// # Panics
    /// When the work panics; the database itself stays usable.
    pub async fn run<R, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: WorkError + Send + 'static,
    {
        let condition = Arc::clone(&self.condition);
        self.runner
            .run(move |slot| {
                condition.refuse_if_damaged()?;
                condition.refuse_if_moved()?;
                let connection = slot.as_mut().ok_or(Error::NoThread)?;
                let held = condition.share()?;
                let done = work(connection);
                drop(held);
                if let Some(failure) = done.as_ref().err().and_then(WorkError::sqlite)
                    && crate::error::reports_damage(failure)
                {
                    condition.note(failure.to_string());
                }
                // If the file was deleted or replaced meanwhile, the written data is lost.
                condition.refuse_if_moved()?;
                done
            })
            .await
    }

    /// Does one piece of work inside one transaction, which may write from its beginning (`IMMEDIATE`, so that it
    /// cannot fail half way because another process writes). When this returns `Ok`, the changes are on the disk; after
    /// an error or a panic, none of them are.
    ///
    /// # Errors
    /// The errors of the work, and those of the commit.
    ///
    /// # Panics
    /// When the work panics.
    pub async fn transaction<R, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: WorkError + Send + 'static,
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

    /// Moves everything from the write-ahead log into the file and truncates the log, so that deleted bytes do not stay in it. `waits` is
    /// the maximum wait for readers; all further work waits meanwhile. Returns `false` if another process was reading all that time: try
    /// again later. <https://sqlite.org/pragma.html#pragma_wal_checkpoint>
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
