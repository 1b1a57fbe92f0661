//! Lines to the server, kept open between pieces of work.
//!
//! Not sqlx's own pool, because that asks the server for a sign of life each time that a line comes back: one more round
//! trip for every piece of work. Here a line comes back only after work that ended well, and any doubt closes it: an
//! error of the line, a missed deadline, a caller that went away. When the first line turns out to be dead, all that
//! wait are closed with it, so that a restart of the server costs one failed piece of work.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, query, raw_sql};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::failure::{Failure, PostgresFailure};

/// A line that waited for longer is closed: a firewall may have forgotten it.
const MAX_IDLE: Duration = Duration::from_secs(300);

/// A line that is older is closed: its server process has collected plans and memory, and the name in the URL may lead
/// to another server by now.
const MAX_AGE: Duration = Duration::from_secs(1800);

/// Plans of transactions are made again after this. A plan is kept as it was for the size that a table had then, and a table of a new
/// installation, or of a new week, grows from nothing to millions of rows within minutes.
const PLANS_LAST: Duration = Duration::from_secs(5);

/// Begins a transaction, with new plans; in one message, so that it costs no round trip.
const BEGIN_AFRESH: &str = "DISCARD PLANS; BEGIN";

/// What work has that grows with what is kept, and that an operator waits for.
const FOR_LONG: Duration = Duration::from_secs(3600);

/// The lines, those in use counted by permits.
#[derive(Debug)]
pub(super) struct Pool {
    options: PgConnectOptions,
    /// Statements that a line begins with.
    settings: String,
    /// The longest that one piece of work may take, waiting for a line included.
    pub(super) deadline: Duration,
    permits: Arc<Semaphore>,
    waiting: Mutex<Vec<Line>>,
}

#[derive(Debug)]
struct Line {
    connection: PgConnection,
    since: Instant,
    opened: Instant,
    /// Since when its plans are kept.
    planned: Instant,
}

/// A line in use. Dropped before its end was said, it is closed.
#[derive(Debug)]
pub(super) struct Session {
    pool: Arc<Pool>,
    line: Line,
    /// Work is written together, and has to be committed or rolled back.
    transaction: bool,
    /// When this piece of work has to be over.
    pub(super) until: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(
        options: PgConnectOptions,
        settings: String,
        lines: u32,
        deadline: Duration,
    ) -> Arc<Self> {
        let permits = usize::try_from(lines).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        let (permits, waiting) = (Arc::new(Semaphore::new(permits)), Mutex::default());
        Arc::new(Self { options, settings, deadline, permits, waiting })
    }

    /// A line for single statements.
    pub(super) async fn read(self: &Arc<Self>) -> Result<Session, Failure> {
        let until = Instant::now() + self.deadline;
        within(until, self.line(until)).await
    }

    /// A line with a transaction begun. A line that died while it waited is replaced here, unnoticed.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<Session, Failure> {
        let until = Instant::now() + self.deadline;
        within(until, async {
            loop {
                let mut session = self.line(until).await?;
                let waited = session.line.opened != session.line.since;
                match session.line.begin().await {
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

    /// A line for one statement that writes: a transaction of its own, whose locks wait for no message of ours. What its plans
    /// are made by is new, and a line that died while it waited is replaced, as by [`Self::begin`].
    pub(super) async fn write_at_once(self: &Arc<Self>) -> Result<Session, Failure> {
        let until = Instant::now() + self.deadline;
        within(until, async {
            loop {
                let mut session = self.line(until).await?;
                let waited = session.line.opened != session.line.since;
                match session.line.wake().await {
                    Ok(()) => return Ok(session),
                    Err(_) if waited => self.forget_waiting(),
                    Err(error) => return Err(error.into()),
                }
            }
        })
        .await
    }

    async fn line(self: &Arc<Self>, until: Instant) -> Result<Session, Failure> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| Failure::Broken("the pool is closed".to_owned()))?;
        let line = match self.take_waiting() {
            Some(line) => line,
            None => {
                let mut connection = self.options.connect().await?;
                raw_sql(AssertSqlSafe(self.settings.clone())).execute(&mut connection).await?;
                let now = Instant::now();
                Line { connection, since: now, opened: now, planned: now }
            }
        };
        Ok(Session { pool: Arc::clone(self), line, transaction: false, until, _permit: permit })
    }

    fn take_waiting(&self) -> Option<Line> {
        let now = Instant::now();
        let mut waiting = self.waiting.lock();
        waiting.retain(|line| now - line.since < MAX_IDLE && now - line.opened < MAX_AGE);
        waiting.pop()
    }

    fn give(&self, mut line: Line) {
        line.since = Instant::now();
        self.waiting.lock().push(line);
    }

    fn forget_waiting(&self) {
        self.waiting.lock().clear();
    }
}

impl Line {
    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        if self.planned.elapsed() < PLANS_LAST {
            query::<sqlx::Postgres>("BEGIN").execute(&mut self.connection).await?;
        } else {
            raw_sql(BEGIN_AFRESH).execute(&mut self.connection).await?;
            self.planned = Instant::now();
        }
        Ok(())
    }

    /// Makes sure that the line lives, and that its plans are not too old.
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
    /// With as much time as the work may take at the very most.
    pub(super) fn for_long(mut self) -> Self {
        self.until = Instant::now() + FOR_LONG;
        self
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.line.connection
    }

    /// Commits what was done, or rolls it back, and gives the line back.
    pub(super) async fn end<R>(mut self, done: Result<R, Failure>) -> Result<R, Failure> {
        let usable = done.as_ref().err().is_none_or(Failure::leaves_line_usable);
        if !usable {
            self.pool.forget_waiting();
            return done;
        }
        if self.transaction {
            let last = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
            let until = self.until;
            let ended =
                within(until, async { Ok(query(last).execute(&mut self.line.connection).await?) }).await;
            if let Err(failure) = ended {
                self.pool.forget_waiting();
                return done.and(Err(failure));
            }
        }
        self.pool.clone().give(self.line);
        done
    }
}

/// Work that has to be over by `until`.
pub(super) async fn within<R>(
    until: Instant,
    work: impl Future<Output = Result<R, Failure>>,
) -> Result<R, Failure> {
    tokio::time::timeout_at(until, work).await.unwrap_or(Err(Failure::Database(PostgresFailure::TimedOut)))
}
