//! Selects dead letters for operators.

use sqlite::rusqlite::types::Value;
use sqlite::rusqlite::{Connection, Row, params_from_iter};

use super::super::failure::Failure;
use super::super::page_bounds::upper_bound;
use super::super::words::{count, digest, letter_state, limit, mender, micros, small, time, uuid};
use super::counted::by_class;

use crate::plans::Candidate;
use crate::{DeadLetterFilter, DeadLetterView, Discarded};

/// The conditions of a filter on the dead letter `d`. Lists of values are passed as JSON. The times are always given, so that the index by
/// time and id finds the page.
macro_rules! selected {
    () => {
        "(?1 IS NULL OR d.connection IN (SELECT value FROM json_each(?1)))
        AND (?2 IS NULL OR d.state IN (SELECT value FROM json_each(?2)))
        AND (?3 IS NULL OR d.class IN (SELECT value FROM json_each(?3)))
        AND (?4 IS NULL OR d.id IN (SELECT value FROM json_each(?4)))
        AND (?5 IS NULL OR d.http_status IN (SELECT value FROM json_each(?5)))
        AND (?6 IS NULL OR d.field IN (SELECT value FROM json_each(?6)))
        AND (?7 IS NULL OR d.audience IN (SELECT value FROM json_each(?7)))
        AND (?8 IS NULL OR d.group_key IN (SELECT value FROM json_each(?8)))
        AND (?9 IS NULL OR d.mender IN (SELECT value FROM json_each(?9)))
        AND (?10 IS NULL OR instr(lower(d.cause), lower(?10)) > 0)
        AND d.died_at >= ?11 AND (d.died_at, d.id) < (?12, ?13)
        AND (?14 IS NULL OR EXISTS (SELECT 1 FROM repairs r WHERE r.letter = d.id) = ?14)"
    };
}

/// All dead letters: a page begins at its place in the index by time.
macro_rules! by_time {
    () => {
        "dead_letters d"
    };
}

/// Dead letters with the requested ids: `CROSS JOIN` prevents SQLite from scanning all dead letters by time for them.
macro_rules! by_id {
    () => {
        "(SELECT DISTINCT value FROM json_each(?4)) wanted CROSS JOIN dead_letters d ON d.id = wanted.value"
    };
}

macro_rules! read {
    ($letters:ident) => {
        concat!(
            "SELECT d.id, e.event_id, d.connection, d.class, d.cause, d.http_status, d.field,
                d.attempts, d.died_at, d.state, p.payload, e.received_at, d.repeats, d.audience, d.group_key,
                d.mender, d.discarded_at, d.reason, d.kept_until, d.resolved_by,
                (SELECT COALESCE(MAX(r.revision), 0) FROM repairs r WHERE r.letter = d.id)
            FROM ",
            $letters!(),
            " JOIN events e ON e.id = d.event LEFT JOIN payloads p ON p.event = d.event WHERE ",
            selected!(),
            " ORDER BY d.died_at DESC, d.id DESC LIMIT ?15"
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
            "SELECT d.id, e.event_id, d.connection, COALESCE(d.person, e.event_id), d.group_key, d.died_at, holder.id
            FROM ",
            $letters!(),
            " JOIN events e ON e.id = d.event LEFT JOIN plan_holds held ON held.letter = d.id LEFT JOIN plans holder
                ON holder.id = held.plan AND holder.state NOT IN ('cancelled', 'done', 'expired') WHERE ",
            selected!(),
            " ORDER BY d.died_at DESC, d.id DESC LIMIT ?15"
        )
    };
}

/// The statement for a filter: with ids only a few dead letters are read, otherwise the scan begins at a time.
macro_rules! statement {
    ($of:ident, $filter:expr) => {
        if $filter.ids.is_some() { $of!(by_id) } else { $of!(by_time) }
    };
}

/// The candidates for a plan, newest first.
pub(in super::super) fn candidates(
    database: &Connection,
    filter: &DeadLetterFilter,
) -> Result<Vec<Candidate>, Failure> {
    let mut values = values(filter)?;
    values.push(limit(filter.limit).into());
    let mut statement = database.prepare_cached(statement!(candidates, filter))?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Candidate {
            letter: row.get(0)?,
            event: uuid(&row.get::<_, Vec<u8>>(1)?)?,
            connection: row.get(2)?,
            person: digest(&row.get::<_, Vec<u8>>(3)?)?,
            group: row.get(4)?,
            died_at: time(row.get(5)?)?,
            held_by: row.get(6)?,
        });
    }
    Ok(found)
}

