//! Streams, and their arrived and missing events.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use async_trait::async_trait;
use jiff::Timestamp;
use numbers::Ranges;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::SqliteLedger;
use super::failure::Failure;
use super::rows::all;
use super::words::{count, lane, lane_word, limit, marks, micros, narrow, ranges, time, uuid};
use crate::arrivals::join;
use crate::{Arrivals, LedgerError, Missing, Stream};

/// Maximum number of notes that are summed up in one transaction.
const NOTES_AT_ONCE: usize = 2_000;

const REPORT: &str =
    "INSERT INTO streams (id, queue, lane, started_at, last_at, reported_at, confirmed, marks)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at, reported_at = excluded.reported_at,
        confirmed = excluded.confirmed, marks = excluded.marks";

const STREAMS: &str =
    "SELECT id, queue, lane, started_at, last_at, confirmed, marks FROM streams ORDER BY id";

const NOTE: &str = "INSERT INTO arrival_notes (stream, numbers) VALUES (?1, ?2)";

const NOTES: &str = "SELECT id, stream, numbers FROM arrival_notes ORDER BY id LIMIT ?1";

const ARRIVED_OF: &str = "SELECT numbers FROM arrived WHERE stream = ?1";

const ARRIVED: &str = "SELECT stream, numbers FROM arrived";

const SAVE: &str = "INSERT INTO arrived (stream, numbers, changed_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (stream) DO UPDATE SET numbers = excluded.numbers, changed_at = excluded.changed_at";

const DROP_NOTES: &str = "DELETE FROM arrival_notes WHERE id <= ?1";

const MISSING: &str = "SELECT stream, queue, numbers, beyond, since, until, found_at FROM missing_events ORDER BY since, stream";

const SET_MISSING: &str =
    "INSERT INTO missing_events (stream, queue, numbers, beyond, since, until, found_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (stream) DO UPDATE SET numbers = excluded.numbers, beyond = excluded.beyond,
        since = excluded.since, until = excluded.until, found_at = excluded.found_at";

const DROP_MISSING: &str = "DELETE FROM missing_events WHERE stream = ?1";

const FORGET: [&str; 2] =
    ["DELETE FROM streams WHERE reported_at < ?1", "DELETE FROM arrived WHERE changed_at < ?1"];

#[async_trait]
impl Arrivals for SqliteLedger {
    async fn report_streams(&self, streams: &[Stream], now: Timestamp) -> Result<(), LedgerError> {
        let streams = streams.to_vec();
        self.write(move |database| streams.iter().try_for_each(|stream| report(database, stream, now))).await
    }

    async fn streams(&self) -> Result<Vec<Stream>, LedgerError> {
        self.read(|database| all(database, STREAMS, (), stream)).await
    }

    async fn arrived(&self, now: Timestamp) -> Result<BTreeMap<Uuid, Ranges>, LedgerError> {
        while self.write::<_, LedgerError>(move |database| add_up(database, now)).await? {}
        self.read(|database| {
            all(database, ARRIVED, (), |row| {
                Ok((uuid(&row.get::<_, Vec<u8>>(0)?)?, ranges(&row.get::<_, String>(1)?)?))
            })
        })
        .await
    }

    async fn missing(&self) -> Result<Vec<Missing>, LedgerError> {
        self.read(|database| all(database, MISSING, (), missing)).await
    }

    async fn set_missing(&self, stream: Uuid, missing: Option<&Missing>) -> Result<(), LedgerError> {
        let missing = missing.cloned();
        self.write(move |database| set(database, stream, missing.as_ref())).await
    }

    async fn confirm_missing(&self) -> Result<u64, LedgerError> {
        self.write(|database| {
            let gone: Vec<Missing> = all(database, MISSING, (), missing)?;
            for missing in &gone {
                note_one(database, missing.stream, &missing.numbers)?;
                set(database, missing.stream, None)?;
            }
            Ok(gone.iter().map(Missing::events).sum())
        })
        .await
    }

    async fn forget_streams(&self, before: Timestamp) -> Result<(), LedgerError> {
        self.write(move |database| {
            for forget in FORGET {
                database.prepare_cached(forget)?.execute([micros(before)])?;
            }
            Ok(())
        })
        .await
    }
}

