//! Events: how they begin, are taken up again, end, and are erased.
//!
//! Rows of events and outcomes are only appended. An event is pending while the table `pending` says so; else it is what
//! its newest outcome says. [`write()`] reads where the events of one transaction stand, works out in memory where they
//! go, and writes the difference.

mod known;
mod stories;

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlx_postgres::PgConnection;
use uuid::Uuid;

use super::copy::{Rows, WORTH_A_COPY};
use super::failure::Failure;
use super::notes::Tally;
use super::text::{integer, some_text, text};
use super::{find, rows, sql};
use crate::words::{lane_word, micros};
use crate::{Attempt, Changes, NewEvent};

pub(super) use known::{range, read as known};
use stories::Story;

/// Events of one transaction, by id, as they were and as they will be.
pub(super) type Stories = BTreeMap<Uuid, Story>;

const INSERT: &str =
    "INSERT INTO events (event_id, connection, message_id, kind, lane, received_at, found_by)
    SELECT event_id, $1, message_id, kind, lane, received_at, found_by
    FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[])
        AS new (event_id, message_id, kind, lane, received_at, found_by)
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id";

const COPY: &str = "COPY events (event_id, connection, message_id, kind, lane, received_at, found_by)
    FROM STDIN (FORMAT binary)";

const INSERT_ATTEMPTS: &str = "INSERT INTO attempts (event_id, at, operation, http_status, class, message)
    SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::integer[], $5::text[], $6::text[])";

const ERASE_PAYLOADS: &str = "UPDATE pending SET payload = NULL WHERE event_id = ANY($1)";

const ERASE_ATTEMPTS: &str = "UPDATE attempts SET message = ''
    WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3";

/// Begins, reopens and ends events, and makes the new ones findable. What comes back tells which of the events that the
/// changes name are there, and are this connection's.
pub(super) async fn write(
    connection: &mut PgConnection,
    changes: &Changes,
    tally: &mut Tally,
) -> Result<Stories, Failure> {
    let mut events: Vec<&NewEvent> = changes.events.iter().collect();
    events.sort_by_key(|event| event.event);
    let fresh = match changes.unasked && events.len() >= WORTH_A_COPY {
        true => begin_unasked(connection, changes.connection, &events).await?,
        false => begin(connection, changes.connection, &events).await?,
    };
    if changes.unasked && fresh.len() < events.len() {
        return Err(Failure::Moved);
    }
    let mut stories: Stories = fresh.iter().map(|event| (*event, Story::fresh())).collect();
    let named: Vec<Uuid> = named(changes).filter(|event| !stories.contains_key(event)).collect();
    if !named.is_empty() {
        if stories::may_meet_another(changes) {
            known::lock(connection, &named).await?;
        }
        let known = known::read(connection, changes.connection, &named).await?;
        stories.extend(known.into_iter().map(|(event, known)| (event, Story::known(known))));
    }
    stories::tell(&mut stories, changes)?;
    stories::write(connection, changes, &events, &stories, tally).await?;
    events.retain(|event| stories.get(&event.event).is_some_and(Story::is_fresh));
    events.dedup_by_key(|event| event.event);
    find::write(connection, events.iter().map(|event| (event.event, &event.found_by[..]))).await?;
    Ok(stories)
}

/// Every event that the changes name beside the new ones.
fn named(changes: &Changes) -> impl Iterator<Item = Uuid> {
    let ends = changes.outcomes.iter().map(|outcome| outcome.event);
    let attempts = changes.attempts.iter().map(|attempt| attempt.event);
    let letters = changes.dead_letters.iter().map(|letter| letter.event);
    let strays = changes.strays.iter().map(|stray| stray.event);
    let others = changes.reopened.iter().chain(&changes.resolved).chain(&changes.erased).copied();
    ends.chain(attempts).chain(letters).chain(strays).chain(others)
}