/// Dead letters, newest first.
pub(in super::super) fn read(
    database: &Connection,
    filter: &DeadLetterFilter,
) -> Result<Vec<DeadLetterView>, Failure> {
    let mut values = values(filter)?;
    values.push(limit(filter.limit).into());
    let mut statement = database.prepare_cached(statement!(read, filter))?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(view(row)?);
    }
    Ok(letters)
}

/// The number of dead letters that match a filter, without regard to its limit.
pub(in super::super) fn count_of(database: &Connection, filter: &DeadLetterFilter) -> Result<u64, Failure> {
    if filter.needs_only_groups() {
        return Ok(by_class(database, filter)?.values().sum());
    }
    let values = params_from_iter(values(filter)?);
    Ok(count(database.prepare_cached(statement!(count, filter))?.query_row(values, |row| row.get(0))?))
}

/// The values of the conditions, in their order.
fn values(filter: &DeadLetterFilter) -> Result<Vec<Value>, Failure> {
    let (died_at, id) = upper_bound(filter.died_before, filter.after);
    Ok(vec![
        json(filter.connections.as_ref())?,
        json(words(filter).as_ref())?,
        json(filter.classes.as_ref())?,
        json(filter.ids.as_ref())?,
        json(filter.http_statuses.as_ref())?,
        json(filter.fields.as_ref())?,
        json(filter.audiences.as_ref())?,
        json(filter.groups.as_ref())?,
        json(filter.menders.as_ref())?,
        filter.text.clone().map_or(Value::Null, Value::from),
        filter.died_from.map_or(i64::MIN, micros).into(),
        died_at.into(),
        id.into(),
        filter.repaired.map_or(Value::Null, Value::from),
    ])
}

/// The words of the states.
pub(super) fn words(filter: &DeadLetterFilter) -> Option<Vec<&'static str>> {
    Some(filter.states.as_ref()?.iter().map(|state| state.word()).collect())
}

pub(super) fn json(list: Option<&impl serde::Serialize>) -> Result<Value, Failure> {
    Ok(list.map(serde_json::to_string).transpose()?.map_or(Value::Null, Value::from))
}

fn view(row: &Row<'_>) -> Result<DeadLetterView, Failure> {
    Ok(DeadLetterView {
        id: row.get(0)?,
        event: uuid(&row.get::<_, Vec<u8>>(1)?)?,
        connection: row.get(2)?,
        class: row.get(3)?,
        cause: row.get(4)?,
        http_status: row.get(5)?,
        field: row.get(6)?,
        attempts: small(row.get(7)?)?,
        died_at: time(row.get(8)?)?,
        state: letter_state(&row.get::<_, String>(9)?)?,
        payload: row.get(10)?,
        received_at: time(row.get(11)?)?,
        repeats: u64::try_from(row.get::<_, i64>(12)?).unwrap_or_default(),
        audience: row.get(13)?,
        group: row.get::<_, Option<String>>(14)?.filter(|key| !key.is_empty()),
        mender: mender(&row.get::<_, String>(15)?),
        revision: small(row.get(20)?)?,
        discarded: discarded(row)?,
        resolved_by: row.get::<_, Option<Vec<u8>>>(19)?.map(|bytes| uuid(&bytes)).transpose()?,
    })
}

fn discarded(row: &Row<'_>) -> Result<Option<Discarded>, Failure> {
    let Some(at) = row.get::<_, Option<i64>>(16)? else { return Ok(None) };
    let kept_until = row.get::<_, Option<i64>>(18)?.map(time).transpose()?;
    Ok(Some(Discarded { at: time(at)?, reason: row.get(17)?, kept_until }))
}

#[cfg(test)]
mod tests {
    use super::super::super::steps::{ROWS, assert_as_cheap, ledger, steps};
    use super::*;

    #[test]
    fn the_last_page_of_dead_letters_is_as_cheap_as_the_first() {
        let database = ledger();
        let page = |after| {
            let filter = DeadLetterFilter { limit: 20, after, ..DeadLetterFilter::default() };
            steps(&database, read!(by_time), |database| {
                assert_eq!(read(database, &filter).expect("read").len(), 20);
            })
        };
        let first = page(None);
        for id in [ROWS / 2, 25] {
            assert_as_cheap(page(Some((time(id / 10).expect("a time"), id))), first);
        }
    }

    #[test]
    fn the_last_page_of_a_plan_s_dead_letters_is_as_cheap_as_the_first() {
        let database = ledger();
        let page = |after| {
            let filter = DeadLetterFilter { limit: 20, after, ..DeadLetterFilter::default() };
            steps(&database, candidates!(by_time), |database| {
                assert_eq!(candidates(database, &filter).expect("read").len(), 20);
            })
        };
        let first = page(None);
        assert_as_cheap(page(Some((time(2).expect("a time"), 25))), first);
    }
}
