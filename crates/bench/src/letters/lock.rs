//! Measures the longest time for which a lock was held during an operation, because other writers have to wait that long.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ledger::postgres::TransactionWatch;
use sqlite::rusqlite::Connection;

use service::config::LedgerUrl;

/// How often the write lock of a file is requested.
const FILE_INTERVAL: Duration = Duration::from_millis(1);
/// How often Postgres is asked.
const SERVER_INTERVAL: Duration = Duration::from_millis(5);

/// The longest lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Longest {
    pub(super) lock: Duration,
    /// Without commits that wait for the disk; `None` on SQLite, where the two cannot be told apart.
    pub(super) without_disk: Option<Duration>,
}

/// Watches the locks of a ledger until [`Watch::end`].
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    kind: Kind,
}

enum Kind {
    File(JoinHandle<anyhow::Result<Longest>>),
    Server(tokio::task::JoinHandle<anyhow::Result<Longest>>),
}

impl Watch {
    pub(super) async fn begin(ledger: &LedgerUrl) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let kind = match ledger {
            LedgerUrl::Sqlite(path) => {
                let file = open(path)?;
                Kind::File(std::thread::spawn(move || watch_file(&file, &asked)))
            }
            LedgerUrl::Postgres(url) => {
                let watch = TransactionWatch::connect(url.reveal()).await?;
                Kind::Server(tokio::spawn(watch_server(watch, asked)))
            }
        };
        Ok(Self { stop, kind })
    }

    /// The longest lock since it began.
    pub(super) async fn end(self) -> anyhow::Result<Longest> {
        self.stop.store(true, Ordering::Relaxed);
        match self.kind {
            Kind::File(thread) => {
                let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
                joined.map_err(|_| anyhow::anyhow!("the watch of the ledger's file panicked"))?
            }
            Kind::Server(task) => task.await?,
        }
    }
}

fn open(path: &Path) -> anyhow::Result<Connection> {
    let file = Connection::open(path)?;
    // The statement fails at once if another process has the lock.
    file.busy_timeout(Duration::ZERO)?;
    Ok(file)
}

/// The longest time from a refused request for the lock to the next one that succeeds. Two locks with less than a millisecond
/// between them count as one: another writer would not have got the lock between them either.
fn watch_file(file: &Connection, stop: &AtomicBool) -> anyhow::Result<Longest> {
    let (mut lock, mut since) = (Duration::ZERO, None);
    while !stop.load(Ordering::Relaxed) {
        match file.execute_batch("BEGIN IMMEDIATE; ROLLBACK") {
            Ok(()) => {
                let held = since.take().map_or(Duration::ZERO, |since: Instant| since.elapsed());
                lock = lock.max(held);
            }
            Err(error) if error.sqlite_error_code() == Some(sqlite::rusqlite::ErrorCode::DatabaseBusy) => {
                since.get_or_insert_with(Instant::now);
            }
            Err(error) => return Err(error.into()),
        }
        std::thread::sleep(FILE_INTERVAL);
    }
    Ok(Longest { lock, without_disk: None })
}

async fn watch_server(mut watch: TransactionWatch, stop: Arc<AtomicBool>) -> anyhow::Result<Longest> {
    let mut longest = Longest { lock: Duration::ZERO, without_disk: Some(Duration::ZERO) };
    while !stop.load(Ordering::Relaxed) {
        let age = watch.oldest().await?;
        longest.lock = longest.lock.max(age.oldest);
        longest.without_disk = longest.without_disk.max(Some(age.without_disk));
        tokio::time::sleep(SERVER_INTERVAL).await;
    }
    Ok(longest)
}
