//! Dead letters: laid down, resolved, erased, and read by an operator.

use connections::ConnectionId;
use sqlx_core::row::Row as _;
use sqlx_postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::events::Stories;
use super::failure::Failure;
use super::text::{integer, some_text, text};
use super::{rows, sql};
use crate::words::{count, letter_state, letter_word, limit, micros, small, time};
use crate::{DeadLetter, DeadLetterFilter, DeadLetterState, DeadLetterView};

const LAY_DOWN: &str = "INSERT INTO dead_letters
        (event_id, connection, class, cause, http_status, field, attempts, died_at, state, bytes)
    SELECT event_id, $1, class, cause, http_status, field, attempts, died_at, 'open',
        COALESCE((SELECT octet_length(payload) FROM pending WHERE pending.event_id = new.event_id), 0)
    FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::bigint[], $8::bigint[])
        AS new (event_id, class, cause, http_status, field, attempts, died_at)
    ON CONFLICT (event_id) DO UPDATE SET
        class = excluded.class, cause = excluded.cause, http_status = excluded.http_status,
        field = excluded.field, attempts = excluded.attempts, died_at = excluded.died_at, state = 'open',
        bytes = excluded.bytes";

const REPLAYING: &str =
    "UPDATE dead_letters SET state = 'replaying' WHERE event_id = ANY($1) AND state = 'open'";

const RESOLVE: &str = "UPDATE dead_letters SET state = 'resolved'
    WHERE event_id = ANY($1) AND state IN ('open', 'replaying')";

const PUT_ASIDE: &str = "UPDATE dead_letters SET state = 'discarded'
    WHERE event_id = ANY($1) AND state IN ('open', 'replaying')";

const REPEAT: &str = "UPDATE dead_letters SET repeats = repeats + said.times
    FROM (SELECT event_id, COUNT(*) AS times FROM UNNEST($1::uuid[]) AS said (event_id) GROUP BY event_id) AS said
    WHERE dead_letters.event_id = said.event_id";

const ERASE: &str = "UPDATE dead_letters SET cause = 'erased by a delete', bytes = 0,
        state = CASE WHEN state = 'resolved' THEN state ELSE 'discarded' END
    WHERE event_id = ANY($1)";

/// Rows are locked by an index scan, in no order of ours; these are an operator's, in a transaction of their own.
const MOVE: &str = "UPDATE dead_letters SET state = $3 WHERE id = ANY($1) AND state = $2 RETURNING event_id";

/// Only of events that are dead: one that is pending again needs its payload.
const DROP_PAYLOADS: &str = "UPDATE pending SET payload = NULL WHERE event_id = ANY($1) AND dead";

const READ: &str = "SELECT d.id, d.event_id, d.connection, d.class, d.cause, d.http_status,
        d.field, d.attempts, d.died_at, d.state, p.payload, e.received_at, d.repeats
    FROM dead_letters d JOIN events e ON e.event_id = d.event_id
    LEFT JOIN pending p ON p.event_id = d.event_id
    WHERE ($1::bigint IS NULL OR d.connection = $1) AND ($2::text IS NULL OR d.state = $2)
        AND ($3::text IS NULL OR d.class = $3) AND ($4::bigint[] IS NULL OR d.id = ANY($4))
    ORDER BY d.died_at DESC, d.id DESC LIMIT $5";

const COUNT: &str = "SELECT COUNT(*) FROM dead_letters d
    WHERE ($1::bigint IS NULL OR d.connection = $1) AND ($2::text IS NULL OR d.state = $2)
        AND ($3::text IS NULL OR d.class = $3) AND ($4::bigint[] IS NULL OR d.id = ANY($4))";

