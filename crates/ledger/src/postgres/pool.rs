//! Connections to the server, kept open between pieces of work.
//!
//! This replaces sqlx's own pool, which pings the server each time that a connection is returned: one more round trip for every piece of
//! work. Here a connection is returned only after successful work. It is closed after an error of the connection, a missed deadline or a
//! cancelled caller. When one connection turns out to be dead, all idle ones are closed with it, so that a restart of the server costs one
//! failed piece of work.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, query, raw_sql};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::failure::{Failure, PostgresFailure};

/// A connection that was idle for longer is closed: a firewall may have dropped it.
const MAX_IDLE: Duration = Duration::from_secs(300);

/// A connection that is older is closed: its server process has accumulated plans and memory, and the name in the URL may resolve to
/// another server by now.
const MAX_AGE: Duration = Duration::from_secs(1800);

/// Plans of statements are discarded after this time. A cached plan fits the size that a table had then, but a table of a new installation,
/// or of a new week, grows from nothing to millions of rows within minutes.
const PLANS_LAST: Duration = Duration::from_secs(5);

/// Begins a transaction with new plans, in one message, so that it costs no extra round trip.
const BEGIN_AFRESH: &str = "DISCARD PLANS; BEGIN";

/// The time limit of work that takes longer the more data is stored, and that an operator waits for.
const FOR_LONG: Duration = Duration::from_secs(3600);

/// The connections; permits count those in use.
#[derive(Debug)]
pub(super) struct Pool {
    options: PgConnectOptions,
    /// Statements that run when a connection is opened.
    settings: String,
    /// The time limit of one piece of work, including the wait for a connection.
    pub(super) deadline: Duration,
    permits: Arc<Semaphore>,
    waiting: Mutex<Vec<PooledConnection>>,
}

#[derive(Debug)]
struct PooledConnection {
    connection: PgConnection,
    since: Instant,
    opened: Instant,
    /// When its plans were last discarded.
    planned: Instant,
}

/// A connection in use. It is closed if it is dropped without [`Session::end`].
#[derive(Debug)]
pub(super) struct Session {
    pool: Arc<Pool>,
    pooled: PooledConnection,
    /// Whether a transaction was begun, which has to be committed or rolled back.
    transaction: bool,
    /// The deadline of this piece of work.
    pub(super) until: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(
        options: PgConnectOptions,
        settings: String,
        connections: u32,
        deadline: Duration,
    ) -> Arc<Self> {
        let permits = usize::try_from(connections).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        let (permits, waiting) = (Arc::new(Semaphore::new(permits)), Mutex::default());
        Arc::new(Self { options, settings, deadline, permits, waiting })
    }

    /// A connection for single statements.
    pub(super) async fn read(self: &Arc<Self>) -> Result<Session, Failure> {
        let until = Instant::now() + self.deadline;
        within(until, self.acquire(until)).await
    }

    /// A connection with a transaction begun. A connection that died while it was idle is replaced.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<Session, Failure> {
        let until = Instant::now() + self.deadline;
        within(until, async {
            loop {
                let mut session = self.acquire(until).await?;
                let waited = session.pooled.opened != session.pooled.since;
                match session.pooled.begin().await {
                    Ok(()) => session.transaction = true,
                    Err(_) if waited => {
                        self.forget_waiting();
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
                return Ok(session);
            }
        })
        .await
    }

    /// A connection for one statement that writes: the statement is a transaction of its own, so its locks do not wait for a message of
    /// ours. As with [`Self::begin`], old plans are discarded, and a connection that died while it was idle is replaced.
    pub(super) async fn write_at_once(self: &Arc<Self>) -> Result<Session, Failure> {
        let until = Instant::now() + self.deadline;
        within(until, async {
            loop {
                let mut session = self.acquire(until).await?;
                let waited = session.pooled.opened != session.pooled.since;
                match session.pooled.wake().await {
                    Ok(()) => return Ok(session),
                    Err(_) if waited => self.forget_waiting(),
                    Err(error) => return Err(error.into()),
                }
            }
        })
        .await
    }

    async fn acquire(self: &Arc<Self>, until: Instant) -> Result<Session, Failure> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| Failure::Broken("the pool is closed".to_owned()))?;
        let pooled = match self.take_waiting() {
            Some(pooled) => pooled,
            None => {
                let mut connection = self.options.connect().await?;
                raw_sql(AssertSqlSafe(self.settings.clone())).execute(&mut connection).await?;
                let now = Instant::now();
                PooledConnection { connection, since: now, opened: now, planned: now }
            }
        };
        Ok(Session { pool: Arc::clone(self), pooled, transaction: false, until, _permit: permit })
    }

    fn take_waiting(&self) -> Option<PooledConnection> {
        let now = Instant::now();
        let mut waiting = self.waiting.lock();
        waiting.retain(|pooled| now - pooled.since < MAX_IDLE && now - pooled.opened < MAX_AGE);
        waiting.pop()
    }

    fn give(&self, mut pooled: PooledConnection) {
        pooled.since = Instant::now();
        self.waiting.lock().push(pooled);
    }

    fn forget_waiting(&self) {
        self.waiting.lock().clear();
    }
}

impl PooledConnection {
    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        if self.planned.elapsed() < PLANS_LAST {
            query::<sqlx::Postgres>("BEGIN").execute(&mut self.connection).await?;
        } else {
            raw_sql(BEGIN_AFRESH).execute(&mut self.connection).await?;
            self.planned = Instant::now();
        }
        Ok(())
    }

    /// Checks that the connection is alive, and discards plans that are too old.
    async fn wake(&mut self) -> Result<(), sqlx::Error> {
        if self.planned.elapsed() < PLANS_LAST {
            query::<sqlx::Postgres>("SELECT").execute(&mut self.connection).await?;
        } else {
            raw_sql("DISCARD PLANS").execute(&mut self.connection).await?;
            self.planned = Instant::now();
        }
        Ok(())
    }
}

impl Session {
    /// Extends the deadline to the limit for long work.
    pub(super) fn for_long(mut self) -> Self {
        self.until = Instant::now() + FOR_LONG;
        self
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.pooled.connection
    }

    /// Commits the work, or rolls it back, and returns the connection to the pool.
    pub(super) async fn end<R>(mut self, done: Result<R, Failure>) -> Result<R, Failure> {
        let usable = done.as_ref().err().is_none_or(Failure::leaves_connection_usable);
        if !usable {
            self.pool.forget_waiting();
            return done;
        }
        if self.transaction {
            let last = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
            let until = self.until;
            let ended =
                within(until, async { Ok(query(last).execute(&mut self.pooled.connection).await?) }).await;
            if let Err(failure) = ended {
                self.pool.forget_waiting();
                return done.and(Err(failure));
            }
        }
        self.pool.clone().give(self.pooled);
        done
    }
}

/// Runs work with the deadline `until`.
pub(super) async fn within<R>(
    until: Instant,
    work: impl Future<Output = Result<R, Failure>>,
) -> Result<R, Failure> {
    tokio::time::timeout_at(until, work).await.unwrap_or(Err(Failure::Database(PostgresFailure::TimedOut)))
}
