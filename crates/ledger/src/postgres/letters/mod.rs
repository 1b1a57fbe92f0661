//! Dead letters: this module writes, resolves and erases them; [`select`] reads them, [`counted`] counts them, and [`close`] contains the
//! acts of operators.

mod close;
mod counted;
mod select;

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::events::EventHistories;
use super::failure::Failure;
use super::text::{integer, some_text, text};
use super::{rows, sql};
use crate::audience::audience_in;
use crate::groups::{Cause, VERSION};
use crate::outcome::remembered_after_death;
use crate::words::micros;
use crate::{DeadLetter, DeadLetterState, Outcome};
pub(super) use close::{discard, drop_discarded, expire_class, free, replay, restore};
pub(super) use counted::by_class;
pub(super) use select::{candidates, count_of, read};

const WRITE: &str = "INSERT INTO dead_letters
        (event_id, connection, class, cause, http_status, field, attempts, died_at, state, bytes, audience,
        group_key, mender, rules, person)
    SELECT event_id, $1, class, cause, http_status, field, attempts, died_at, 'open',
        COALESCE((SELECT octet_length(payload) FROM pending WHERE pending.event_id = new.event_id), 0), audience,
        group_key, mender, $10, person
    FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::bigint[], $8::bigint[], $9::text[],
        $11::text[], $12::text[], $13::bytea[])
        AS new (event_id, class, cause, http_status, field, attempts, died_at, audience, group_key, mender, person)
    ON CONFLICT (event_id) DO UPDATE SET
        class = excluded.class, cause = excluded.cause, http_status = excluded.http_status,
        field = excluded.field, attempts = excluded.attempts, died_at = excluded.died_at, state = 'open',
        bytes = excluded.bytes, audience = excluded.audience,
        group_key = excluded.group_key, mender = excluded.mender, rules = excluded.rules,
        person = COALESCE(excluded.person, dead_letters.person),
        discarded_at = NULL, reason = NULL, kept_until = NULL, resolved_by = NULL";

const REPLAYING: &str =
    "UPDATE dead_letters SET state = 'replaying' WHERE event_id = ANY($1) AND state = 'open'";

const RESOLVE: &str = "UPDATE dead_letters SET state = 'resolved'
    WHERE event_id = ANY($1) AND state IN ('open', 'replaying')";

const RESOLVED_BY: &str = "UPDATE dead_letters SET resolved_by = new.newer
    FROM UNNEST($1::uuid[], $2::uuid[]) AS new (event_id, newer)
    WHERE dead_letters.event_id = new.event_id AND state = 'open'";

const DISCARD_ENDED: &str = "UPDATE dead_letters SET state = 'discarded'
    WHERE event_id = ANY($1) AND state IN ('open', 'replaying')";

/// The values of the event are in a graph. A trigger deletes the payloads of repairs.
const REMEMBERED: &str = "UPDATE dead_letters SET bytes = 0 WHERE event_id = ANY($1)";

const REPEAT: &str = "UPDATE dead_letters SET repeats = repeats + said.times
    FROM (SELECT event_id, COUNT(*) AS times FROM UNNEST($1::uuid[]) AS said (event_id) GROUP BY event_id) AS said
    WHERE dead_letters.event_id = said.event_id";

const ERASE: &str = "UPDATE dead_letters SET cause = 'erased by a delete', bytes = 0,
        state = CASE WHEN state = 'resolved' THEN state ELSE 'discarded' END
    WHERE event_id = ANY($1)";

/// An index scan locks the rows, in no fixed order. Only an operator's act does this, in a transaction of its own.
const MOVE: &str = "UPDATE dead_letters SET state = $3 WHERE id = ANY($1) AND state = $2 RETURNING event_id";

/// Workers lock payloads before dead letters, too.
const HOLD: &str = "SELECT p.event_id FROM (
        SELECT event_id FROM dead_letters WHERE id = ANY($1) AND state = $2 ORDER BY uuid_send(event_id)) d
    CROSS JOIN LATERAL (SELECT event_id FROM pending WHERE event_id = d.event_id FOR UPDATE) p";

/// Only the payloads of dead events: an event that is pending again needs its payload.
const DROP_PAYLOADS: &str = "UPDATE pending SET payload = NULL WHERE event_id = ANY($1) AND dead";

const PAYLOADS: &str = "SELECT event_id, payload FROM pending
    WHERE event_id = ANY($1) AND payload LIKE '%computation_key%'";

