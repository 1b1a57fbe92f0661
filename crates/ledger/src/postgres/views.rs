//! Reads events, payloads and counts for operators.

use std::collections::BTreeMap;

use connections::ConnectionId;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::failure::Failure;
use super::notes::all_counts;
use super::{events, letters, rows, sql};
use crate::unmapped::{BLOCKED, MAX_LEFT_OUT, MORE, SHARED, UNMATCHED, UNUSABLE, sort_out};
use crate::words::{count, digests, limit, micros, small, state, time};
use crate::{AffiliateRef, AttemptView, Counts, DeadLetterFilter, DeadLetterRef, EventView, State};

/// The number of failed calls that are shown for one event: the newest.
const MAX_ATTEMPTS_SHOWN: usize = 100;

/// The number of unmapped traits that `status` names.
const MAX_UNMAPPED_NAMED: usize = 50;

const EVENTS: &str = "SELECT e.event_id, e.kind, e.connection, e.received_at,
        CASE WHEN p.event_id IS NOT NULL AND NOT p.dead THEN 'pending' ELSE o.state END, e.found_by,
        o.reason, o.affiliate_id, o.affiliate_code, o.at, d.id, d.cause
    FROM events e LEFT JOIN dead_letters d ON d.event_id = e.event_id LEFT JOIN pending p ON p.event_id = e.event_id
    LEFT JOIN LATERAL (
        SELECT number, state, reason, affiliate_id, affiliate_code, at FROM outcomes WHERE event_id = e.event_id
        UNION ALL SELECT 1, e.first_state, e.first_reason, e.first_affiliate_id, e.first_affiliate_code, e.first_at
        WHERE e.first_state IS NOT NULL
        ORDER BY number DESC LIMIT 1
    ) o ON p.event_id IS NULL OR p.dead
    WHERE e.event_id = ANY($1) AND e.event_id BETWEEN $2 AND $3";

const ATTEMPTS: &str =
    "SELECT wanted.event_id, a.at, a.operation, a.http_status, a.class, a.message, a.request
    FROM UNNEST($1::uuid[]) AS wanted (event_id)
    CROSS JOIN LATERAL (
        SELECT * FROM attempts WHERE event_id = wanted.event_id ORDER BY id DESC LIMIT $2
    ) a ORDER BY a.id";

const PAYLOAD: &str = "SELECT e.connection, e.received_at, p.payload
    FROM events e JOIN pending p ON p.event_id = e.event_id
    WHERE e.event_id = $1 AND p.payload IS NOT NULL";

const TALLIES: &str = concat!(
    "SELECT what, SUM(count)::bigint FROM ",
    all_counts!(),
    " WHERE ($1::bigint IS NULL OR connection = $1) GROUP BY what"
);

const DUE: &str = "SELECT COUNT(*) FROM work WHERE due_at <= $2 AND ($1::bigint IS NULL OR connection = $1)";

const UNMAPPED: &str = "SELECT MIN(spelling), SUM(events)::bigint AS said FROM unmapped
    WHERE ($1::bigint IS NULL OR connection = $1) AND key NOT IN ($3, $6)
        AND key NOT LIKE $4 || '%' AND key NOT LIKE $5 || '%' AND key NOT LIKE $7 || '%'
    GROUP BY key ORDER BY said DESC, key LIMIT $2";

/// Deletes and shared identifiers come first: there are few such rows, and the limit must not cut them off.
const LEFT_OUT: &str = "SELECT key, SUM(events)::bigint AS said FROM unmapped
    WHERE ($1::bigint IS NULL OR connection = $1)
        AND (key LIKE $3 || '%' OR key LIKE $4 || '%' OR key LIKE $6 || '%' OR key = $5)
    GROUP BY key ORDER BY key = $5 DESC, key LIKE $6 || '%' DESC, said DESC, key LIMIT $2";

const UNMAPPED_BEYOND: &str = "SELECT COALESCE(SUM(events), 0)::bigint FROM unmapped
    WHERE ($1::bigint IS NULL OR connection = $1) AND key = $2";

