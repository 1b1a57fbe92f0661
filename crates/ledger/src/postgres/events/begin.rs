//! Records events: each row contains the first outcome if the event ends in the same transaction.

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::copy::{Rows, WORTH_A_COPY};
use super::super::failure::Failure;
use super::super::rows;
use super::super::text::text;
use super::ends::{End, Ends};
use crate::words::{lane_word, micros};
use crate::{Changes, NewEvent, Outcome, State};

const INSERT: &str = "INSERT INTO events (event_id, connection, kind, lane, received_at, found_by,
        first_state, first_reason, first_affiliate_id, first_affiliate_code, first_at)
    SELECT event_id, $1, kind, lane, received_at, found_by, state, reason, affiliate_id, affiliate_code, at
    FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bytea[],
            $7::text[], $8::text[], $9::bigint[], $10::text[], $11::bigint[])
        AS new (event_id, kind, lane, received_at, found_by,
            state, reason, affiliate_id, affiliate_code, at)
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id";

const COPY: &str = "COPY events (event_id, connection, kind, lane, received_at, found_by,
        first_state, first_reason, first_affiliate_id, first_affiliate_code, first_at)
    FROM STDIN (FORMAT binary)";

/// The outcomes to write into the rows of events that turn out to be new, with their places among the outcomes of the changes.
pub(super) type Firsts<'c> = BTreeMap<Uuid, (usize, &'c Outcome)>;

/// The outcomes that are first for their events in these changes, and have number 1.
pub(super) fn firsts(changes: &Changes) -> Firsts<'_> {
    let mut firsts = Firsts::new();
    if changes.events.is_empty() {
        return firsts;
    }
    for (place, outcome) in changes.outcomes.iter().enumerate() {
        firsts.entry(outcome.event).or_insert((place, outcome));
    }
    firsts.retain(|_, (_, outcome)| outcome.number == 1 && outcome.state != State::Pending);
    firsts
}

/// Records events, and returns the ids of those that were not recorded before. [`Failure::Moved`] if they are assumed
/// to be new and one is recorded already.
pub(super) async fn write(
    db: &mut PgConnection,
    changes: &Changes,
    events: &[&NewEvent],
    firsts: &Firsts<'_>,
) -> Result<Vec<Uuid>, Failure> {
    let connection = changes.connection;
    match events.len() {
        0 => return Ok(Vec::new()),
        WORTH_A_COPY.. if changes.assume_new => return copy(db, connection, events, firsts).await,
        _ => {}
    }
    let fresh = insert(db, connection, events, firsts).await?;
    if changes.assume_new && fresh.len() < events.len() { Err(Failure::Moved) } else { Ok(fresh) }
}

async fn insert(
    db: &mut PgConnection,
    connection: ConnectionId,
    events: &[&NewEvent],
    firsts: &Firsts<'_>,
) -> Result<Vec<Uuid>, Failure> {
    let ids: Vec<Uuid> = events.iter().map(|event| event.event).collect();
    let kinds: Vec<_> = events.iter().map(|event| text(&event.kind)).collect();
    let lanes: Vec<&str> = events.iter().map(|event| lane_word(event.lane)).collect();
    let received: Vec<i64> = events.iter().map(|event| micros(event.received_at)).collect();
    let found_by: Vec<Vec<u8>> =
        events.iter().map(|event| event.found_by.iter().flat_map(|digest| digest.0).collect()).collect();
    let ends = Ends::of(events.iter().map(|event| first_of(event, firsts)))?;
    let insert = rows(INSERT).bind(connection).bind(ids).bind(kinds).bind(lanes);
    let insert = insert.bind(received).bind(found_by).bind(ends.states).bind(ends.reasons);
    let insert = insert.bind(ends.affiliate_ids).bind(ends.affiliate_codes).bind(ends.at);
    let fresh: Vec<(Uuid,)> = insert.fetch_all(db).await?;
    Ok(fresh.into_iter().map(|(event,)| event).collect())
}

async fn copy(
    db: &mut PgConnection,
    connection: ConnectionId,
    events: &[&NewEvent],
    firsts: &Firsts<'_>,
) -> Result<Vec<Uuid>, Failure> {
    let mut rows = Rows::of(11);
    for event in events {
        rows.begin().uuid(event.event).bigint(Some(connection));
        rows.text(Some(&text(&event.kind)))
            .text(Some(lane_word(event.lane)))
            .bigint(Some(micros(event.received_at)));
        rows.bytes(event.found_by.iter().map(|digest| &digest.0[..]));
        End::of(first_of(event, firsts))?.copy(&mut rows);
    }
    rows.write(db, COPY).await?;
    Ok(events.iter().map(|event| event.event).collect())
}

fn first_of<'c>(event: &NewEvent, firsts: &Firsts<'c>) -> Option<&'c Outcome> {
    firsts.get(&event.event).map(|(_, outcome)| *outcome)
}
