//! All operations of the engine on its file except taking.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::{Rescue, statements};
use crate::batch::Taken;
use crate::pack::{self, Message};
use crate::{Depth, FORMAT, Item, Lane, Look, PublishError, QueueError};

/// The number of a lane in the file.
pub(super) fn number(lane: Lane) -> i64 {
    match lane {
        Lane::Live => 0,
        Lane::Bulk => 1,
    }
}

/// Adds the messages, unless the file would hold more than `max_bytes`.
pub(super) fn publish(
    transaction: &Transaction<'_>,
    messages: &[Message],
    max_bytes: u64,
) -> Result<(), PublishError> {
    let stored: i64 =
        transaction.prepare_cached(statements::STORED_BYTES)?.query_row([], |row| row.get(0))?;
    let added: i64 = messages.iter().map(bytes).sum();
    if stored.saturating_add(added) > i64::try_from(max_bytes).unwrap_or(i64::MAX) {
        return Err(PublishError::Full);
    }
    for message in messages {
        insert(transaction, message)?;
    }
    Ok(())
}

/// Adds one message.
pub(super) fn insert(transaction: &Transaction<'_>, message: &Message) -> Result<(), rusqlite::Error> {
    let events = i64::try_from(message.events).unwrap_or(i64::MAX);
    let values = (number(message.lane), message.connection, message.format, events, bytes(message));
    let id = transaction.prepare_cached(statements::INSERT_MESSAGE)?.insert(values)?;
    transaction.prepare_cached(statements::INSERT_BODY)?.execute((id, &message.body))?;
    Ok(())
}

/// Damaged files from which events were rescued, oldest first.
pub(super) fn rescues(connection: &Connection) -> Result<Vec<Rescue>, QueueError> {
    let mut statement = connection.prepare_cached(statements::RESCUES)?;
    let rows = statement.query_map([], |row| {
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        Ok(Rescue {
            at: Timestamp::from_microsecond(row.get(0)?).unwrap_or_default(),
            file: row.get(1)?,
            rescued: count(row.get(2)?),
            unreadable: count(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn bytes(message: &Message) -> i64 {
    i64::try_from(message.body.len()).unwrap_or(i64::MAX)
}

/// Removes messages that their tickets still hold, and returns their number.
pub(super) fn acknowledge(transaction: &Transaction<'_>, messages: &[Taken]) -> Result<usize, QueueError> {
    answer(transaction, statements::ACKNOWLEDGE, messages)
}

/// Gives back messages that their tickets still hold, and returns their number.
pub(super) fn release(transaction: &Transaction<'_>, messages: &[Taken]) -> Result<usize, QueueError> {
    answer(transaction, statements::RELEASE, messages)
}

fn answer(transaction: &Transaction<'_>, statement: &str, messages: &[Taken]) -> Result<usize, QueueError> {
    let mut answer = transaction.prepare_cached(statement)?;
    let mut answered = 0;
    for message in messages {
        answered += answer.execute((message.ticket, message.id))?;
    }
    let tickets: BTreeSet<i64> = messages.iter().map(|message| message.ticket).collect();
    for ticket in tickets {
        transaction.prepare_cached(statements::DELETE_TICKET)?.execute([ticket])?;
    }
    Ok(answered)
}

/// Gives back all messages that tickets hold.
pub(super) fn reclaim(transaction: &Transaction<'_>) -> Result<usize, QueueError> {
    let messages = transaction.prepare_cached(statements::RECLAIM)?.execute([])?;
    transaction.prepare_cached(statements::DELETE_ALL_TICKETS)?.execute([])?;
    Ok(messages)
}

pub(super) fn depth(connection: &Connection) -> Result<Depth, QueueError> {
    let mut statement = connection.prepare_cached(statements::DEPTH)?;
    let events = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let lane = |lane| {
        let place = usize::try_from(number(lane)).unwrap_or(0);
        events.get(place).and_then(|events| u64::try_from(*events).ok()).unwrap_or(0)
    };
    Ok(Depth { live: lane(Lane::Live), bulk: lane(Lane::Bulk) })
}

/// When the oldest event was accepted. A replayed event keeps its time of acceptance, and does not count.
pub(super) fn oldest(connection: &Connection) -> Result<Option<Timestamp>, QueueError> {
    let mut statement = connection.prepare_cached(statements::OLDEST)?;
    let mut rows = statement.query([FORMAT])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let body: Vec<u8> = row.get(0)?;
    let accepted = pack::unpack(&body).into_iter().filter_map(|item| match item {
        Item::Readable(envelope) if !envelope.replay => Some(envelope.received_at),
        _ => None,
    });
    Ok(accepted.min())
}

pub(super) fn stored_bytes(connection: &Connection) -> Result<u64, QueueError> {
    let bytes: i64 = connection.prepare_cached(statements::STORED_BYTES)?.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

pub(super) fn prove_writing(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), QueueError> {
    transaction.prepare_cached(statements::PROVE_WRITING)?.execute([now.as_microsecond()])?;
    Ok(())
}

pub(super) fn look(connection: &Connection, limit: usize) -> Result<Look, QueueError> {
    let newer: bool =
        connection.prepare_cached(statements::ANY_NEWER)?.query_row([FORMAT], |row| row.get(0))?;
    let mut look = Look { envelopes: Vec::new(), complete: !newer };
    let mut statement = connection.prepare_cached(statements::LOOK)?;
    let mut rows = statement.query([FORMAT])?;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(0)?;
        for item in pack::unpack(&body) {
            if look.envelopes.len() == limit {
                look.complete = false;
                return Ok(look);
            }
            match item {
                Item::Readable(envelope) => look.envelopes.push(envelope),
                Item::Unreadable { .. } => look.complete = false,
            }
        }
    }
    Ok(look)
}
