//! Whether statements of one connection reach one session of the server. A pooler in transaction or statement mode gives
//! each transaction another session: statements that were prepared, and the settings of a connection, are on one session and
//! not on the next.
//!
//! The server cannot be asked. So one connection stays idle while others hold sessions in transactions; if it then speaks to
//! another session than before, there is such a pooler. Without one that never happens.

use std::time::Duration;

use sqlx::error::Error;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _, raw_sql};
use tokio::time::timeout;

use super::failure::{Failure, PostgresFailure};

/// Lines that hold a session while the first one is asked again: poolers that hand sessions out in turn have several.
const HOLDERS: usize = 3;

/// How long one answer may take. A pooler that has no session left lets us wait.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// In the simple protocol, which prepares nothing.
const SESSION: &str = "SELECT pg_backend_pid()";

/// What is said of such a pooler.
pub(super) const WHY: &str = "a pooler gives each transaction another session (pgbouncer's pool_mode = transaction or \
     statement): prepared statements and settings of a session would be lost between two; use pool_mode = session, or \
     connect to the server itself";

/// Whether there is a pooler that gives transactions of one connection different sessions.
pub(super) async fn divides_sessions(options: &PgConnectOptions) -> Result<bool, Failure> {
    let mut first = options.connect().await?;
    let before = session(&mut first).await?;
    let mut holders = Vec::new();
    let mut divides = false;
    while !divides && holders.len() < HOLDERS {
        let Ok(holder) = timeout(ANSWER_TIME, hold(options)).await else {
            // Each connection has a session of its own, and there are no more of them.
            break;
        };
        match holder {
            Ok(holder) => holders.push(holder),
            Err(failure) if refuses_transactions(&failure) => {
                divides = true;
                break;
            }
            Err(failure) => return Err(failure),
        }
        divides = match timeout(ANSWER_TIME, session(&mut first)).await {
            Ok(now) => now? != before,
            // The session that it had is held by another connection.
            Err(_) => true,
        };
    }
    for db in holders.into_iter().chain([first]) {
        // Dropped without a goodbye, they end as well.
        drop(timeout(ANSWER_TIME, db.close()).await);
    }
    Ok(divides)
}

/// A connection in a transaction.
async fn hold(options: &PgConnectOptions) -> Result<PgConnection, Failure> {
    let mut db = options.connect().await?;
    raw_sql("BEGIN").execute(&mut db).await?;
    session(&mut db).await?;
    Ok(db)
}

/// As pgbouncer says it in statement mode.
fn refuses_transactions(failure: &Failure) -> bool {
    let Failure::Database(PostgresFailure::Failed(Error::Database(error))) = failure else { return false };
    error.message().contains("statement pooling mode")
}

async fn session(db: &mut PgConnection) -> Result<i32, Failure> {
    Ok(db.fetch_one(raw_sql(SESSION)).await?.try_get(0)?)
}