/// Records events; the ids of those that were not recorded before.
async fn begin(
    connection: &mut PgConnection,
    of: ConnectionId,
    events: &[&NewEvent],
) -> Result<Vec<Uuid>, Failure> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = events.iter().map(|event| event.event).collect();
    let messages: Vec<_> = events.iter().map(|event| some_text(event.message_id.as_ref())).collect();
    let kinds: Vec<_> = events.iter().map(|event| text(&event.kind)).collect();
    let lanes: Vec<&str> = events.iter().map(|event| lane_word(event.lane)).collect();
    let received: Vec<i64> = events.iter().map(|event| micros(event.received_at)).collect();
    let found_by: Vec<Vec<u8>> =
        events.iter().map(|event| event.found_by.iter().flat_map(|digest| digest.0).collect()).collect();
    let insert = rows(INSERT).bind(of).bind(ids).bind(messages).bind(kinds).bind(lanes);
    let fresh: Vec<(Uuid,)> = insert.bind(received).bind(found_by).fetch_all(connection).await?;
    Ok(fresh.into_iter().map(|(event,)| event).collect())
}

/// Records many events that nobody has looked for; their ids. If one is there, [`Failure::Moved`].
async fn begin_unasked(
    connection: &mut PgConnection,
    of: ConnectionId,
    events: &[&NewEvent],
) -> Result<Vec<Uuid>, Failure> {
    let mut rows = Rows::of(7);
    for event in events {
        rows.begin().uuid(event.event).bigint(Some(of));
        rows.text(some_text(event.message_id.as_ref()).as_deref()).text(Some(&text(&event.kind)));
        rows.text(Some(lane_word(event.lane))).bigint(Some(micros(event.received_at)));
        rows.bytes(event.found_by.iter().map(|digest| &digest.0[..]));
    }
    rows.write(connection, COPY).await?;
    Ok(events.iter().map(|event| event.event).collect())
}

/// Records failed calls.
pub(super) async fn attempted(
    connection: &mut PgConnection,
    attempts: &[Attempt],
    stories: &Stories,
) -> Result<(), Failure> {
    let mut attempts: Vec<&Attempt> =
        attempts.iter().filter(|attempt| stories.contains_key(&attempt.event)).collect();
    if attempts.is_empty() {
        return Ok(());
    }
    attempts.sort_by_key(|attempt| attempt.event);
    let events: Vec<Uuid> = attempts.iter().map(|attempt| attempt.event).collect();
    let at: Vec<i64> = attempts.iter().map(|attempt| micros(attempt.at)).collect();
    let operations: Vec<_> = attempts.iter().map(|attempt| text(&attempt.operation)).collect();
    let status: Vec<Option<i32>> =
        attempts.iter().map(|it| it.http_status.map(|status| integer(status.into()))).collect();
    let classes: Vec<_> = attempts.iter().map(|attempt| text(&attempt.class)).collect();
    let messages: Vec<_> = attempts.iter().map(|attempt| text(&attempt.message)).collect();
    let insert = sql(INSERT_ATTEMPTS).bind(events).bind(at).bind(operations).bind(status);
    insert.bind(classes).bind(messages).execute(connection).await?;
    Ok(())
}

/// Removes all that may be personal of events: payloads, and what attempts and dead letters say.
pub(super) async fn erase(
    connection: &mut PgConnection,
    events: &[Uuid],
    stories: &Stories,
) -> Result<(), Failure> {
    let events: Vec<Uuid> = events.iter().copied().filter(|event| stories.contains_key(event)).collect();
    erase_all(connection, &events).await
}

/// Removes all that may be personal of events, in any order.
pub(super) async fn erase_all(connection: &mut PgConnection, events: &[Uuid]) -> Result<(), Failure> {
    if let Some((first, last)) = range(events) {
        sql(ERASE_PAYLOADS).bind(events).execute(&mut *connection).await?;
        let attempts = sql(ERASE_ATTEMPTS).bind(events).bind(first).bind(last);
        attempts.execute(&mut *connection).await?;
        super::letters::erase(connection, events).await?;
    }
    Ok(())
}
