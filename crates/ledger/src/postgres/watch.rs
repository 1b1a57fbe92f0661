//! Looks from outside at the transactions of a database: how old the oldest is that may hold locks.

use std::time::Duration;

use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::Instant;

use super::pool::within;
use super::{plain, rows};
use crate::LedgerError;

/// The longest that a look takes.
const DEADLINE: Duration = Duration::from_secs(8);

/// A transaction has an id once it has written or locked a row; it keeps its locks to its end.
const OLDEST: &str = "SELECT COALESCE(MAX(EXTRACT(EPOCH FROM clock_timestamp() - xact_start)), 0)::float8
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        AND backend_xid IS NOT NULL";

/// A connection to the server that asks for the age of transactions.
#[derive(Debug)]
pub struct TransactionWatch {
    connection: PgConnection,
}

impl TransactionWatch {
    /// Connects to the database of this URL (see [`PostgresLedger::connect`](super::PostgresLedger::connect)).
    ///
    /// # Errors
    /// [`LedgerError`] if the server cannot be reached or the URL makes no sense.
    pub async fn connect(url: &str) -> Result<Self, LedgerError> {
        let options = plain(url, "refersion-destination watch")?;
        let connecting = async { Ok(options.connect().await?) };
        let connection = within(Instant::now() + DEADLINE, connecting).await?;
        Ok(Self { connection })
    }

    /// The age of the oldest transaction of others that has written; zero if there is none.
    ///
    /// # Errors
    /// [`LedgerError`] if the server cannot be asked.
    pub async fn oldest(&mut self) -> Result<Duration, LedgerError> {
        let asking = async { Ok(rows(OLDEST).fetch_one(&mut self.connection).await?) };
        let (seconds,): (f64,) = within(Instant::now() + DEADLINE, asking).await?;
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }
}
