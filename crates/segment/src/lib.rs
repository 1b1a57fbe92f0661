//! What Segment sends, read once and tolerantly: bytes in, an [`Event`] or a [`Refusal`] out.
//!
//! The reader does no IO, looks at no clock and knows nothing of Refersion. It takes what Segment's own code would
//! take (any casing of names, odd shapes, times in many forms) and refuses only what can be no event for anybody:
//! a customer can rarely change what a source sends, and Segment throws a refused event away for good.
//! `docs/traits.md` tells users what the reader makes of each trait.

mod delete;
mod email;
mod event;
mod fields;
mod identify;
mod kind;
mod message;
mod node;
mod redact;
mod refusal;
mod surrogates;
mod text;
mod time;
mod traits;

pub use event::{
    AddressOrigin, Body, Delete, Event, Identify, Ignored, StatedAddress, Trait, Traits, WhyIgnored,
};
pub use fields::fold_key;
pub use redact::{REDACTED, without_key};
pub use refusal::Refusal;
pub use traits::is_custom;

use fields::Fields;
use jiff::Timestamp;
use kind::Kind;
use node::Node;

/// Reads one event: a JSON object as a direct destination gets it.
///
/// `received_at` is when the request came; reading the same bytes with the same `received_at` gives the same event,
/// on every machine and in every later version of this crate that keeps its envelopes. The caller limits the size.
///
/// # Errors
///
/// A [`Refusal`], with the status and the words for the customer; never a panic, whatever the bytes are.
pub fn read(json: &[u8], received_at: Timestamp) -> Result<Event, Refusal> {
    let read = read_once(json, received_at);
    if !matches!(read, Err(Refusal::NotJson(_))) {
        return read;
    }
    // Looked for only in what cannot be read: nearly no event has half a character.
    surrogates::mended(json).map_or(read, |json| read_once(&json, received_at))
}

fn read_once(json: &[u8], received_at: Timestamp) -> Result<Event, Refusal> {
    let node = Node::parse(json)?;
    if !matches!(node, Node::Object(_)) {
        return Err(Refusal::NotAnObject);
    }
    let top = Fields::of(Some(&node));
    let received_at = time::to_the_microsecond(received_at);
    let body = match kind::read(&top)? {
        Kind::Identify => Body::Identify(identify::read(&top, received_at)?),
        Kind::Delete => Body::Delete(delete::read(&top, received_at)?),
    };
    let message_id = message::id(&top);
    let message_key = message::key(message_id.as_deref(), &node);
    let bulk = matches!(&body, Body::Identify(identify) if identify.engage);
    Ok(Event { message_key, message_id, bulk, body })
}
