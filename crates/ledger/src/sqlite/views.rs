//! Reads events, payloads and counts for operators.

use connections::ConnectionId;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::failure::Failure;
use super::letters;
use super::rows::all;
use super::words::{count, digests, limit, micros, small, state, time, uuid};
use crate::unmapped::{BLOCKED, MAX_LEFT_OUT, MORE, SHARED, UNMATCHED, UNUSABLE, sort_out};
use crate::{AffiliateRef, AttemptView, Counts, DeadLetterFilter, DeadLetterRef, EventView};

/// The number of failed calls that are shown for one event: the newest.
const MAX_ATTEMPTS_SHOWN: usize = 100;

/// The number of unmapped traits that `status` names.
const MAX_UNMAPPED_NAMED: usize = 50;

const EVENT: &str = "SELECT e.event_id, e.kind, e.connection, e.received_at, e.state, e.found_by,
        o.reason, o.affiliate_id, o.affiliate_code, o.at, d.id, d.cause
    FROM events e LEFT JOIN dead_letters d ON d.event = e.id
    LEFT JOIN outcomes o ON o.event = e.id AND o.number = e.outcome AND e.state <> 'pending'
    WHERE e.id = ?1";

const ATTEMPTS: &str = "SELECT at, operation, http_status, class, message, request FROM attempts
    WHERE event = ?1 ORDER BY id DESC LIMIT ?2";

const PAYLOAD: &str = "SELECT e.connection, e.received_at, p.payload
    FROM events e JOIN payloads p ON p.event = e.id WHERE e.event_id = ?1";

const TALLIES: &str =
    "SELECT what, SUM(count) FROM tallies WHERE (?1 IS NULL OR connection = ?1) GROUP BY what";

const DUE: &str = "SELECT COUNT(*) FROM graphs
    WHERE due_at IS NOT NULL AND due_at <= ?2 AND (?1 IS NULL OR connection = ?1)";

const UNMAPPED: &str = "SELECT MIN(spelling), SUM(events) AS said FROM unmapped
    WHERE (?1 IS NULL OR connection = ?1) AND key NOT IN (?3, ?6)
        AND key NOT LIKE ?4 || '%' AND key NOT LIKE ?5 || '%' AND key NOT LIKE ?7 || '%'
    GROUP BY key ORDER BY said DESC, key LIMIT ?2";

/// Deletes and shared identifiers come first: there are few such rows, and the limit must not cut them off.
const LEFT_OUT: &str = "SELECT key, SUM(events) AS said FROM unmapped
    WHERE (?1 IS NULL OR connection = ?1)
        AND (key LIKE ?3 || '%' OR key LIKE ?4 || '%' OR key LIKE ?6 || '%' OR key = ?5)
    GROUP BY key ORDER BY key = ?5 DESC, key LIKE ?6 || '%' DESC, said DESC, key LIMIT ?2";

const UNMAPPED_BEYOND: &str = "SELECT COALESCE(SUM(events), 0) FROM unmapped
    WHERE (?1 IS NULL OR connection = ?1) AND key = ?2";

/// Events by their rows; those that expired meanwhile are left out.
pub(super) fn events(database: &Connection, rows: &[i64]) -> Result<Vec<EventView>, Failure> {
    let mut views = Vec::with_capacity(rows.len());
    for id in rows {
        let mut statement = database.prepare_cached(EVENT)?;
        let mut found = statement.query([id])?;
        if let Some(row) = found.next()? {
            views.push(EventView { attempts: attempts(database, *id)?, ..event(row)? });
        }
    }
    Ok(views)
}

fn event(row: &Row<'_>) -> Result<EventView, Failure> {
    let id = row.get::<_, Option<i64>>(7)?.map(small).transpose()?;
    let affiliate = AffiliateRef { id, code: row.get(8)? };
    Ok(EventView {
        event: uuid(&row.get::<_, Vec<u8>>(0)?)?,
        kind: row.get(1)?,
        connection: row.get(2)?,
        received_at: time(row.get(3)?)?,
        state: state(&row.get::<_, String>(4)?)?,
        found_by: digests(&row.get::<_, Vec<u8>>(5)?),
        reason: row.get(6)?,
        ended_at: row.get::<_, Option<i64>>(9)?.map(time).transpose()?,
        affiliate: (affiliate != AffiliateRef::default()).then_some(affiliate),
        attempts: Vec::new(),
        dead_letter: match (row.get(10)?, row.get(11)?) {
            (Some(id), Some(cause)) => Some(DeadLetterRef { id, cause }),
            _ => None,
        },
    })
}

fn attempts(database: &Connection, event: i64) -> Result<Vec<AttemptView>, Failure> {
    let attempt = |row: &Row<'_>| {
        Ok(AttemptView {
            at: time(row.get(0)?)?,
            operation: row.get(1)?,
            http_status: row.get(2)?,
            class: row.get(3)?,
            message: row.get(4)?,
            request: row.get(5)?,
        })
    };
    let mut attempts: Vec<_> = all(database, ATTEMPTS, (event, limit(MAX_ATTEMPTS_SHOWN)), attempt)?;
    attempts.reverse();
    Ok(attempts)
}

/// An event's payload while it is kept.
pub(super) fn payload(
    database: &Connection,
    event: Uuid,
) -> Result<Option<(ConnectionId, Timestamp, String)>, Failure> {
    let found: Option<(ConnectionId, i64, String)> = database
        .prepare_cached(PAYLOAD)?
        .query_row([event.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    found.map(|(connection, at, payload)| Ok((connection, time(at)?, payload))).transpose()
}

/// Counts of one connection, or of all.
pub(super) fn counts(
    database: &Connection,
    connection: Option<ConnectionId>,
    now: Timestamp,
) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    for (what, number) in all::<_, Vec<_>>(database, TALLIES, [connection], named_count)? {
        counts.take(what, number);
    }
    let number = |sql, values: (Option<ConnectionId>, Option<i64>)| -> Result<u64, Failure> {
        Ok(count(database.prepare_cached(sql)?.query_row(values, |row| row.get(0))?))
    };
    counts.due = number(DUE, (connection, Some(micros(now))))?;
    counts.dead_letters_by_class = letters::by_class(database, &DeadLetterFilter::open(connection))?;
    counts.dead_letters = counts.dead_letters_by_class.values().sum();
    counts.unmapped = unmapped(database, connection)?;
    let values = (connection, limit(MAX_LEFT_OUT), BLOCKED, UNUSABLE, UNMATCHED, SHARED);
    sort_out(all(database, LEFT_OUT, values, named_count)?, &mut counts);
    let beyond = database.prepare_cached(UNMAPPED_BEYOND)?.query_row((connection, MORE), |row| row.get(0))?;
    counts.unmapped_beyond = count(beyond);
    Ok(counts)
}

fn named_count(row: &Row<'_>) -> Result<(String, u64), Failure> {
    Ok((row.get(0)?, count(row.get(1)?)))
}

fn unmapped(database: &Connection, connection: Option<ConnectionId>) -> Result<Vec<(String, u64)>, Failure> {
    let values = (connection, limit(MAX_UNMAPPED_NAMED), MORE, BLOCKED, UNUSABLE, UNMATCHED, SHARED);
    all(database, UNMAPPED, values, named_count)
}