/// Events in the order of `ids`; those that expired meanwhile are left out.
pub(super) async fn events(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<EventView>, Failure> {
    let Some((first, last)) = events::range(ids) else { return Ok(Vec::new()) };
    let found = sql(EVENTS).bind(ids).bind(first).bind(last).fetch_all(&mut *db).await?;
    let found = found.iter().map(event).collect::<Result<Vec<_>, Failure>>()?;
    let mut found: BTreeMap<Uuid, EventView> = found.into_iter().map(|view| (view.event, view)).collect();
    let attempts = sql(ATTEMPTS).bind(ids).bind(limit(MAX_ATTEMPTS_SHOWN)).fetch_all(db).await?;
    for row in &attempts {
        if let Some(view) = found.get_mut(&row.try_get::<Uuid, _>(0)?) {
            view.attempts.push(attempt(row)?);
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn event(row: &PgRow) -> Result<EventView, Failure> {
    let id = row.try_get::<Option<i64>, _>(7)?.map(small).transpose()?;
    let affiliate = AffiliateRef { id, code: row.try_get(8)? };
    Ok(EventView {
        event: row.try_get(0)?,
        kind: row.try_get(1)?,
        connection: row.try_get(2)?,
        received_at: time(row.try_get(3)?)?,
        state: state(row.try_get::<Option<&str>, _>(4)?.unwrap_or(State::Pending.word()))?,
        found_by: digests(row.try_get(5)?),
        reason: row.try_get(6)?,
        ended_at: row.try_get::<Option<i64>, _>(9)?.map(time).transpose()?,
        affiliate: (affiliate != AffiliateRef::default()).then_some(affiliate),
        attempts: Vec::new(),
        dead_letter: match (row.try_get(10)?, row.try_get(11)?) {
            (Some(id), Some(cause)) => Some(DeadLetterRef { id, cause }),
            _ => None,
        },
    })
}

fn attempt(row: &PgRow) -> Result<AttemptView, Failure> {
    let status: Option<i32> = row.try_get(3)?;
    Ok(AttemptView {
        at: time(row.try_get(1)?)?,
        operation: row.try_get(2)?,
        http_status: status.map(|status| small(status.into())).transpose()?,
        class: row.try_get(4)?,
        message: row.try_get(5)?,
        request: row.try_get(6)?,
    })
}

/// An event's payload while it is kept.
pub(super) async fn payload(
    db: &mut PgConnection,
    event: Uuid,
) -> Result<Option<(ConnectionId, Timestamp, String)>, Failure> {
    let found: Option<(ConnectionId, i64, String)> = rows(PAYLOAD).bind(event).fetch_optional(db).await?;
    found.map(|(connection, at, payload)| Ok((connection, time(at)?, payload))).transpose()
}

/// Counts of one connection, or of all.
pub(super) async fn counts(
    db: &mut PgConnection,
    connection: Option<ConnectionId>,
    now: Timestamp,
) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let tallies: Vec<(String, i64)> = rows(TALLIES).bind(connection).fetch_all(&mut *db).await?;
    for (what, number) in tallies {
        counts.take(what, count(number));
    }
    let (due,): (i64,) = rows(DUE).bind(connection).bind(micros(now)).fetch_one(&mut *db).await?;
    counts.dead_letters_by_class = letters::by_class(db, &DeadLetterFilter::open(connection)).await?;
    counts.dead_letters = counts.dead_letters_by_class.values().sum();
    counts.due = count(due);
    let unmapped = rows(UNMAPPED).bind(connection).bind(limit(MAX_UNMAPPED_NAMED)).bind(MORE);
    let unmapped = unmapped.bind(BLOCKED).bind(UNUSABLE).bind(UNMATCHED).bind(SHARED);
    let unmapped: Vec<(String, i64)> = unmapped.fetch_all(&mut *db).await?;
    let left_out = rows(LEFT_OUT).bind(connection).bind(limit(MAX_LEFT_OUT));
    let left_out = left_out.bind(BLOCKED).bind(UNUSABLE).bind(UNMATCHED).bind(SHARED);
    let left_out: Vec<(String, i64)> = left_out.fetch_all(&mut *db).await?;
    sort_out(left_out.into_iter().map(|(name, events)| (name, count(events))).collect(), &mut counts);
    let (beyond,): (i64,) = rows(UNMAPPED_BEYOND).bind(connection).bind(MORE).fetch_one(db).await?;
    counts.unmapped_beyond = count(beyond);
    counts.unmapped = unmapped.into_iter().map(|(spelling, events)| (spelling, count(events))).collect();
    Ok(counts)
}
