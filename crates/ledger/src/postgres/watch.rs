//! Measures from outside the age of the oldest transaction of a database that may hold locks.

use std::time::Duration;

use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::Instant;

use super::pool::within;
use super::{plain, rows};
use crate::LedgerError;

/// The time limit of one measurement.
const DEADLINE: Duration = Duration::from_secs(8);

/// A transaction has an id once it has written or locked a row; it keeps its locks to its end. A commit has the two wait events while the
/// log is written to the disk (<https://www.postgresql.org/docs/15/monitoring-stats.html>, tables of wait events).
const OLDEST: &str = "SELECT COALESCE(MAX(age), 0)::float8,
        COALESCE(MAX(age) FILTER (WHERE wait_event IS NULL OR wait_event NOT IN ('WALSync', 'WALWrite')), 0)::float8
    FROM (
        SELECT EXTRACT(EPOCH FROM clock_timestamp() - xact_start) AS age, wait_event FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            AND backend_xid IS NOT NULL) AS transactions";

/// The age of the oldest transaction that has written or locked rows; zero if there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransactionAge {
    /// Of all transactions.
    pub oldest: Duration,
    /// Of those that do not wait until the disk has the log.
    pub without_disk: Duration,
}

/// A connection to the server that reads the age of transactions.
#[derive(Debug)]
pub struct TransactionWatch {
    connection: PgConnection,
}

impl TransactionWatch {
    /// Connects to the database of this URL (see [`PostgresLedger::connect`](super::PostgresLedger::connect)).
    ///
    /// # Errors
    /// [`LedgerError`] if the server cannot be reached or the URL is invalid.
    pub async fn connect(url: &str) -> Result<Self, LedgerError> {
        let options = plain(url, "refersion-destination watch")?;
        let connecting = async { Ok(options.connect().await?) };
        let connection = within(Instant::now() + DEADLINE, connecting).await?;
        Ok(Self { connection })
    }

    /// The age of the oldest transaction of other connections.
    ///
    /// # Errors
    /// [`LedgerError`] if the server cannot be asked.
    pub async fn oldest(&mut self) -> Result<TransactionAge, LedgerError> {
        let asking = async { Ok(rows(OLDEST).fetch_one(&mut self.connection).await?) };
        let (oldest, without_disk): (f64, f64) = within(Instant::now() + DEADLINE, asking).await?;
        let age = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Ok(TransactionAge { oldest: age(oldest), without_disk: age(without_disk) })
    }
}
