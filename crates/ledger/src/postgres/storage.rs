//! Measures how much storage the database uses, in total and by connection.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use sqlx::PgConnection;

use super::failure::Failure;
use super::notes::all_counts;
use super::pool::within;
use super::port::on;
use super::{PostgresLedger, rows, sql};
use crate::storage::shares_of_events;
use crate::words::count;
use crate::{KeptLetters, LedgerError, Storage};

const USED: &str = "SELECT pg_database_size(current_database())";

const KEPT_LETTERS: &str = "SELECT connection, COUNT(*), SUM(bytes)::bigint FROM dead_letters
    WHERE state IN ('open', 'replaying') GROUP BY connection";

const TALLIES: &str =
    concat!("SELECT connection, what, SUM(count)::bigint FROM ", all_counts!(), " GROUP BY connection, what");

const GRAPHS: &str = "SELECT connection, SUM(octet_length(body))::bigint FROM graphs GROUP BY connection";

const PAYLOADS: &str = "SELECT e.connection, SUM(octet_length(p.payload))::bigint
    FROM pending p JOIN events e ON e.event_id = p.event_id WHERE p.payload IS NOT NULL GROUP BY e.connection";

#[async_trait]
impl Storage for PostgresLedger {
    async fn used_bytes(&self) -> Result<u64, LedgerError> {
        let (bytes,): (i64,) = on!(self.read(), |db| async { Ok(rows(USED).fetch_one(db).await?) })?;
        Ok(count(bytes))
    }

    async fn kept_letters(&self) -> Result<BTreeMap<ConnectionId, KeptLetters>, LedgerError> {
        let found: Vec<(ConnectionId, i64, i64)> =
            on!(self.read(), |db| async { Ok(rows(KEPT_LETTERS).fetch_all(db).await?) })?;
        let kept = |(connection, number, bytes)| {
            (connection, KeptLetters { number: count(number), bytes: count(bytes) })
        };
        Ok(found.into_iter().map(kept).collect())
    }

    async fn shares(&self) -> Result<BTreeMap<ConnectionId, u64>, LedgerError> {
        Ok(on!(self.begin_for_long(), |db| shares(db))?)
    }
}

/// Settings for reading whole tables: a connection is otherwise set up for index lookups, each within the deadline.
const FOR_WHOLE_TABLES: [&str; 3] =
    ["SET LOCAL statement_timeout = 0", "SET LOCAL enable_seqscan = on", "SET LOCAL enable_hashjoin = on"];

async fn shares(db: &mut PgConnection) -> Result<BTreeMap<ConnectionId, u64>, Failure> {
    for setting in FOR_WHOLE_TABLES {
        sql(setting).execute(&mut *db).await?;
    }
    let tallies: Vec<(ConnectionId, String, i64)> = rows(TALLIES).fetch_all(&mut *db).await?;
    let mut shares = shares_of_events(tallies);
    for statement in [GRAPHS, PAYLOADS] {
        for (connection, bytes) in rows::<(ConnectionId, i64)>(statement).fetch_all(&mut *db).await? {
            *shares.entry(connection).or_default() += count(bytes);
        }
    }
    Ok(shares)
}
