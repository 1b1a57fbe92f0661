//! Hands out messages: chooses them, and gives them a ticket that expires.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};

use super::{ALONE_AFTER, LOST_LIMIT, admin, statements};
use crate::batch::Taken;
use crate::{Batch, FORMAT, Item, Lane, QueueError, TAKE_BYTES, pack};

/// One take in this many begins with bulk.
const TURN_OF_BULK: u32 = 10;

/// Whether the take of this number begins with bulk.
pub(super) fn is_turn_of_bulk(number: u32) -> bool {
    number % TURN_OF_BULK == TURN_OF_BULK - 1
}

/// The request of a taker.
pub(super) struct Request {
    pub(super) max: usize,
    /// Connections that are skipped.
    pub(super) except: Vec<i64>,
    /// The connection that was served last.
    pub(super) served: i64,
    pub(super) bulk_first: bool,
    pub(super) now: Timestamp,
    pub(super) held_at_most: Duration,
}

/// Takes waiting messages. If there are none, nothing is written.
pub(super) fn take(connection: &mut Connection, request: &Request) -> Result<Batch, QueueError> {
    let now = request.now.as_microsecond();
    let held = i64::try_from(request.held_at_most.as_micros()).unwrap_or(i64::MAX);
    let expires_at = now.saturating_add(held);
    let anything: bool = connection
        .prepare_cached(statements::ANYTHING_TO_TAKE)?
        .query_row((FORMAT, now, expires_at), |row| row.get(0))?;
    if !anything {
        return Ok(Batch::empty());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    return_expired(&transaction, now, expires_at)?;
    split_suspects(&transaction)?;
    let found = find(&transaction, request)?;
    let batch = hand_out(&transaction, found, expires_at)?;
    transaction.commit()?;
    Ok(batch)
}

fn return_expired(transaction: &Transaction<'_>, now: i64, latest: i64) -> Result<(), QueueError> {
    let returned = transaction.prepare_cached(statements::RETURN_EXPIRED)?.execute((now, latest))?;
    transaction.prepare_cached(statements::DELETE_EXPIRED_TICKETS)?.execute((now, latest))?;
    if returned > 0 {
        tracing::warn!(messages = returned, "messages were not answered in time; they returned to the queue");
    }
    Ok(())
}

/// Splits messages that takers have lost, so that only the bad envelope becomes a dead letter.
fn split_suspects(transaction: &Transaction<'_>) -> Result<(), QueueError> {
    let suspects: Vec<(i64, Vec<u8>)> = transaction
        .prepare_cached(statements::SUSPECTS)?
        .query_map((ALONE_AFTER, FORMAT), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, body) in suspects {
        for part in pack::split(&body) {
            let bytes = i64::try_from(part.len()).unwrap_or(i64::MAX);
            let copy = transaction.prepare_cached(statements::COPY_MESSAGE)?.insert((bytes, id))?;
            transaction.prepare_cached(statements::INSERT_BODY)?.execute((copy, part))?;
        }
        transaction.prepare_cached(statements::DELETE_MESSAGE)?.execute([id])?;
    }
    Ok(())
}

struct Found {
    id: i64,
    connection: i64,
    handed_out: i64,
    lost: i64,
    body: Vec<u8>,
}

/// The messages that a take has found so far, and the room that is left.
struct Selection {
    found: Vec<Found>,
    room: usize,
    bytes: usize,
}

/// Finds messages until there are `max` events or [`TAKE_BYTES`]. Connections take turns within a lane, beginning after the
/// one that was served last. A message that takers have lost comes alone.
fn find(transaction: &Transaction<'_>, request: &Request) -> Result<Vec<Found>, QueueError> {
    let lanes = if request.bulk_first { [Lane::Bulk, Lane::Live] } else { [Lane::Live, Lane::Bulk] };
    let mut selection = Selection { found: Vec::new(), room: request.max.max(1), bytes: TAKE_BYTES };
    for lane in lanes {
        let (mut after, mut around) = (request.served, false);
        while selection.room > 0 {
            match next_connection(transaction, lane, after)? {
                Some(next) if around && next > request.served => break,
                Some(next) => {
                    after = next;
                    if !request.except.contains(&next) && !fill(transaction, lane, next, &mut selection)? {
                        return Ok(selection.found);
                    }
                }
                None if around => break,
                None => (after, around) = (i64::MIN, true),
            }
        }
    }
    Ok(selection.found)
}

/// The next connection after this one, in the order of numbers, that has waiting messages.
fn next_connection(transaction: &Transaction<'_>, lane: Lane, after: i64) -> Result<Option<i64>, QueueError> {
    let mut statement = transaction.prepare_cached(statements::NEXT_CONNECTION)?;
    Ok(statement.query_row((admin::number(lane), after, FORMAT), |row| row.get(0)).optional()?)
}

/// Adds a connection's messages while there is room; `false`: there is no room for anything else.
fn fill(
    transaction: &Transaction<'_>,
    lane: Lane,
    connection: i64,
    selection: &mut Selection,
) -> Result<bool, QueueError> {
    let mut statement = transaction.prepare_cached(statements::WAITING)?;
    let mut rows = statement.query((admin::number(lane), connection, FORMAT))?;
    while selection.room > 0
        && let Some(row) = rows.next()?
    {
        let (message, events) = read(row, connection)?;
        let alone = message.lost >= ALONE_AFTER;
        if !selection.found.is_empty() && (alone || message.body.len() > selection.bytes) {
            return Ok(false);
        }
        selection.room = selection.room.saturating_sub(events);
        selection.bytes = selection.bytes.saturating_sub(message.body.len());
        selection.found.push(message);
        if alone {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(row: &Row<'_>, connection: i64) -> Result<(Found, usize), rusqlite::Error> {
    let events = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
    let (id, handed_out, lost, body) = (row.get(0)?, row.get(2)?, row.get(3)?, row.get(4)?);
    Ok((Found { id, connection, handed_out, lost, body }, events))
}

fn hand_out(transaction: &Transaction<'_>, found: Vec<Found>, expires_at: i64) -> Result<Batch, QueueError> {
    if found.is_empty() {
        return Ok(Batch::empty());
    }
    let ticket = transaction.prepare_cached(statements::INSERT_TICKET)?.insert([expires_at])?;
    let mut mark = transaction.prepare_cached(statements::HAND_OUT)?;
    let mut batch = Batch::empty();
    for message in found {
        mark.execute((ticket, message.id))?;
        let (id, connection, redelivered) = (message.id, message.connection, message.handed_out > 0);
        batch.add(Taken { connection, items: 0, redelivered, ticket, id, numbers: None }, items(message));
    }
    Ok(batch)
}

fn items(message: Found) -> Vec<Item> {
    let items = pack::unpack(&message.body);
    if message.lost < LOST_LIMIT {
        return items;
    }
    items.into_iter().map(make_unreadable).collect()
}

/// Makes an item unreadable, because every taker of its message was lost.
fn make_unreadable(item: Item) -> Item {
    let why = format!("handed out {LOST_LIMIT} times without an answer");
    match item {
        Item::Readable(envelope) => match serde_json::to_vec(&envelope) {
            Ok(raw) => Item::Unreadable { raw, why },
            Err(_) => Item::Unreadable { raw: envelope.payload.get().as_bytes().to_vec(), why },
        },
        Item::Unreadable { raw, .. } => Item::Unreadable { raw, why },
    }
}
