//! Stores the audit.

use async_trait::async_trait;
use sqlite::rusqlite::types::Value;
use sqlite::rusqlite::{Connection, Row, params, params_from_iter};

use super::SqliteLedger;
use super::failure::Failure;
use super::page_bounds::upper_bound;
use super::rows::all;
use super::words::{count, limit, micros, narrow, time};
use crate::{AuditEntry, AuditFilter, AuditLine, AuditLog, AuditResult, LedgerError};

const APPEND: &str =
    "INSERT INTO audit (connection, at, actor, action, subject, selector, reason, result, number)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// The conditions of a filter. Lists of values are passed as JSON.
macro_rules! picked {
    () => {
        "(?1 IS NULL OR actor IN (SELECT value FROM json_each(?1)))
        AND (?2 IS NULL OR action IN (SELECT value FROM json_each(?2)))
        AND (?3 IS NULL OR connection IN (SELECT value FROM json_each(?3)))
        AND (?4 IS NULL OR COALESCE(result, 'done') IN (SELECT value FROM json_each(?4)))
        AND at >= ?5 AND (at, id) < (?6, ?7)"
    };
}

const READ: &str = concat!(
    "SELECT id, connection, at, actor, action, subject, selector, reason, result, number FROM audit WHERE ",
    picked!(),
    " ORDER BY at DESC, id DESC LIMIT ?8"
);

const COUNT: &str = concat!("SELECT COUNT(*) FROM audit WHERE ", picked!());

const ONE: &str = "SELECT id, connection, at, actor, action, subject, selector, reason, result, number
    FROM audit WHERE id = ?1";

#[async_trait]
impl AuditLog for SqliteLedger {
    async fn note(&self, entries: &[AuditEntry]) -> Result<(), LedgerError> {
        let entries = entries.to_vec();
        self.write(move |database| append(database, &entries)).await
    }

    async fn audit_lines(&self, filter: &AuditFilter) -> Result<Vec<AuditLine>, LedgerError> {
        let filter = filter.clone();
        self.read(move |database| read(database, &filter)).await
    }

    async fn audit_line(&self, id: i64) -> Result<Option<AuditLine>, LedgerError> {
        self.read(move |database| {
            let mut statement = database.prepare_cached(ONE)?;
            let mut rows = statement.query([id])?;
            rows.next()?.map(line).transpose()
        })
        .await
    }

    async fn count_audit_lines(&self, filter: &AuditFilter) -> Result<u64, LedgerError> {
        let filter = AuditFilter { after: None, ..filter.clone() };
        self.read(move |database| {
            let values = params_from_iter(values(&filter)?);
            Ok(count(database.prepare_cached(COUNT)?.query_row(values, |row| row.get(0))?))
        })
        .await
    }
}

/// Appends lines.
pub(super) fn append(database: &Connection, entries: &[AuditEntry]) -> Result<(), Failure> {
    let mut statement = database.prepare_cached(APPEND)?;
    for entry in entries {
        let it = entry.clone().cut();
        statement.execute(params![
            it.connection.unwrap_or(0),
            micros(it.at),
            it.actor,
            it.action,
            it.subject,
            it.selector,
            it.reason,
            it.result.word(),
            it.number.map(narrow),
        ])?;
    }
    Ok(())
}

fn read(database: &Connection, filter: &AuditFilter) -> Result<Vec<AuditLine>, Failure> {
    let mut values = values(filter)?;
    values.push(limit(filter.limit).into());
    all(database, READ, params_from_iter(values), line)
}

/// The values of the conditions, in their order.
fn values(filter: &AuditFilter) -> Result<Vec<Value>, Failure> {
    let (at, id) = upper_bound(filter.before, filter.after);
    Ok(vec![
        json(filter.actors.as_ref())?,
        json(filter.actions.as_ref())?,
        json(filter.connections.as_ref())?,
        json(filter.results.as_ref())?,
        filter.from.map_or(i64::MIN, micros).into(),
        at.into(),
        id.into(),
    ])
}

fn json(list: Option<&impl serde::Serialize>) -> Result<Value, Failure> {
    Ok(list.map(serde_json::to_string).transpose()?.map_or(Value::Null, Value::from))
}

fn line(row: &Row<'_>) -> Result<AuditLine, Failure> {
    let connection: i64 = row.get(1)?;
    let result: Option<String> = row.get(8)?;
    let entry = AuditEntry {
        at: time(row.get(2)?)?,
        actor: row.get(3)?,
        action: row.get(4)?,
        connection: (connection != 0).then_some(connection),
        subject: row.get(5)?,
        selector: row.get(6)?,
        reason: row.get(7)?,
        result: result.and_then(|word| AuditResult::from_word(&word)).unwrap_or_default(),
        number: row.get::<_, Option<i64>>(9)?.map(count),
    };
    Ok(AuditLine { id: row.get(0)?, entry })
}

#[cfg(test)]
mod tests {
    use super::super::steps::{assert_as_cheap, ledger, steps};
    use super::*;

    #[test]
    fn the_last_page_of_the_audit_is_as_cheap_as_the_first() {
        let database = ledger();
        let page = |after| {
            let filter = AuditFilter { limit: 20, after, ..AuditFilter::default() };
            steps(&database, READ, |database| assert_eq!(read(database, &filter).expect("read").len(), 20))
        };
        let first = page(None);
        assert_as_cheap(page(Some((time(2).expect("a time"), 25))), first);
    }
}
