//! The states of events that were recorded before.

use connections::ConnectionId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::{rows, sql};
use crate::words::{small, state};
use crate::{KnownEvent, State};

/// The bounds in addition to the list let Postgres skip partitions.
const READ: &str =
    "SELECT e.event_id, o.number, COALESCE(o.state, e.first_state), p.event_id IS NOT NULL AND NOT p.dead
    FROM events e
    LEFT JOIN LATERAL (
        SELECT number, state FROM outcomes WHERE event_id = e.event_id ORDER BY number DESC LIMIT 1
    ) o ON true
    LEFT JOIN pending p ON p.event_id = e.event_id
    WHERE e.event_id = ANY($1) AND e.event_id BETWEEN $2 AND $3 AND e.connection = $4";

const LOCK: &str = "SELECT 1 FROM events WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3
    ORDER BY event_id FOR NO KEY UPDATE";

/// The state of an event.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Known {
    /// Its current state.
    pub(super) state: State,
    /// The number of its newest outcome; 0 before the first.
    pub(super) outcomes: u32,
}

impl Known {
    /// Converts it to the port's type.
    pub(in super::super) fn into_known_event(self) -> KnownEvent {
        KnownEvent { state: self.state, outcomes: self.outcomes }
    }
}

/// The first and the last of some ids; `None` if there are none.
pub(in super::super) fn range(events: &[Uuid]) -> Option<(Uuid, Uuid)> {
    Some((*events.iter().min()?, *events.iter().max()?))
}

/// The events that were recorded before and have not expired.
pub(in super::super) async fn read(
    db: &mut PgConnection,
    connection: ConnectionId,
    events: &[Uuid],
) -> Result<Vec<(Uuid, Known)>, Failure> {
    let Some((first, last)) = range(events) else { return Ok(Vec::new()) };
    let query = rows(READ).bind(events).bind(first).bind(last).bind(connection);
    let found: Vec<(Uuid, Option<i32>, Option<String>, bool)> = query.fetch_all(db).await?;
    let known = |(event, number, word, pending): (Uuid, Option<i32>, Option<String>, bool)| {
        // An outcome without a number comes from the event's row, and is the first one.
        let outcomes = small(number.unwrap_or(word.is_some().into()).into())?;
        let ended = word.as_deref().map(state).transpose()?;
        let state = if pending { State::Pending } else { ended.unwrap_or(State::Pending) };
        Ok((event, Known { state, outcomes }))
    };
    found.into_iter().map(known).collect()
}

/// Locks events, so that other transactions that would change their history wait.
pub(super) async fn lock(db: &mut PgConnection, events: &[Uuid]) -> Result<(), Failure> {
    if let Some((first, last)) = range(events) {
        sql(LOCK).bind(events).bind(first).bind(last).execute(db).await?;
    }
    Ok(())
}
