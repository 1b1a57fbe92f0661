//! Detects poolers that do not keep one session of the server for each connection. A pooler in transaction or statement mode gives each
//! transaction another session: prepared statements, and the settings of a connection, exist in one session and not in the next.
//!
//! The server does not know this. So one connection stays idle while others hold sessions in transactions. If it then has another session
//! than before, there is such a pooler; otherwise this never happens.

use std::time::Duration;

use sqlx::error::Error;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _, raw_sql};
use tokio::time::timeout;

use super::failure::{Failure, PostgresFailure};

/// The number of connections that hold a session while the first one is checked again: poolers that assign sessions in turn have several.
const HOLDERS: usize = 3;

/// The time limit of one answer. A pooler without a free session makes us wait.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Sent in the simple protocol, which prepares nothing.
const SESSION: &str = "SELECT pg_backend_pid()";

/// The error message about such a pooler.
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
            // Each connection has a session of its own, and no more are available.
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
            // Another connection holds its former session.
            Err(_) => true,
        };
    }
    for db in holders.into_iter().chain([first]) {
        // If closing takes too long, dropping the connection ends it as well.
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

/// Whether the error is pgbouncer's in statement mode.
fn refuses_transactions(failure: &Failure) -> bool {
    let Failure::Database(PostgresFailure::Failed(Error::Database(error))) = failure else { return false };
    error.message().contains("statement pooling mode")
}

async fn session(db: &mut PgConnection) -> Result<i32, Failure> {
    Ok(db.fetch_one(raw_sql(SESSION)).await?.try_get(0)?)
}
