//! Stores the audit.

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{PgConnection, Postgres, Row as _};

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::{some_text, text};
use super::{PostgresLedger, sql};
use crate::audit::MAX_CHARS;
use crate::words::{count, limit, micros, narrow, time};
use crate::{Act, AuditEntry, AuditFilter, AuditLine, AuditLog, AuditResult, LedgerError};

const APPEND: &str =
    "INSERT INTO audit (connection, at, actor, action, subject, selector, reason, result, number)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Appends a line for each connection of the rows of `$moved`, as part of the statement that changes them: this saves a message while the
/// rows are locked. Its values are `$1` to `$8`, see [`of_act`].
macro_rules! noting {
    ($moved:literal) => {
        concat!(
            "INSERT INTO audit (at, connection, actor, action, subject, selector, reason, result, number)
            SELECT $1, connection, $2, $3,
                left(COUNT(*) || ' ' || CASE COUNT(*) WHEN 1 THEN $4::text ELSE $5::text END, $6), $7, $8, 'done', COUNT(*)
            FROM ",
            $moved,
            " GROUP BY connection"
        )
    };
}
pub(super) use noting;

/// The conditions of a filter.
macro_rules! picked {
    () => {
        "($1::text[] IS NULL OR actor = ANY($1)) AND ($2::text[] IS NULL OR action = ANY($2))
        AND ($3::bigint[] IS NULL OR connection = ANY($3))
        AND ($4::text[] IS NULL OR COALESCE(result, 'done') = ANY($4))
        AND at >= $5 AND at < $6"
    };
}

const READ: &str = concat!(
    "SELECT id, connection, at, actor, action, subject, selector, reason, result, number FROM audit WHERE ",
    picked!(),
    " AND (at, id) < ($7, $8) ORDER BY at DESC, id DESC LIMIT $9"
);

const COUNT: &str = concat!("SELECT COUNT(*) FROM audit WHERE ", picked!());

const ONE: &str = "SELECT id, connection, at, actor, action, subject, selector, reason, result, number
    FROM audit WHERE id = $1";

#[async_trait]
impl AuditLog for PostgresLedger {
    async fn note(&self, entries: &[AuditEntry]) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| append(db, entries))?)
    }

    async fn audit_lines(&self, filter: &AuditFilter) -> Result<Vec<AuditLine>, LedgerError> {
        let (at, id) = filter.after.map_or((i64::MAX, i64::MAX), |(at, id)| (micros(at), id));
        let ask = with_values(READ, filter).bind(at).bind(id).bind(limit(filter.limit));
        Ok(on!(self.read(), |db| async {
            ask.fetch_all(db).await?.iter().map(kept).collect::<Result<Vec<_>, Failure>>()
        })?)
    }

    async fn audit_line(&self, id: i64) -> Result<Option<AuditLine>, LedgerError> {
        let ask = sql(ONE).bind(id);
        let found = on!(self.read(), |db| async { Ok(ask.fetch_optional(db).await?) })?;
        Ok(found.as_ref().map(kept).transpose()?)
    }

    async fn count_audit_lines(&self, filter: &AuditFilter) -> Result<u64, LedgerError> {
        let ask = with_values(COUNT, filter);
        let row = on!(self.read(), |db| async { Ok(ask.fetch_one(db).await?) })?;
        Ok(count(row.try_get(0).map_err(Failure::from)?))
    }
}

/// Appends lines.
pub(super) async fn append(db: &mut PgConnection, entries: &[AuditEntry]) -> Result<(), Failure> {
    for entry in entries {
        let it = entry.clone().cut();
        let append = sql(APPEND)
            .bind(it.connection.unwrap_or(0))
            .bind(micros(it.at))
            .bind(text(&it.actor))
            .bind(text(&it.action))
            .bind(text(&it.subject))
            .bind(some_text(it.selector.as_ref()))
            .bind(some_text(it.reason.as_ref()))
            .bind(it.result.word())
            .bind(it.number.map(narrow));
        append.execute(&mut *db).await?;
    }
    Ok(())
}

/// A statement with the first values of [`noting`].
pub(super) fn of_act<O>(
    statement: QueryAs<'static, Postgres, O, PgArguments>,
    act: &Act,
    action: &'static str,
) -> QueryAs<'static, Postgres, O, PgArguments> {
    let [one, others] = [true, false].map(|is_one| text(&act.subject(is_one)).into_owned());
    let entry = act.line(action, 0, 1).cut();
    let statement = statement.bind(micros(entry.at)).bind(text(&entry.actor).into_owned()).bind(action);
    let statement = statement.bind(one).bind(others).bind(i32::try_from(MAX_CHARS).unwrap_or(i32::MAX));
    let owned = |some: Option<&String>| some_text(some).map(std::borrow::Cow::into_owned);
    statement.bind(owned(entry.selector.as_ref())).bind(owned(entry.reason.as_ref()))
}

/// A statement with the values of the conditions, in their order.
fn with_values(
    statement: &'static str,
    filter: &AuditFilter,
) -> sqlx::query::Query<'static, Postgres, PgArguments> {
    let texts = |list: &Option<Vec<String>>| -> Option<Vec<String>> {
        list.as_ref().map(|list| list.iter().map(|it| text(it).into_owned()).collect())
    };
    let results = filter.results.as_ref();
    let results: Option<Vec<&'static str>> = results.map(|all| all.iter().map(|it| it.word()).collect());
    let query = sql(statement).bind(texts(&filter.actors)).bind(texts(&filter.actions));
    let query = query.bind(filter.connections.clone()).bind(results);
    query.bind(filter.from.map_or(i64::MIN, micros)).bind(filter.before.map_or(i64::MAX, micros))
}

fn kept(row: &PgRow) -> Result<AuditLine, Failure> {
    let connection: i64 = row.try_get(1)?;
    let result: Option<&str> = row.try_get(8)?;
    let entry = AuditEntry {
        at: time(row.try_get(2)?)?,
        actor: row.try_get(3)?,
        action: row.try_get(4)?,
        connection: (connection != 0).then_some(connection),
        subject: row.try_get(5)?,
        selector: row.try_get(6)?,
        reason: row.try_get(7)?,
        result: result.and_then(AuditResult::from_word).unwrap_or_default(),
        number: row.try_get::<Option<i64>, _>(9)?.map(count),
    };
    Ok(AuditLine { id: row.try_get(0)?, entry })
}
