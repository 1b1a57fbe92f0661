//! Streams, and their arrived and missing events.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use numbers::Ranges;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::{PostgresLedger, rows, sql};
use crate::arrivals::join;
use crate::words::{count, lane, lane_word, marks, micros, narrow, ranges, time};
use crate::{Arrivals, LedgerError, Missing, Stream};

/// Maximum number of notes that are summed up in one transaction.
const NOTES_AT_ONCE: i64 = 2_000;

const REPORT: &str =
    "INSERT INTO streams (id, queue, lane, started_at, last_at, reported_at, confirmed, marks)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at, reported_at = excluded.reported_at,
        confirmed = excluded.confirmed, marks = excluded.marks";

const STREAMS: &str =
    "SELECT id, queue, lane, started_at, last_at, confirmed, marks FROM streams ORDER BY id";

const NOTE: &str = "INSERT INTO arrival_notes (stream, numbers)
    SELECT stream, numbers FROM UNNEST($1::uuid[], $2::text[]) AS new (stream, numbers)";

/// An advisory lock, so that one process sums up at a time. The number is our own.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7203155811923)";

const NOTES: &str = "SELECT id, stream, numbers FROM arrival_notes ORDER BY id LIMIT $1";

const ARRIVED_OF: &str = "SELECT stream, numbers FROM arrived WHERE stream = ANY($1)";

const ARRIVED: &str = "SELECT stream, numbers FROM arrived";

const SAVE: &str = "INSERT INTO arrived (stream, numbers, changed_at)
    SELECT stream, numbers, $3 FROM UNNEST($1::uuid[], $2::text[]) AS new (stream, numbers)
    ON CONFLICT (stream) DO UPDATE SET numbers = excluded.numbers, changed_at = excluded.changed_at";

const DROP_NOTES: &str = "DELETE FROM arrival_notes WHERE id = ANY($1)";

const MISSING: &str = "SELECT stream, queue, numbers, beyond, since, until, found_at FROM missing_events ORDER BY since, stream";

const SET_MISSING: &str =
    "INSERT INTO missing_events (stream, queue, numbers, beyond, since, until, found_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (stream) DO UPDATE SET numbers = excluded.numbers, beyond = excluded.beyond,
        since = excluded.since, until = excluded.until, found_at = excluded.found_at";

const DROP_MISSING: &str = "DELETE FROM missing_events WHERE stream = $1";

const CONFIRM: &str = "WITH gone AS (DELETE FROM missing_events RETURNING stream, numbers, beyond),
        noted AS (INSERT INTO arrival_notes (stream, numbers) SELECT stream, numbers FROM gone)
    SELECT numbers, beyond FROM gone";

const FORGET: [&str; 2] =
    ["DELETE FROM streams WHERE reported_at < $1", "DELETE FROM arrived WHERE changed_at < $1"];

type Stored = (Uuid, String);

#[async_trait]
impl Arrivals for PostgresLedger {
    async fn report_streams(&self, streams: &[Stream], now: Timestamp) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| report(db, streams, now))?)
    }

    async fn streams(&self) -> Result<Vec<Stream>, LedgerError> {
        Ok(on!(self.read(), |db| async {
            sql(STREAMS).fetch_all(db).await?.iter().map(stream).collect::<Result<_, Failure>>()
        })?)
    }

    async fn arrived(&self, now: Timestamp) -> Result<BTreeMap<Uuid, Ranges>, LedgerError> {
        while on!(self.begin(), |db| add_up(db, now))? {}
        let arrived = on!(self.read(), |db| async { Ok(rows::<Stored>(ARRIVED).fetch_all(db).await?) })?;
        Ok(arrived.into_iter().map(parsed).collect::<Result<_, Failure>>()?)
    }

    async fn missing(&self) -> Result<Vec<Missing>, LedgerError> {
        Ok(on!(self.read(), |db| async {
            sql(MISSING).fetch_all(db).await?.iter().map(missing).collect::<Result<_, Failure>>()
        })?)
    }

    async fn set_missing(&self, stream: Uuid, missing: Option<&Missing>) -> Result<(), LedgerError> {
        let Some(missing) = missing else {
            on!(self.begin(), |db| async { Ok(sql(DROP_MISSING).bind(stream).execute(db).await?) })?;
            return Ok(());
        };
        let set = sql(SET_MISSING)
            .bind(stream)
            .bind(&missing.queue)
            .bind(missing.numbers.to_string())
            .bind(narrow(missing.beyond))
            .bind(micros(missing.since))
            .bind(micros(missing.until))
            .bind(micros(missing.found_at));
        on!(self.begin(), |db| async { Ok(set.execute(db).await?) })?;
        Ok(())
    }

    async fn confirm_missing(&self) -> Result<u64, LedgerError> {
        let ask = rows::<(String, i64)>(CONFIRM);
        let gone = on!(self.begin(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        let events = |(numbers, beyond): (String, i64)| Ok(ranges(&numbers)?.count() + count(beyond));
        Ok(gone.into_iter().map(events).sum::<Result<u64, Failure>>()?)
    }

    async fn forget_streams(&self, before: Timestamp) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| async {
            for forget in FORGET {
                sql(forget).bind(micros(before)).execute(&mut *db).await?;
            }
            Ok(())
        })?)
    }
}

