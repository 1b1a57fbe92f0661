//! Selects dead letters for operators.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{PgConnection, Postgres, Row as _};

use super::super::failure::Failure;
use super::super::sql;
use super::super::text::{some_text, text};
use super::counted::by_class;
use crate::plans::Candidate;
use crate::words::{count, digest, letter_state, limit, mender, micros, small, time};
use crate::{DeadLetterFilter, DeadLetterView, Discarded};

/// The conditions of a filter on the dead letter `d`. The times are always given, so that the index by time and id
/// finds the page.
macro_rules! selected {
    () => {
        "($1::bigint[] IS NULL OR d.connection = ANY($1)) AND ($2::text[] IS NULL OR d.state = ANY($2))
        AND ($3::text[] IS NULL OR d.class = ANY($3)) AND ($4::bigint[] IS NULL OR d.id = ANY($4))
        AND ($5::integer[] IS NULL OR d.http_status = ANY($5)) AND ($6::text[] IS NULL OR d.field = ANY($6))
        AND ($7::text[] IS NULL OR d.audience = ANY($7))
        AND ($8::text[] IS NULL OR d.group_key = ANY($8)) AND ($9::text[] IS NULL OR d.mender = ANY($9))
        AND ($10::text IS NULL OR position(lower($10 COLLATE \"C\") IN lower(d.cause COLLATE \"C\")) > 0)
        AND d.died_at >= $11 AND d.died_at < $12 AND (d.died_at, d.id) < ($13, $14)
        AND ($15::boolean IS NULL OR EXISTS (SELECT 1 FROM repairs r WHERE r.letter = d.id) = $15)"
    };
}

/// All dead letters: a page begins at its place in the index by time.
macro_rules! by_time {
    () => {
        "dead_letters d"
    };
}

/// Dead letters with the requested ids: without `OFFSET 0` a generic plan scans all dead letters by time for them.
macro_rules! by_id {
    () => {
        "(SELECT * FROM dead_letters WHERE id = ANY($4) OFFSET 0) d"
    };
}

macro_rules! read {
    ($letters:ident) => {
        concat!(
            "SELECT d.id, d.event_id, d.connection, d.class, d.cause, d.http_status,
                d.field, d.attempts, d.died_at, d.state, p.payload, e.received_at, d.repeats, d.audience,
                d.group_key, d.mender, d.discarded_at, d.reason, d.kept_until, d.resolved_by,
                (SELECT COALESCE(MAX(r.revision), 0)::bigint FROM repairs r WHERE r.letter = d.id)
            FROM ",
            $letters!(),
            " JOIN events e ON e.event_id = d.event_id LEFT JOIN pending p ON p.event_id = d.event_id WHERE ",
            selected!(),
            " ORDER BY d.died_at DESC, d.id DESC LIMIT $16"
        )
    };
}

macro_rules! count {
    ($letters:ident) => {
        concat!("SELECT COUNT(*) FROM ", $letters!(), " WHERE ", selected!())
    };
}

/// If there is no person, the event's id takes its place.
macro_rules! candidates {
    ($letters:ident) => {
        concat!(
            "SELECT d.id, d.event_id, d.connection, COALESCE(d.person, uuid_send(d.event_id)), d.group_key,
                d.died_at, holder.id
            FROM ",
            $letters!(),
            " LEFT JOIN plan_holds held ON held.letter = d.id LEFT JOIN plans holder
                ON holder.id = held.plan AND holder.state NOT IN ('cancelled', 'done', 'expired') WHERE ",
            selected!(),
            " ORDER BY d.died_at DESC, d.id DESC LIMIT $16"
        )
    };
}

/// The statement for a filter: with ids only a few dead letters are read, otherwise the scan begins at a time.
macro_rules! statement {
    ($of:ident, $filter:expr) => {
        if $filter.ids.is_some() { $of!(by_id) } else { $of!(by_time) }
    };
}

/// Until a table is analyzed for the first time, a generic plan would collect and sort all rows that are older than the last page, for each
/// page again. Without bitmap scans it scans the index by time. For one transaction.
const WALK: &str = "SELECT set_config('enable_bitmapscan', 'off', true)";

/// The candidates for a plan, newest first. To be called in a transaction.
pub(in super::super) async fn candidates(
    db: &mut PgConnection,
    filter: &DeadLetterFilter,
) -> Result<Vec<Candidate>, Failure> {
    walk(db, filter).await?;
    let found =
        with_values(statement!(candidates, filter), filter).bind(limit(filter.limit)).fetch_all(db).await?;
    let candidate = |row: &PgRow| {
        Ok(Candidate {
            letter: row.try_get(0)?,
            event: row.try_get(1)?,
            connection: row.try_get(2)?,
            person: digest(row.try_get(3)?)?,
            group: row.try_get(4)?,
            died_at: time(row.try_get(5)?)?,
            held_by: row.try_get(6)?,
        })
    };
    found.iter().map(candidate).collect()
}

/// Dead letters, newest first. To be called in a transaction.
pub(in super::super) async fn read(
    db: &mut PgConnection,
    filter: &DeadLetterFilter,
) -> Result<Vec<DeadLetterView>, Failure> {
    walk(db, filter).await?;
    let found = with_values(statement!(read, filter), filter).bind(limit(filter.limit)).fetch_all(db).await?;
    found.iter().map(view).collect()
}

/// Makes the next statement scan the index by time, unless the filter has ids.
async fn walk(db: &mut PgConnection, filter: &DeadLetterFilter) -> Result<(), Failure> {
    if filter.ids.is_none() {
        sql(WALK).execute(db).await?;
    }
    Ok(())
}

/// The number of dead letters that match a filter, without regard to its limit.
pub(in super::super) async fn count_of(
    db: &mut PgConnection,
    filter: &DeadLetterFilter,
) -> Result<u64, Failure> {
    if filter.needs_only_groups() {
        return Ok(by_class(db, filter).await?.values().sum());
    }
    let row = with_values(statement!(count, filter), filter).fetch_one(db).await?;
    Ok(count(row.try_get(0)?))
}

type Query = sqlx::query::Query<'static, Postgres, PgArguments>;

/// A statement with the values of the conditions, in their order.
fn with_values(statement: &'static str, filter: &DeadLetterFilter) -> Query {
    let (died_at, id) = filter.after.map_or((i64::MAX, i64::MAX), |(at, id)| (micros(at), id));
    let query = sql(statement).bind(filter.connections.clone()).bind(states(filter));
    let query = query.bind(texts(filter.classes.as_ref()));
    let query = query.bind(filter.ids.clone()).bind(statuses(filter)).bind(texts(filter.fields.as_ref()));
    let query = query.bind(texts(filter.audiences.as_ref())).bind(texts(filter.groups.as_ref()));
    let query = query.bind(menders(filter));
    let query = query.bind(some_text(filter.text.as_ref()).map(std::borrow::Cow::into_owned));
    let query = query.bind(filter.died_from.map_or(i64::MIN, micros));
    query.bind(filter.died_before.map_or(i64::MAX, micros)).bind(died_at).bind(id).bind(filter.repaired)
}

pub(super) fn texts(list: Option<&Vec<String>>) -> Option<Vec<String>> {
    list.map(|list| list.iter().map(|it| text(it).into_owned()).collect())
}

pub(super) fn states(filter: &DeadLetterFilter) -> Option<Vec<&'static str>> {
    Some(filter.states.as_ref()?.iter().map(|state| state.word()).collect())
}

pub(super) fn statuses(filter: &DeadLetterFilter) -> Option<Vec<i32>> {
    Some(filter.http_statuses.as_ref()?.iter().map(|status| (*status).into()).collect())
}

pub(super) fn menders(filter: &DeadLetterFilter) -> Option<Vec<&'static str>> {
    Some(filter.menders.as_ref()?.iter().map(|mender| mender.word()).collect())
}

fn view(row: &PgRow) -> Result<DeadLetterView, Failure> {
    let status: Option<i32> = row.try_get(5)?;
    Ok(DeadLetterView {
        id: row.try_get(0)?,
        event: row.try_get(1)?,
        connection: row.try_get(2)?,
        class: row.try_get(3)?,
        cause: row.try_get(4)?,
        http_status: status.map(|status| small(status.into())).transpose()?,
        field: row.try_get(6)?,
        attempts: small(row.try_get(7)?)?,
        died_at: time(row.try_get(8)?)?,
        state: letter_state(row.try_get(9)?)?,
        payload: row.try_get(10)?,
        received_at: time(row.try_get(11)?)?,
        repeats: u64::try_from(row.try_get::<i64, _>(12)?).unwrap_or_default(),
        audience: row.try_get(13)?,
        group: row.try_get::<Option<String>, _>(14)?.filter(|key| !key.is_empty()),
        mender: mender(row.try_get(15)?),
        revision: small(row.try_get(20)?)?,
        discarded: discarded(row)?,
        resolved_by: row.try_get(19)?,
    })
}

fn discarded(row: &PgRow) -> Result<Option<Discarded>, Failure> {
    let Some(at) = row.try_get::<Option<i64>, _>(16)? else { return Ok(None) };
    let kept_until = row.try_get::<Option<i64>, _>(18)?.map(time).transpose()?;
    Ok(Some(Discarded { at: time(at)?, reason: row.try_get(17)?, kept_until }))
}
