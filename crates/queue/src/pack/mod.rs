//! Packs envelopes into messages, and unpacks them. Many envelopes in one message make a queue fast: the work of a broker
//! or a disk is done once for each message.
//!
//! A message body is a JSON array of envelopes. Each is read by itself, so a bad one does not affect the others.

mod damaged;

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{Envelope, FORMAT, Item, Lane, PublishError};

/// Maximum number of envelopes in one message.
pub const MESSAGE_ENVELOPES: usize = 256;

/// Maximum bytes of one message, unless a single envelope is larger.
pub const MESSAGE_BYTES: usize = 256 * 1024;

/// Maximum bytes of one envelope. RabbitMQ 4 accepts 16 MiB by default; no event that the ingest endpoint accepts comes
/// near this limit.
pub const ENVELOPE_BYTES: usize = 2 * 1024 * 1024;

/// A message, as an engine stores it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The lane of all its envelopes.
    pub lane: Lane,
    /// The connection of all its envelopes: connections take turns, so two of them never share a message.
    pub connection: i64,
    /// How many envelopes there are in it.
    pub events: usize,
    /// The newest format among them: a reader that does not know it leaves the message in the queue.
    pub format: u16,
    /// A JSON array.
    pub body: Vec<u8>,
}

/// Packs envelopes in their order, separately for each lane and each connection.
///
/// # Errors
/// [`PublishError::TooLarge`] for an envelope above [`ENVELOPE_BYTES`]; [`PublishError::Unavailable`] for one that cannot
/// be written as JSON, which does not happen with our own envelopes.
pub fn pack(envelopes: &[Envelope]) -> Result<Vec<Message>, PublishError> {
    let mut messages = Vec::new();
    let mut open: BTreeMap<(Lane, i64), Message> = BTreeMap::new();
    for envelope in envelopes {
        let json = serde_json::to_vec(envelope).map_err(PublishError::unavailable)?;
        check_size(json.len())?;
        let key = (envelope.lane, envelope.connection);
        if open.get(&key).is_some_and(|message| !has_room(message, json.len())) {
            messages.extend(open.remove(&key).map(close));
        }
        add(open.entry(key).or_insert_with(|| Message::of(key)), envelope, &json);
    }
    messages.extend(open.into_values().map(close));
    messages.sort_by_key(|message| message.lane);
    Ok(messages)
}

impl Message {
    fn of((lane, connection): (Lane, i64)) -> Self {
        Self { lane, connection, events: 0, format: 0, body: Vec::new() }
    }
}

/// Whether the queue accepts an envelope of `bytes` bytes.
///
/// # Errors
/// [`PublishError::TooLarge`] above [`ENVELOPE_BYTES`].
pub fn check_size(bytes: usize) -> Result<(), PublishError> {
    if bytes > ENVELOPE_BYTES {
        return Err(PublishError::TooLarge { bytes, limit: ENVELOPE_BYTES });
    }
    Ok(())
}

fn has_room(message: &Message, bytes: usize) -> bool {
    message.events < MESSAGE_ENVELOPES && message.body.len() + bytes + ",]".len() <= MESSAGE_BYTES
}

fn add(message: &mut Message, envelope: &Envelope, json: &[u8]) {
    message.body.push(if message.events == 0 { b'[' } else { b',' });
    message.body.extend_from_slice(json);
    message.events += 1;
    message.format = message.format.max(envelope.format);
}

fn close(mut message: Message) -> Message {
    message.body.push(b']');
    message
}

/// Takes the envelopes out of a message body. Other parts become unreadable items; nothing is left out.
#[must_use]
pub fn unpack(body: &[u8]) -> Vec<Item> {
    match serde_json::from_slice::<Vec<&RawValue>>(body) {
        Ok(parts) => parts.into_iter().map(|part| item(part.get())).collect(),
        Err(error) => damaged::unpack(body, &reason(&error)),
    }
}

/// Makes a message of a body that was found without its message. Lane and connection are those of its first envelope; an
/// unreadable one counts as connection 0.
#[must_use]
pub fn describe(body: Vec<u8>) -> Message {
    let items = unpack(&body);
    let readable = items.iter().filter_map(|item| match item {
        Item::Readable(envelope) => Some((envelope.lane, envelope.format, envelope.connection)),
        Item::Unreadable { raw, .. } => damaged::head(raw).map(|(lane, format)| (lane, format, 0)),
    });
    let heads: Vec<(Lane, u16, i64)> = readable.collect();
    let (lane, connection) =
        heads.first().map_or((Lane::Live, 0), |(lane, _, connection)| (*lane, *connection));
    let format = heads.iter().map(|(_, format, _)| *format).max().unwrap_or(FORMAT);
    Message { lane, connection, events: items.len(), format, body }
}

/// Splits a message body into bodies with one envelope each; a body that is no JSON array stays whole.
#[must_use]
pub fn split(body: &[u8]) -> Vec<Vec<u8>> {
    match serde_json::from_slice::<Vec<&RawValue>>(body) {
        Ok(parts) => parts.into_iter().map(|part| format!("[{}]", part.get()).into_bytes()).collect(),
        Err(_) => vec![body.to_vec()],
    }
}

/// Splits a message body into the JSON of each envelope; a body that is no JSON array stays whole.
#[must_use]
pub fn split_open(body: &[u8]) -> Vec<Vec<u8>> {
    match serde_json::from_slice::<Vec<&RawValue>>(body) {
        Ok(parts) => parts.into_iter().map(|part| part.get().as_bytes().to_vec()).collect(),
        Err(_) => vec![body.to_vec()],
    }
}

fn item(json: &str) -> Item {
    match serde_json::from_str::<Envelope>(json) {
        Ok(envelope) if envelope.format <= FORMAT => Item::Readable(envelope),
        Ok(envelope) => Item::Unreadable {
            raw: json.as_bytes().to_vec(),
            why: format!("its format {} is newer than its message says", envelope.format),
        },
        Err(error) => Item::Unreadable { raw: json.as_bytes().to_vec(), why: reason(&error) },
    }
}

/// The position at which reading failed, without the text there, which may be personal data.
fn reason(error: &serde_json::Error) -> String {
    format!(
        "not an envelope: {:?} error at line {} column {}",
        error.classify(),
        error.line(),
        error.column()
    )
}

#[cfg(test)]
mod tests;