/// Lays down dead letters; an event that died before has its one renewed, and of two for one event the last counts.
pub(super) async fn lay_down(
    connection: &mut PgConnection,
    of: ConnectionId,
    letters: &[DeadLetter],
    stories: &Stories,
) -> Result<(), Failure> {
    let known = letters.iter().filter(|letter| stories.contains_key(&letter.event));
    let letters: std::collections::BTreeMap<Uuid, &DeadLetter> =
        known.map(|letter| (letter.event, letter)).collect();
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
    let lay_down = sql(LAY_DOWN).bind(of).bind(events).bind(classes).bind(causes).bind(status);
    lay_down.bind(fields).bind(attempts).bind(died).execute(connection).await?;
    Ok(())
}

/// Marks the open dead letters of events that are pending again.
pub(super) async fn replaying(
    connection: &mut PgConnection,
    events: &[Uuid],
    stories: &Stories,
) -> Result<(), Failure> {
    on_known(connection, events, stories, REPLAYING).await
}

/// Marks the dead letters of events that were delivered after all.
pub(super) async fn resolve(
    connection: &mut PgConnection,
    events: &[Uuid],
    stories: &Stories,
) -> Result<(), Failure> {
    on_known(connection, events, stories, RESOLVE).await
}

/// Marks the dead letters of events that ended otherwise than by being delivered.
pub(super) async fn put_aside(
    connection: &mut PgConnection,
    events: &[Uuid],
    stories: &Stories,
) -> Result<(), Failure> {
    on_known(connection, events, stories, PUT_ASIDE).await
}

/// Counts repeats of the events of dead letters.
pub(super) async fn repeat(connection: &mut PgConnection, events: &[Uuid]) -> Result<(), Failure> {
    if !events.is_empty() {
        sql(REPEAT).bind(events).execute(connection).await?;
    }
    Ok(())
}

async fn on_known(
    connection: &mut PgConnection,
    events: &[Uuid],
    stories: &Stories,
    statement: &'static str,
) -> Result<(), Failure> {
    let events: Vec<Uuid> = events.iter().copied().filter(|event| stories.contains_key(event)).collect();
    if !events.is_empty() {
        sql(statement).bind(events).execute(connection).await?;
    }
    Ok(())
}

/// Takes the causes out of events' dead letters, and puts the letters aside.
pub(super) async fn erase(connection: &mut PgConnection, events: &[Uuid]) -> Result<(), Failure> {
    sql(ERASE).bind(events).execute(connection).await?;
    Ok(())
}

/// Sets the state of dead letters; see [`crate::Ledger::move_dead_letters`].
pub(super) async fn set_state(
    connection: &mut PgConnection,
    ids: &[i64],
    from: DeadLetterState,
    to: DeadLetterState,
) -> Result<usize, Failure> {
    let set = rows(MOVE).bind(ids).bind(letter_word(from)).bind(letter_word(to));
    let moved: Vec<(Uuid,)> = set.fetch_all(&mut *connection).await?;
    if to == DeadLetterState::Discarded {
        let events: Vec<Uuid> = moved.iter().map(|(event,)| *event).collect();
        sql(DROP_PAYLOADS).bind(events).execute(connection).await?;
    }
    Ok(moved.len())
}

/// Dead letters, newest first.
pub(super) async fn read(
    connection: &mut PgConnection,
    filter: &DeadLetterFilter,
) -> Result<Vec<DeadLetterView>, Failure> {
    let query = sql(READ).bind(filter.connection).bind(filter.state.map(letter_word)).bind(&filter.class);
    let found = query.bind(&filter.ids).bind(limit(filter.limit)).fetch_all(connection).await?;
    found.iter().map(view).collect()
}

/// How many dead letters a filter picks, whatever its limit.
pub(super) async fn count_of(
    connection: &mut PgConnection,
    filter: &DeadLetterFilter,
) -> Result<u64, Failure> {
    let query =
        rows::<(i64,)>(COUNT).bind(filter.connection).bind(filter.state.map(letter_word)).bind(&filter.class);
    let (found,) = query.bind(&filter.ids).fetch_one(connection).await?;
    Ok(count(found))
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
    })
}
