//! Measures how much storage the database uses, in total and by connection.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use sqlx::PgConnection;

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::{PostgresLedger, rows, sql};
use crate::storage::BYTES_OF_AN_EVENT;
use crate::tallies::{DIRTY, WAITING};
use crate::words::count;
use crate::{KeptLetters, LedgerError, Storage};

const USED: &str = "SELECT pg_database_size(current_database())";

const KEPT_LETTERS: &str = "SELECT connection, COUNT(*), SUM(bytes)::bigint FROM dead_letters
    WHERE state IN ('open', 'replaying') GROUP BY connection";

const EVENTS: &str = "SELECT connection, (SUM(count) * $3)::bigint FROM tallies
    WHERE what NOT IN ($1, $2) GROUP BY connection";

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

/// The connection is set for lookups by index, each within the deadline; this reads whole tables.
const FOR_WHOLE_TABLES: [&str; 3] =
    ["SET LOCAL statement_timeout = 0", "SET LOCAL enable_seqscan = on", "SET LOCAL enable_hashjoin = on"];

async fn shares(db: &mut PgConnection) -> Result<BTreeMap<ConnectionId, u64>, Failure> {
    for setting in FOR_WHOLE_TABLES {
        sql(setting).execute(&mut *db).await?;
    }
    let bytes = i64::try_from(BYTES_OF_AN_EVENT).unwrap_or(i64::MAX);
    let events = rows(EVENTS).bind(DIRTY).bind(WAITING).bind(bytes);
    let mut parts: Vec<(ConnectionId, i64)> = events.fetch_all(&mut *db).await?;
    for statement in [GRAPHS, PAYLOADS] {
        parts.extend(rows::<(ConnectionId, i64)>(statement).fetch_all(&mut *db).await?);
    }
    let mut shares = BTreeMap::new();
    for (connection, bytes) in parts {
        *shares.entry(connection).or_default() += count(bytes);
    }
    Ok(shares)
}
