//! Groups of dead letters. Triggers of the schema append to their counts.

use std::borrow::Cow;

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::PostgresLedger;
use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::{some_text, text};
use super::{letters, rows, sql, views};
use crate::groups::{Cause, Counted, HOURS, MAX_NOTE_CHARS, Note, Span, VERSION, assemble};
use crate::words::{count, letter_state, limit, micros, small, time};
use crate::{Act, DeadLetterFilter, DeadLetters, EventView, Group, LedgerError};

const MICROS_OF_AN_HOUR: i64 = 3_600_000_000;

/// The newest dead letter of each group and state supplies the cause.
const COUNTED: &str = "WITH counted AS (
        SELECT connection, group_key, what, SUM(count)::bigint AS letters FROM (
            SELECT connection, group_key, what, count FROM letter_counts
            UNION ALL SELECT connection, group_key, what, change FROM letter_count_changes) AS counts
        WHERE what <> 'people' GROUP BY 1, 2, 3 HAVING SUM(count) > 0)
    SELECT c.connection, c.group_key, c.what, c.letters, f.died_at, d.died_at, d.id,
        d.class, d.http_status, d.field, d.cause
    FROM counted c
    CROSS JOIN LATERAL (SELECT died_at, id, class, http_status, field, cause FROM dead_letters n
        WHERE n.group_key = c.group_key AND n.connection = c.connection AND n.state = c.what
        ORDER BY n.died_at DESC, n.id DESC LIMIT 1) AS d
    CROSS JOIN LATERAL (SELECT died_at FROM dead_letters n
        WHERE n.group_key = c.group_key AND n.connection = c.connection AND n.state = c.what
        ORDER BY n.died_at LIMIT 1) AS f";

const PEOPLE: &str = "SELECT connection, group_key, SUM(count)::bigint FROM (
        SELECT connection, group_key, what, count FROM letter_counts
        UNION ALL SELECT connection, group_key, what, change FROM letter_count_changes) AS counts
    WHERE what = 'people' GROUP BY 1, 2";

const BY_HOUR: &str = "SELECT connection, group_key, $1 - hour, SUM(count)::bigint FROM (
        SELECT connection, group_key, what, hour, count FROM letter_counts
        UNION ALL SELECT connection, group_key, what, hour, change FROM letter_count_changes) AS counts
    WHERE what <> 'people' AND hour > $1 - $2 AND hour <= $1 GROUP BY 1, 2, 3";

const NOTES: &str = "SELECT group_key, note, at FROM letter_notes";

const NOTE: &str = "INSERT INTO letter_notes (group_key, connection, note, at)
    SELECT group_key, connection, $2, $3 FROM dead_letters WHERE group_key = $1 AND group_key <> '' LIMIT 1
    ON CONFLICT (group_key) DO UPDATE SET note = excluded.note, at = excluded.at";

const FORGET_NOTE: &str = "DELETE FROM letter_notes WHERE group_key = $1";

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM dead_letters WHERE group_key = $1 AND group_key <> '')";

/// Rows that another process is writing are left to the next run.
const OUTDATED: &str =
    "SELECT d.id, d.connection, d.class, d.http_status, d.field, d.cause, d.audience, d.event_id
    FROM dead_letters d WHERE d.rules < $1 ORDER BY d.rules, d.id LIMIT $2 FOR UPDATE SKIP LOCKED";

const CLASSIFY: &str = "UPDATE dead_letters SET group_key = new.group_key, mender = new.mender, rules = $1,
        audience = new.audience
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[]) AS new (id, group_key, mender, audience)
    WHERE dead_letters.id = new.id";

/// Only one process at a time sums up.
const TRY_LOCK: &str = "SELECT 1 WHERE pg_try_advisory_xact_lock(7203155811930)";

const SUM_UP: &str = "WITH gone AS (DELETE FROM letter_count_changes RETURNING connection, group_key, what, hour, change)
    INSERT INTO letter_counts (connection, group_key, what, hour, count)
    SELECT connection, group_key, what, hour, SUM(change) FROM gone GROUP BY 1, 2, 3, 4 HAVING SUM(change) <> 0
    ON CONFLICT (group_key, what, hour, connection) DO UPDATE SET count = letter_counts.count + excluded.count";

const FORGET_EMPTY: &str = "DELETE FROM letter_counts WHERE count = 0";

#[async_trait]
impl DeadLetters for PostgresLedger {
    async fn count_dead_letters(&self, filter: &DeadLetterFilter) -> Result<u64, LedgerError> {
        Ok(on!(self.read(), |db| letters::count_of(db, filter))?)
    }

    async fn groups(&self, now: Timestamp) -> Result<Vec<Group>, LedgerError> {
        let hour = micros(now) / MICROS_OF_AN_HOUR;
        Ok(on!(self.read(), |db| groups(db, hour))?)
    }

    async fn note_group(&self, key: &str, note: Option<&str>, now: Timestamp) -> Result<bool, LedgerError> {
        let note: Option<String> = note.map(|note| text(note).chars().take(MAX_NOTE_CHARS).collect());
        let key = text(key).into_owned();
        Ok(on!(self.begin(), |db| note_group(db, key, note, micros(now)))?)
    }

