//! Events: records, reopens, ends and erases them.
//!
//! Rows of events and outcomes are only appended. An event is pending while the table `pending` says so. Otherwise its newest outcome is
//! its state: the one in `outcomes` with the greatest number, or else the one in its own row, if it ended in the transaction that recorded
//! it. [`write()`] reads the states of the events of one transaction, computes the new ones in memory, and writes the difference.

mod begin;
mod ends;
mod histories;
mod known;

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::notes::Tally;
use super::text::{integer, some_text, text};
use super::{find, sql};
use crate::words::micros;
use crate::{Attempt, Changes, NewEvent};

use histories::EventHistory;
pub(super) use known::{range, read as known};

/// The events of one transaction by id, with their states before and after.
pub(super) type EventHistories = BTreeMap<Uuid, EventHistory>;

const INSERT_ATTEMPTS: &str = "INSERT INTO attempts (event_id, at, operation, http_status, class, message, request)
    SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[])";

const ERASE_PAYLOADS: &str = "UPDATE pending SET payload = NULL WHERE event_id = ANY($1)";

const ERASE_ATTEMPTS: &str = "UPDATE attempts SET message = '', request = NULL
    WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3";

/// Records, reopens and ends events, and makes new ones searchable. The result contains the events that the changes
/// name, that are recorded, and that belong to this connection.
pub(super) async fn write(
    db: &mut PgConnection,
    changes: &Changes,
    tally: &mut Tally,
) -> Result<EventHistories, Failure> {
    let mut events: Vec<&NewEvent> = changes.events.iter().collect();
    events.sort_by_key(|event| event.event);
    let firsts = begin::firsts(changes);
    let fresh = begin::write(db, changes, &events, &firsts).await?;
    let history = |event: &Uuid| (*event, EventHistory::fresh(firsts.get(event).map(|(place, _)| *place)));
    let mut histories: EventHistories = fresh.iter().map(history).collect();
    let named: Vec<Uuid> = named(changes).filter(|event| !histories.contains_key(event)).collect();
    if !named.is_empty() {
        if histories::may_meet_another(changes) {
            known::lock(db, &named).await?;
        }
        let known = known::read(db, changes.connection, &named).await?;
        histories.extend(known.into_iter().map(|(event, known)| (event, EventHistory::known(known))));
    }
    histories::apply(&mut histories, changes)?;
    histories::write(db, changes, &events, &histories, tally).await?;
    events.retain(|event| histories.get(&event.event).is_some_and(EventHistory::is_fresh));
    events.dedup_by_key(|event| event.event);
    find::write(db, events.iter().map(|event| (event.event, &event.found_by[..]))).await?;
    Ok(histories)
}

/// Every event that the changes name, apart from the new ones.
fn named(changes: &Changes) -> impl Iterator<Item = Uuid> {
    let ends = changes.outcomes.iter().map(|outcome| outcome.event);
    let attempts = changes.attempts.iter().map(|attempt| attempt.event);
    let letters = changes.dead_letters.iter().map(|letter| letter.event);
    let orphans = changes.orphans.iter().map(|orphan| orphan.event);
    let others = changes
        .reopened
        .iter()
        .chain(&changes.resolved)
        .chain(&changes.discarded)
        .chain(&changes.erased)
        .copied();
    ends.chain(attempts).chain(letters).chain(orphans).chain(others)
}

/// Records failed calls.
pub(super) async fn attempted(
    db: &mut PgConnection,
    attempts: &[Attempt],
    histories: &EventHistories,
) -> Result<(), Failure> {
    let mut attempts: Vec<&Attempt> =
        attempts.iter().filter(|attempt| histories.contains_key(&attempt.event)).collect();
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
    let requests: Vec<_> = attempts.iter().map(|attempt| some_text(attempt.request.as_ref())).collect();
    let insert = sql(INSERT_ATTEMPTS).bind(events).bind(at).bind(operations).bind(status);
    insert.bind(classes).bind(messages).bind(requests).execute(db).await?;
    Ok(())
}

/// Erases the personal data of events: payloads, and the texts of attempts and dead letters.
pub(super) async fn erase(
    db: &mut PgConnection,
    events: &[Uuid],
    histories: &EventHistories,
) -> Result<(), Failure> {
    let events: Vec<Uuid> = events.iter().copied().filter(|event| histories.contains_key(event)).collect();
    erase_all(db, &events).await
}

/// Erases the personal data of events, in any order.
pub(super) async fn erase_all(db: &mut PgConnection, events: &[Uuid]) -> Result<(), Failure> {
    if let Some((first, last)) = range(events) {
        sql(ERASE_PAYLOADS).bind(events).execute(&mut *db).await?;
        let attempts = sql(ERASE_ATTEMPTS).bind(events).bind(first).bind(last);
        attempts.execute(&mut *db).await?;
        super::letters::erase(db, events).await?;
    }
    Ok(())
}
