//! Engines under test, with a clock that the tests set.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use queue::contract::Rig;
use queue::sqlite::{Settings, SqliteQueue};
use queue::{Clock, Queue};
use sqlite::Database;
use tempfile::TempDir;

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn set_back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Arc::new(move || Timestamp::from_microsecond(now.load(Ordering::SeqCst)).unwrap())
    }
}

/// The SQLite engine: on a file that each handle opens by itself, or in one memory that all handles share.
pub(crate) struct SqliteRig {
    pub(crate) folder: TempDir,
    pub(crate) clock: TestClock,
    shared: Option<Database>,
}

impl SqliteRig {
    pub(crate) fn file() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: TestClock::default(), shared: None }
    }

    pub(crate) fn inline() -> Self {
        Self { shared: Some(Database::inline().unwrap()), ..Self::file() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("queue.db")
    }

    pub(crate) async fn engine(&self) -> SqliteQueue {
        let clock = self.clock.clock();
        match &self.shared {
            Some(database) => SqliteQueue::on(database.clone(), Settings::default(), clock).await.unwrap(),
            None => SqliteQueue::open(&self.path(), Settings::default(), clock).await.unwrap(),
        }
    }
}

#[async_trait]
impl Rig for SqliteRig {
    async fn open(&self) -> Arc<dyn Queue> {
        Arc::new(self.engine().await)
    }

    async fn open_limited(&self, max_bytes: u64) -> Arc<dyn Queue> {
        let settings = Settings { max_bytes, ..Settings::default() };
        let database = match &self.shared {
            Some(_) => Database::inline().unwrap(),
            None => Database::open(&self.folder.path().join("limited.db")).unwrap(),
        };
        Arc::new(SqliteQueue::on(database, settings, self.clock.clock()).await.unwrap())
    }

    async fn crash(&self, handle: Arc<dyn Queue>) {
        drop(handle);
        self.clock.advance(Settings::default().held_at_most);
    }
}