/// Writes dead letters. The existing dead letter of an event is replaced, and of two for one event the last counts.
pub(super) async fn write(
    db: &mut PgConnection,
    connection: ConnectionId,
    letters: &[DeadLetter],
    histories: &EventHistories,
) -> Result<(), Failure> {
    let known = letters.iter().filter(|letter| histories.contains_key(&letter.event));
    let letters: BTreeMap<Uuid, &DeadLetter> = known.map(|letter| (letter.event, letter)).collect();
    if letters.is_empty() {
        return Ok(());
    }
    let letters: Vec<&DeadLetter> = letters.into_values().collect();
    let events: Vec<Uuid> = letters.iter().map(|letter| letter.event).collect();
    let classes: Vec<_> = letters.iter().map(|letter| text(&letter.class)).collect();
    let causes: Vec<_> = letters.iter().map(|letter| text(&letter.cause)).collect();
    let status: Vec<Option<i32>> =
        letters.iter().map(|letter| letter.http_status.map(|status| integer(status.into()))).collect();
    let fields: Vec<_> = letters.iter().map(|letter| some_text(letter.field.as_ref())).collect();
    let attempts: Vec<i64> = letters.iter().map(|letter| letter.attempts.into()).collect();
    let died: Vec<i64> = letters.iter().map(|letter| micros(letter.died_at)).collect();
    let audiences = audiences(db, &events).await?;
    let audiences: Vec<_> = events.iter().map(|event| some_text(audiences.get(event))).collect();
    let classified = letters.iter().map(|letter| {
        let cause = Cause::of(&letter.class, letter.http_status, letter.field.as_deref(), &letter.cause);
        (cause.key(connection), cause.mender.word())
    });
    let (groups, menders): (Vec<String>, Vec<&'static str>) = classified.unzip();
    let persons: Vec<Option<&[u8]>> =
        letters.iter().map(|letter| letter.person.as_ref().map(|digest| &digest.0[..])).collect();
    let write = sql(WRITE).bind(connection).bind(events).bind(classes).bind(causes).bind(status);
    let write = write.bind(fields).bind(attempts).bind(died).bind(audiences).bind(VERSION);
    write.bind(groups).bind(menders).bind(persons).execute(db).await?;
    Ok(())
}

/// Marks the open dead letters of events that are pending again.
pub(super) async fn replaying(
    db: &mut PgConnection,
    events: &[Uuid],
    histories: &EventHistories,
) -> Result<(), Failure> {
    on_known(db, events, histories, REPLAYING).await
}

/// Notes the newer events that delivered the values of open dead letters to Refersion. To be called before these are resolved.
pub(super) async fn note_resolvers(
    db: &mut PgConnection,
    resolvers: &BTreeMap<Uuid, Uuid>,
    histories: &EventHistories,
) -> Result<(), Failure> {
    let known = resolvers.iter().filter(|(event, _)| histories.contains_key(*event));
    let (events, newer): (Vec<Uuid>, Vec<Uuid>) = known.unzip();
    if !events.is_empty() {
        sql(RESOLVED_BY).bind(events).bind(newer).execute(db).await?;
    }
    Ok(())
}

/// Marks the dead letters of delivered events as resolved.
pub(super) async fn resolve(
    db: &mut PgConnection,
    events: &[Uuid],
    histories: &EventHistories,
) -> Result<(), Failure> {
    on_known(db, events, histories, RESOLVE).await
}

/// Deletes the data that is kept for dead letters of events that are remembered now. To be called before dead letters are written.
pub(super) async fn remembered(
    db: &mut PgConnection,
    outcomes: &[Outcome],
    histories: &EventHistories,
) -> Result<(), Failure> {
    on_known(db, &remembered_after_death(outcomes), histories, REMEMBERED).await
}

/// Marks the dead letters of events that ended without being delivered as discarded.
pub(super) async fn discard_ended(
    db: &mut PgConnection,
    events: &[Uuid],
    histories: &EventHistories,
) -> Result<(), Failure> {
    on_known(db, events, histories, DISCARD_ENDED).await
}

/// Counts repeats of the events of dead letters.
pub(super) async fn repeat(db: &mut PgConnection, events: &[Uuid]) -> Result<(), Failure> {
    if !events.is_empty() {
        sql(REPEAT).bind(events).execute(db).await?;
    }
    Ok(())
}

async fn on_known(
    db: &mut PgConnection,
    events: &[Uuid],
    histories: &EventHistories,
    statement: &'static str,
) -> Result<(), Failure> {
    let events: Vec<Uuid> = events.iter().copied().filter(|event| histories.contains_key(event)).collect();
    if !events.is_empty() {
        sql(statement).bind(events).execute(db).await?;
    }
    Ok(())
}

/// Erases the causes of events' dead letters, and discards the dead letters.
pub(super) async fn erase(db: &mut PgConnection, events: &[Uuid]) -> Result<(), Failure> {
    sql(ERASE).bind(events).execute(db).await?;
    Ok(())
}

/// Sets the state of dead letters; see [`crate::View::move_dead_letters`].
pub(super) async fn set_state(
    db: &mut PgConnection,
    ids: &[i64],
    from: DeadLetterState,
    to: DeadLetterState,
) -> Result<usize, Failure> {
    let drops_payloads = to == DeadLetterState::Discarded;
    if drops_payloads {
        sql(HOLD).bind(ids).bind(from.word()).execute(&mut *db).await?;
    }
    let set = rows(MOVE).bind(ids).bind(from.word()).bind(to.word());
    let moved: Vec<(Uuid,)> = set.fetch_all(&mut *db).await?;
    if drops_payloads {
        let events: Vec<Uuid> = moved.iter().map(|(event,)| *event).collect();
        sql(DROP_PAYLOADS).bind(events).execute(db).await?;
    }
    Ok(moved.len())
}

/// The audiences of events whose payloads name one.
pub(super) async fn audiences(
    db: &mut PgConnection,
    events: &[Uuid],
) -> Result<BTreeMap<Uuid, String>, Failure> {
    let payloads: Vec<(Uuid, String)> = rows(PAYLOADS).bind(events).fetch_all(db).await?;
    let named = payloads.into_iter().filter_map(|(event, payload)| Some((event, audience_in(&payload)?)));
    Ok(named.collect())
}