/// Appends notes of absorbed events.
pub(super) fn note(database: &Connection, arrivals: &BTreeMap<Uuid, Ranges>) -> Result<(), Failure> {
    arrivals.iter().try_for_each(|(stream, numbers)| note_one(database, *stream, numbers))
}

fn note_one(database: &Connection, stream: Uuid, numbers: &Ranges) -> Result<(), Failure> {
    database.prepare_cached(NOTE)?.execute((stream.as_bytes(), numbers.to_string()))?;
    Ok(())
}

fn report(database: &Connection, stream: &Stream, now: Timestamp) -> Result<(), Failure> {
    let values = (
        stream.id.as_bytes(),
        &stream.queue,
        lane_word(stream.lane),
        micros(stream.started_at),
        micros(stream.last_at),
        micros(now),
        stream.confirmed.to_string(),
        marks::write(&stream.marks)?,
    );
    database.prepare_cached(REPORT)?.execute(values)?;
    Ok(())
}

/// Adds notes to the arrived numbers. Returns whether there may be more notes.
fn add_up(database: &Connection, now: Timestamp) -> Result<bool, Failure> {
    let mut arrived: BTreeMap<Uuid, Ranges> = BTreeMap::new();
    let mut statement = database.prepare_cached(NOTES)?;
    let mut rows = statement.query([limit(NOTES_AT_ONCE)])?;
    let (mut notes, mut last) = (0, 0);
    while let Some(row) = rows.next()? {
        let stream = uuid(&row.get::<_, Vec<u8>>(1)?)?;
        let numbers = ranges(&row.get::<_, String>(2)?)?;
        match arrived.entry(stream) {
            Entry::Occupied(mut known) => join(known.get_mut(), &numbers),
            Entry::Vacant(new) => join(new.insert(arrived_of(database, stream)?), &numbers),
        }
        (notes, last) = (notes + 1, row.get(0)?);
    }
    for (stream, numbers) in &arrived {
        let values = (stream.as_bytes(), numbers.to_string(), micros(now));
        database.prepare_cached(SAVE)?.execute(values)?;
    }
    database.prepare_cached(DROP_NOTES)?.execute([last])?;
    Ok(notes >= NOTES_AT_ONCE)
}

fn arrived_of(database: &Connection, stream: Uuid) -> Result<Ranges, Failure> {
    let mut statement = database.prepare_cached(ARRIVED_OF)?;
    let found: Option<String> = statement.query_row([stream.as_bytes()], |row| row.get(0)).optional()?;
    Ok(found.map(|numbers| ranges(&numbers)).transpose()?.unwrap_or_default())
}

fn set(database: &Connection, stream: Uuid, missing: Option<&Missing>) -> Result<(), Failure> {
    let Some(missing) = missing else {
        database.prepare_cached(DROP_MISSING)?.execute([stream.as_bytes()])?;
        return Ok(());
    };
    let values = (
        stream.as_bytes(),
        &missing.queue,
        missing.numbers.to_string(),
        narrow(missing.beyond),
        micros(missing.since),
        micros(missing.until),
        micros(missing.found_at),
    );
    database.prepare_cached(SET_MISSING)?.execute(values)?;
    Ok(())
}

fn stream(row: &Row<'_>) -> Result<Stream, Failure> {
    Ok(Stream {
        id: uuid(&row.get::<_, Vec<u8>>(0)?)?,
        queue: row.get(1)?,
        lane: lane(&row.get::<_, String>(2)?)?,
        started_at: time(row.get(3)?)?,
        last_at: time(row.get(4)?)?,
        confirmed: ranges(&row.get::<_, String>(5)?)?,
        marks: marks::read(&row.get::<_, String>(6)?)?,
    })
}

fn missing(row: &Row<'_>) -> Result<Missing, Failure> {
    Ok(Missing {
        stream: uuid(&row.get::<_, Vec<u8>>(0)?)?,
        queue: row.get(1)?,
        numbers: ranges(&row.get::<_, String>(2)?)?,
        beyond: count(row.get(3)?),
        since: time(row.get(4)?)?,
        until: time(row.get(5)?)?,
        found_at: time(row.get(6)?)?,
    })
}
