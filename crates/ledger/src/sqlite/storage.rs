//! Measures how much of the file is in use, in total and by connection.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use sqlite::rusqlite::Connection;

use super::SqliteLedger;
use super::failure::Failure;
use super::rows::all;
use super::words::count;
use crate::storage::shares_of_events;
use crate::{KeptLetters, LedgerError, Storage};

/// The number of rows that are summed up in one piece of work, so that other work gets its turn between two pieces.
const ROWS_AT_ONCE: i64 = 2_000;

const KEPT_LETTERS: &str = "SELECT connection, COUNT(*), SUM(bytes) FROM dead_letters
    WHERE state IN ('open', 'replaying') GROUP BY connection";

const TALLIES: &str = "SELECT connection, what, SUM(count) FROM tallies GROUP BY connection, what";

/// SQLite knows the length of a blob without reading it.
const GRAPHS: &str = "SELECT id, connection, length(body) FROM graphs WHERE id > ?1 ORDER BY id LIMIT ?2";

const PAYLOADS: &str = "SELECT p.event, e.connection, octet_length(p.payload)
    FROM payloads p JOIN events e ON e.id = p.event WHERE p.event > ?1 ORDER BY p.event LIMIT ?2";

type Shares = BTreeMap<ConnectionId, u64>;

#[async_trait]
impl Storage for SqliteLedger {
    async fn used_bytes(&self) -> Result<u64, LedgerError> {
        self.read(used_bytes).await
    }

    async fn kept_letters(&self) -> Result<BTreeMap<ConnectionId, KeptLetters>, LedgerError> {
        self.read(kept_letters).await
    }

    async fn shares(&self) -> Result<Shares, LedgerError> {
        let mut shares = self.read::<_, LedgerError>(events).await?;
        for statement in [GRAPHS, PAYLOADS] {
            let mut next = Some(0);
            while let Some(after) = next {
                let piece = move |database: &Connection| piece(database, statement, after);
                let (rows, last) = self.read::<_, LedgerError>(piece).await?;
                rows.into_iter()
                    .for_each(|(connection, bytes)| *shares.entry(connection).or_default() += bytes);
                next = last;
            }
        }
        Ok(shares)
    }
}

fn used_bytes(database: &Connection) -> Result<u64, Failure> {
    let number = |pragma: &str| -> Result<u64, Failure> {
        Ok(count(database.query_row(pragma, [], |row| row.get(0))?))
    };
    let pages = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
    Ok(pages * number("PRAGMA page_size")?)
}

fn kept_letters(database: &Connection) -> Result<BTreeMap<ConnectionId, KeptLetters>, Failure> {
    all(database, KEPT_LETTERS, (), |row| {
        Ok((row.get(0)?, KeptLetters { number: count(row.get(1)?), bytes: count(row.get(2)?) }))
    })
}

fn events(database: &Connection) -> Result<Shares, Failure> {
    let tallies: Vec<(ConnectionId, String, i64)> =
        all(database, TALLIES, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(shares_of_events(tallies))
}

/// Sums up the rows after a given one, and returns the row after which to continue; `None` at the end.
fn piece(database: &Connection, statement: &str, after: i64) -> Result<(Shares, Option<i64>), Failure> {
    let mut statement = database.prepare_cached(statement)?;
    let mut rows = statement.query((after, ROWS_AT_ONCE))?;
    let (mut shares, mut seen, mut last) = (Shares::new(), 0, None);
    while let Some(row) = rows.next()? {
        *shares.entry(row.get(1)?).or_default() += count(row.get(2)?);
        seen += 1;
        last = Some(row.get(0)?);
    }
    Ok((shares, last.filter(|_| seen == ROWS_AT_ONCE)))
}