/// Appends notes of absorbed events.
pub(super) async fn note(db: &mut PgConnection, arrivals: &BTreeMap<Uuid, Ranges>) -> Result<(), Failure> {
    let streams: Vec<Uuid> = arrivals.keys().copied().collect();
    let numbers: Vec<String> = arrivals.values().map(Ranges::to_string).collect();
    sql(NOTE).bind(streams).bind(numbers).execute(db).await?;
    Ok(())
}

async fn report(db: &mut PgConnection, streams: &[Stream], now: Timestamp) -> Result<(), Failure> {
    for stream in streams {
        let report = sql(REPORT)
            .bind(stream.id)
            .bind(&stream.queue)
            .bind(lane_word(stream.lane))
            .bind(micros(stream.started_at))
            .bind(micros(stream.last_at))
            .bind(micros(now))
            .bind(stream.confirmed.to_string())
            .bind(marks::write(&stream.marks)?);
        report.execute(&mut *db).await?;
    }
    Ok(())
}

/// Adds notes to the arrived numbers. Returns whether there may be more notes.
async fn add_up(db: &mut PgConnection, now: Timestamp) -> Result<bool, Failure> {
    sql(LOCK).execute(&mut *db).await?;
    let notes: Vec<(i64, Uuid, String)> = rows(NOTES).bind(NOTES_AT_ONCE).fetch_all(&mut *db).await?;
    if notes.is_empty() {
        return Ok(false);
    }
    let mut streams: Vec<Uuid> = notes.iter().map(|(_, stream, _)| *stream).collect();
    streams.sort_unstable();
    streams.dedup();
    let known: Vec<Stored> = rows(ARRIVED_OF).bind(streams).fetch_all(&mut *db).await?;
    let mut arrived = known.into_iter().map(parsed).collect::<Result<BTreeMap<_, _>, Failure>>()?;
    let ids: Vec<i64> = notes.iter().map(|(id, ..)| *id).collect();
    for (_, stream, numbers) in notes {
        join(arrived.entry(stream).or_default(), &ranges(&numbers)?);
    }
    let streams: Vec<Uuid> = arrived.keys().copied().collect();
    let numbers: Vec<String> = arrived.values().map(Ranges::to_string).collect();
    sql(SAVE).bind(streams).bind(numbers).bind(micros(now)).execute(&mut *db).await?;
    let more = limit_reached(ids.len());
    sql(DROP_NOTES).bind(ids).execute(db).await?;
    Ok(more)
}

fn limit_reached(notes: usize) -> bool {
    i64::try_from(notes).is_ok_and(|notes| notes >= NOTES_AT_ONCE)
}

fn parsed((stream, numbers): Stored) -> Result<(Uuid, Ranges), Failure> {
    Ok((stream, ranges(&numbers)?))
}

fn stream(row: &PgRow) -> Result<Stream, Failure> {
    Ok(Stream {
        id: row.try_get(0)?,
        queue: row.try_get(1)?,
        lane: lane(row.try_get(2)?)?,
        started_at: time(row.try_get(3)?)?,
        last_at: time(row.try_get(4)?)?,
        confirmed: ranges(row.try_get(5)?)?,
        marks: marks::read(row.try_get(6)?)?,
    })
}

fn missing(row: &PgRow) -> Result<Missing, Failure> {
    Ok(Missing {
        stream: row.try_get(0)?,
        queue: row.try_get(1)?,
        numbers: ranges(row.try_get(2)?)?,
        beyond: count(row.try_get(3)?),
        since: time(row.try_get(4)?)?,
        until: time(row.try_get(5)?)?,
        found_at: time(row.try_get(6)?)?,
    })
}
