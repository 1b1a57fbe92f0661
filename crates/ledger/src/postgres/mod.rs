//! The engine for many machines: the [`Ledger`](crate::Ledger) and the connections in one Postgres database.
//!
//! Statements are in the modules, each beside the code that runs it, and write many rows at once. `port` answers the
//! port's methods by `record` (what one transaction writes) over `graphs`, `events` and `letters`; by `due` and `leases`
//! for the worker; by `find`, `views` and `expire` for the operator. `accounts` keeps the connections. `weeks` makes and
//! drops the partitions of what expires; `pool` keeps the connections to the server.
//!
//! Locks are taken in one order, so that transactions wait for each other and never in a circle: the lease, graphs by
//! id, digests in their order, events in theirs. Counts are appended, not updated, so that no row is everybody's.

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
pub use watch::TransactionWatch;

/// How the database is used.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Maximum number of connections to the server.
    pub connections: u32,
    /// The longest that one call of a port takes; after it the call fails as [`LedgerError::Unavailable`].
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
    /// Rows of unmapped traits and audiences that were appended since they were summed up last, about.
    appended: Arc<AtomicUsize>,
}

impl PostgresLedger {
    /// Connects, brings the schema up to date, and makes the partitions of the weeks to come.
    ///
    /// `url` is `postgres://user:password@host:port/database`, with libpq's parameters behind it, as
    /// `?sslmode=verify-full&sslrootcert=ca.pem`.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] while the server cannot be reached: try again. [`LedgerError::Broken`] when the URL
    /// makes no sense, or the database belongs to something else or to a newer version.
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

    /// For one statement that writes.
    async fn write_at_once(&self) -> Result<Session, Failure> {
        self.pool.write_at_once().await
    }

    /// For work that has no deadline but that of patience.
    async fn begin_for_long(&self) -> Result<Session, Failure> {
        Ok(self.pool.begin().await?.for_long())
    }
}

/// How one connection is opened. It asks for nothing at its start that a pooler does not take: pgbouncer refuses other startup
/// parameters than those that it knows.
fn plain(url: &str, name: &str) -> Result<PgConnectOptions, LedgerError> {
    let parsed: PgConnectOptions = url.parse().map_err(|_| not_a_url())?;
    let parsed = parsed.disable_statement_logging().extra_float_digits(None);
    Ok(parsed.application_name(name).statement_cache_capacity(200))
}

/// Fails where a pooler divides sessions: nothing would work for long.
async fn must_be_one_session(options: &PgConnectOptions) -> Result<(), Failure> {
    if pooler::divides_sessions(options).await? {
        return Err(Failure::Broken(pooler::WHY.to_owned()));
    }
    Ok(())
}

/// The settings of every connection. Each statement is an index lookup by design, but a fresh table has no statistics yet, and
/// a plan that was right for an empty one would read a week of events for each batch; so other plans are discouraged.
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
