//! Hands out messages: which, to whom, until when.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::{ALONE_AFTER, LOST_LIMIT, admin, statements};
use crate::{Batch, FORMAT, Item, Lane, QueueError, Receipt, pack};

/// Every so many takes begin with bulk.
const TURN_OF_BULK: u32 = 10;

/// Bytes of one batch, at most, unless its first message is larger.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Whether the take of this number begins with bulk.
pub(super) fn is_turn_of_bulk(number: u32) -> bool {
    number % TURN_OF_BULK == TURN_OF_BULK - 1
}

/// What a taker asks for.
pub(super) struct Request {
    pub(super) max: usize,
    pub(super) bulk_first: bool,
    pub(super) now: Timestamp,
    pub(super) held_at_most: Duration,
}

/// Takes what there is. Without anything to take, nothing is written.
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
        tracing::warn!(messages = returned, "messages came back from a taker that did not answer in time");
    }
    Ok(())
}

/// Takes messages apart that takers did not survive, so that the envelope at fault dies alone.
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
    handed_out: i64,
    lost: i64,
    body: Vec<u8>,
}

/// Finds messages until there are `max` events or [`BATCH_BYTES`]. One that takers did not survive comes alone.
fn find(transaction: &Transaction<'_>, request: &Request) -> Result<Vec<Found>, QueueError> {
    let lanes = if request.bulk_first { [Lane::Bulk, Lane::Live] } else { [Lane::Live, Lane::Bulk] };
    let (mut found, mut room, mut bytes) = (Vec::new(), request.max.max(1), BATCH_BYTES);
    let mut statement = transaction.prepare_cached(statements::WAITING)?;
    for lane in lanes {
        let mut rows = statement.query((admin::number(lane), FORMAT))?;
        while room > 0
            && let Some(row) = rows.next()?
        {
            let (message, events) = read(row)?;
            if message.lost >= ALONE_AFTER && found.is_empty() {
                return Ok(vec![message]);
            }
            if message.lost >= ALONE_AFTER || (message.body.len() > bytes && !found.is_empty()) {
                return Ok(found);
            }
            room = room.saturating_sub(events);
            bytes = bytes.saturating_sub(message.body.len());
            found.push(message);
        }
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<(Found, usize), rusqlite::Error> {
    let events = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
    let message = Found { id: row.get(0)?, handed_out: row.get(2)?, lost: row.get(3)?, body: row.get(4)? };
    Ok((message, events))
}

fn hand_out(transaction: &Transaction<'_>, found: Vec<Found>, expires_at: i64) -> Result<Batch, QueueError> {
    if found.is_empty() {
        return Ok(Batch::empty());
    }
    let ticket = transaction.prepare_cached(statements::INSERT_TICKET)?.insert([expires_at])?;
    let mut mark = transaction.prepare_cached(statements::HAND_OUT)?;
    for message in &found {
        mark.execute((ticket, message.id))?;
    }
    Ok(Batch {
        redelivered: found.iter().any(|message| message.handed_out > 0),
        receipt: Receipt { ticket, messages: found.len() },
        items: found.into_iter().flat_map(items).collect(),
    })
}

fn items(message: Found) -> Vec<Item> {
    let items = pack::unpack(&message.body);
    if message.lost < LOST_LIMIT {
        return items;
    }
    items.into_iter().map(condemn).collect()
}

/// Makes an item unreadable that came in a message which nobody survives.
fn condemn(item: Item) -> Item {
    let why = format!("handed out {LOST_LIMIT} times without an answer");
    match item {
        Item::Readable(envelope) => match serde_json::to_vec(&envelope) {
            Ok(raw) => Item::Unreadable { raw, why },
            Err(_) => Item::Unreadable { raw: envelope.payload.get().as_bytes().to_vec(), why },
        },
        Item::Unreadable { raw, .. } => Item::Unreadable { raw, why },
    }
}
