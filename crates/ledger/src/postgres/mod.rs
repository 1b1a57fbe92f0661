//! The engine for many machines: the [`Ledger`](crate::Ledger) and the connections in one Postgres database.
//!
//! Statements are in the modules, next to the code that runs them, and write many rows at once. `port` implements the port with `record`
//! (the writes of one transaction) on top of `graphs`, `events` and `letters`; with `due` and `leases` for the worker; with `find`, `views`
//! and `expire` for the operator. `accounts` stores the connections. `weeks` creates and drops the partitions of tables that expire; `pool`
//! keeps the connections to the server.
//!
//! Locks are taken in one order, so that transactions never wait for each other in a circle: the lease, graphs by id, digests in their
//! order, events in theirs. Counts are appended, not updated, so that no row is written by all transactions.

mod accounts;
mod arrivals;
mod audiences;
mod audit;
mod claims;
mod codes;
mod copy;
mod directory;
mod drop_week;
mod due;
mod events;
mod expire;
mod expire_week;
mod failure;
mod find;
mod graphs;
mod groups;
mod hints;
mod idempotency;
mod inspect;
mod interruptions;
mod leases;
mod letters;
mod message_ids;
mod migrate;
mod monitoring;
mod notes;
mod notifications;
mod operators;
mod orphans;
mod plans;
mod pool;
mod pooler;
mod port;
mod record;
mod repairs;
mod segment_answers;
mod storage;
mod text;
mod thin_week;
mod unmapped;
mod views;
mod watch;
mod weeks;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Postgres};
use tokio::time::Instant;

use crate::LedgerError;
use failure::Failure;
pub use inspect::Inspection;
use pool::{Pool, Session};
pub use watch::{TransactionAge, TransactionWatch};

/// Options for using the database.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Maximum number of connections to the server.
    pub connections: u32,
    /// The time limit of one call of a port; after it the call fails with [`LedgerError::Unavailable`].
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 8, deadline: Duration::from_secs(8) }
    }
}

/// The ledger, and the store of connections, in one Postgres database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct PostgresLedger {
    pool: Arc<Pool>,
    /// The approximate number of rows of unmapped traits and audiences that were appended since the last sum-up.
    appended: Arc<AtomicUsize>,
}

impl PostgresLedger {
    /// Connects, brings the schema up to date, and creates the partitions of the coming weeks.
    ///
    /// `url` is `postgres://user:password@host:port/database`, optionally followed by libpq's parameters, such as
    /// `?sslmode=verify-full&sslrootcert=ca.pem`.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] while the server cannot be reached: try again. [`LedgerError::Broken`] when the URL
    /// is invalid, or the database belongs to another program or to a newer version.
    pub async fn connect(url: &str, options: Options) -> Result<Self, LedgerError> {
        Self::with_migrations(url, options, &migrate::MIGRATIONS).await
    }

    async fn with_migrations(
        url: &str,
        options: Options,
        migrations: &[migrate::Migration],
    ) -> Result<Self, LedgerError> {
        let plain = plain(url, "refersion-destination")?;
        pool::within(Instant::now() + options.deadline, must_be_one_session(&plain)).await?;
        migrate::migrate(&plain, migrations).await?;
        let pool = Pool::new(plain, settings(options), options.connections, options.deadline);
        let ledger = Self { pool, appended: Arc::default() };
        let mut session = ledger.pool.read().await?;
        let until = session.until;
        let made = pool::within(until, weeks::make_ahead(session.connection())).await;
        session.end(made).await?;
        Ok(ledger)
    }

    async fn read(&self) -> Result<Session, Failure> {
        self.pool.read().await
    }

    async fn begin(&self) -> Result<Session, Failure> {
        self.pool.begin().await
    }

    /// A session for one statement that writes.
    async fn write_at_once(&self) -> Result<Session, Failure> {
        self.pool.write_at_once().await
    }

    /// A session for long work, with a deadline of an hour.
    async fn begin_for_long(&self) -> Result<Session, Failure> {
        Ok(self.pool.begin().await?.for_long())
    }
}

/// The options of one connection. It uses no startup parameters that a pooler refuses: pgbouncer accepts only those that it knows.
fn plain(url: &str, name: &str) -> Result<PgConnectOptions, LedgerError> {
    let parsed: PgConnectOptions = url.parse().map_err(|_| not_a_url())?;
    let parsed = parsed.disable_statement_logging().extra_float_digits(None);
    Ok(parsed.application_name(name).statement_cache_capacity(200))
}

/// Fails if a pooler gives each transaction another session: nothing would work reliably.
async fn must_be_one_session(options: &PgConnectOptions) -> Result<(), Failure> {
    if pooler::divides_sessions(options).await? {
        return Err(Failure::Broken(pooler::WHY.to_owned()));
    }
    Ok(())
}

/// The settings of every connection. Each statement is an index lookup by design. But a new table has no statistics yet, and a plan for an
/// empty table would later read a week of events for each batch; so other plans are disabled as far as possible.
fn settings(limits: Options) -> String {
    let deadline = format!("{}ms", limits.deadline.as_millis());
    let settings = [
        ("statement_timeout", deadline.as_str()),
        ("lock_timeout", deadline.as_str()),
        ("idle_in_transaction_session_timeout", deadline.as_str()),
        ("default_transaction_isolation", "read committed"),
        ("synchronous_commit", "on"),
        ("jit", "off"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
    ];
    settings.map(|(name, value)| format!("SET {name} = '{value}'")).join("; ")
}

fn not_a_url() -> LedgerError {
    LedgerError::Broken(
        "the URL is not one of Postgres: give it as postgres://user:password@host:port/database".to_owned(),
    )
}

/// A statement for Postgres.
fn sql(text: &'static str) -> sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments> {
    sqlx::query(text)
}

/// A statement for Postgres whose rows are read as tuples.
fn rows<O>(text: &'static str) -> sqlx::query::QueryAs<'static, Postgres, O, sqlx::postgres::PgArguments>
where
    O: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
{
    sqlx::query_as(text)
}
