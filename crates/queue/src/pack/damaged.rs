//! Splits a body that is no longer a JSON array, because bytes in the middle of it were damaged.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::item;
use crate::{Envelope, Item, Lane};

/// The beginning of each envelope, as we write it.
const BEGIN: &[u8] = b"{\"format\":";

/// The whole envelopes, and the bytes between them as unreadable items. Nothing is left out, except the commas and brackets
/// around whole envelopes.
pub(super) fn unpack(body: &[u8], why: &str) -> Vec<Item> {
    let (mut items, mut read, mut at) = (Vec::new(), 0, 0);
    while let Some(begin) = find(body, at) {
        match envelope_at(&body[begin..]) {
            Some((found, length)) => {
                items.extend(unreadable(&body[read..begin], why));
                items.push(found);
                at = begin + length;
                read = at;
            }
            // The damage is in this envelope; the next one begins after it.
            None => at = begin + BEGIN.len(),
        }
    }
    items.extend(unreadable(&body[read..], why));
    if items.is_empty() {
        items.push(Item::Unreadable { raw: body.to_vec(), why: why.to_owned() });
    }
    items
}

/// Lane and format of an envelope that is otherwise not read, for example because it is of a newer version.
pub(super) fn head(json: &[u8]) -> Option<(Lane, u16)> {
    #[derive(Deserialize)]
    struct Head {
        lane: Lane,
        format: u16,
    }
    serde_json::from_slice::<Head>(json).ok().map(|head| (head.lane, head.format))
}

fn find(body: &[u8], from: usize) -> Option<usize> {
    let rest = body.get(from..)?;
    rest.windows(BEGIN.len()).position(|window| window == BEGIN).map(|place| from + place)
}

/// The whole envelope that begins here, and its length.
fn envelope_at(bytes: &[u8]) -> Option<(Item, usize)> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
    let json = values.next()?.ok()?.get();
    let found = serde_json::from_str::<Envelope>(json).is_ok() || head(json.as_bytes()).is_some();
    found.then(|| (item(json), json.len()))
}

fn unreadable(bytes: &[u8], why: &str) -> Option<Item> {
    let is_between = |byte: &u8| matches!(byte, b',' | b'[' | b']');
    let is_something = !bytes.iter().all(is_between);
    is_something.then(|| Item::Unreadable { raw: bytes.to_vec(), why: why.to_owned() })
}