    async fn event(&self, event: Uuid) -> Result<Option<EventView>, LedgerError> {
        Ok(on!(self.read(), |db| views::events(db, &[event]))?.pop())
    }

    async fn discard(
        &self,
        ids: &[i64],
        act: &Act,
        kept_until: Option<Timestamp>,
    ) -> Result<Vec<i64>, LedgerError> {
        Ok(on!(self.write_at_once(), |db| letters::discard(db, ids, act, kept_until.map(micros)))?)
    }

    async fn restore(&self, ids: &[i64], act: &Act) -> Result<Vec<i64>, LedgerError> {
        Ok(on!(self.write_at_once(), |db| letters::restore(db, ids, act))?)
    }
}

async fn note_group(
    db: &mut PgConnection,
    key: String,
    note: Option<String>,
    at: i64,
) -> Result<bool, Failure> {
    let Some(note) = note else {
        sql(FORGET_NOTE).bind(&key).execute(&mut *db).await?;
        let (exists,): (bool,) = rows(EXISTS).bind(key).fetch_one(db).await?;
        return Ok(exists);
    };
    Ok(sql(NOTE).bind(key).bind(note).bind(at).execute(db).await?.rows_affected() > 0)
}

async fn groups(db: &mut PgConnection, hour: i64) -> Result<Vec<Group>, Failure> {
    let all = sql(COUNTED).fetch_all(&mut *db).await?;
    let all = all.iter().map(counted).collect::<Result<Vec<_>, Failure>>()?;
    let people: Vec<(i64, String, i64)> = rows(PEOPLE).fetch_all(&mut *db).await?;
    let people = people.into_iter().map(|(of, key, number)| (of, key, count(number))).collect();
    let span = i64::try_from(HOURS).unwrap_or(i64::MAX);
    let hours: Vec<(i64, String, i64, i64)> = rows(BY_HOUR).bind(hour).bind(span).fetch_all(&mut *db).await?;
    let hours = hours.into_iter().map(|(of, key, ago, number)| (of, key, ago, count(number))).collect();
    let notes: Vec<(String, String, i64)> = rows(NOTES).fetch_all(db).await?;
    let notes = notes.into_iter().map(|(key, text, at)| Ok((key, Note { text, at: time(at)? })));
    Ok(assemble(all, people, hours, notes.collect::<Result<_, Failure>>()?))
}

fn counted(row: &PgRow) -> Result<Counted, Failure> {
    let span =
        Span { letters: count(row.try_get(3)?), first: time(row.try_get(4)?)?, last: time(row.try_get(5)?)? };
    Ok(Counted {
        connection: row.try_get(0)?,
        key: row.try_get(1)?,
        state: letter_state(row.try_get(2)?)?,
        span,
        sample: row.try_get(6)?,
        cause: cause(row, 7)?,
    })
}

/// The cause of a dead letter from four columns: class, status, field and text.
fn cause(row: &PgRow, first: usize) -> Result<Cause, Failure> {
    let status: Option<i32> = row.try_get(first + 1)?;
    let status = status.map(|status| small(status.into())).transpose()?;
    Ok(Cause::of(row.try_get(first)?, status, row.try_get(first + 2)?, row.try_get(first + 3)?))
}

/// Classifies dead letters that an earlier version of the rules classified, at most `most`, and returns their number. Also sums up the
/// counts.
pub(super) async fn classify(db: &mut PgConnection, most: usize) -> Result<usize, Failure> {
    let found = sql(OUTDATED).bind(VERSION).bind(limit(most)).fetch_all(&mut *db).await?;
    if !found.is_empty() {
        let events: Vec<Uuid> = found.iter().map(|row| row.try_get(7)).collect::<Result<_, _>>()?;
        let audiences = letters::audiences(db, &events).await?;
        let (mut ids, mut keys, mut menders, mut named) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (row, event) in found.iter().zip(&events) {
            let (connection, cause): (ConnectionId, _) = (row.try_get(1)?, cause(row, 2)?);
            let there: Option<String> = row.try_get(6)?;
            ids.push(row.try_get::<i64, _>(0)?);
            keys.push(cause.key(connection));
            menders.push(cause.mender.word());
            named.push(there.or_else(|| audiences.get(event).cloned()));
        }
        let named: Vec<Option<Cow<'_, str>>> = named.iter().map(|it| some_text(it.as_ref())).collect();
        let classify = sql(CLASSIFY).bind(VERSION).bind(ids).bind(keys).bind(menders).bind(named);
        classify.execute(&mut *db).await?;
    }
    if sql(TRY_LOCK).fetch_optional(&mut *db).await?.is_some() {
        let changed = sql(SUM_UP).execute(&mut *db).await?.rows_affected();
        if changed > 0 {
            sql(FORGET_EMPTY).execute(db).await?;
        }
    }
    Ok(found.len())
}
