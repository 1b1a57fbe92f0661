//! A tolerant reader of Segment events: converts bytes to an [`Event`] or a [`Refusal`].
//!
//! The reader performs no IO and reads no clock. It knows nothing about Refersion, connections or earlier events. It
//! accepts all events that Segment's own code accepts (any casing of names, unusual shapes, times in many formats) and
//! refuses only bytes that cannot be an event: a customer can rarely change the events of a source, and Segment discards a
//! refused event for good. `docs/traits.md` describes for users how each trait is read.

pub mod array;
mod audience;
mod blocked;
mod check;
mod delete;
mod email;
mod event;
mod fields;
mod identifiers;
mod identify;
mod items;
mod kind;
mod message;
mod node;
mod numbers;
mod options;
mod outline;
mod redact;
mod refusal;
mod rough;
mod shortened;
mod surrogates;
mod text;
mod time;
pub mod tracking;
mod traits;
mod unfold;

pub use blocked::{Blocked, is_same_identifier};
pub use check::Checked;
pub use event::{
    AddressOrigin, Audience, BlockedIdentifier, Body, Delete, Event, Identify, Ignored, IgnoredReason,
    StatedAddress, Trait, Traits,
};
pub use fields::fold_key;
pub use options::{Mapping, ReadOptions, standard_field, standard_fields};
pub use outline::Outline;
pub use redact::{REDACTED, text_without_key, without_key};
pub use refusal::Refusal;
pub use shortened::shortened;
pub use traits::is_custom;

use fields::Fields;
use jiff::Timestamp;
use kind::Kind;
use node::Node;

/// Reads one event: a JSON object as a direct destination receives it.
///
/// `received_at` is the time of the request. The same bytes with the same `received_at` give the same event, on every
/// machine and in every version of this crate that reads the same envelopes. The caller limits the size.
///
/// # Errors
///
/// A [`Refusal`] with the HTTP status and the message for the customer. Never panics, for any bytes.
pub fn read(json: &[u8], received_at: Timestamp) -> Result<Event, Refusal> {
    read_with(json, received_at, &ReadOptions::default())
}

/// Reads one event with the options of its connection. An event of which every identifier is blocked is not refused: it has
/// no identifier, and names the blocked ones.
///
/// # Errors
///
/// As [`read`].
pub fn read_with(json: &[u8], received_at: Timestamp, options: &ReadOptions) -> Result<Event, Refusal> {
    let received_at = time::to_the_microsecond(received_at);
    with_members(json, |node, written, top| {
        let message_id = message::id(written);
        let message_key = message::key(message_id.as_deref(), node);
        let body = match kind::read(top)? {
            Kind::Identify => Body::Identify(identify::read(top, received_at, options)?),
            Kind::Delete => Body::Delete(delete::read(top, received_at, options)?),
        };
        let bulk = matches!(&body, Body::Identify(identify) if identify.engage);
        Ok(Event { message_key, message_id, bulk, body })
    })
}

/// Determines the type of an event, and whether [`read`] can read it, for a fraction of its work.
///
/// # Errors
///
/// As [`read`].
pub fn check(json: &[u8], received_at: Timestamp) -> Result<Checked, Refusal> {
    let received_at = time::to_the_microsecond(received_at);
    with_members(json, |_, written, top| check::check(written, top, received_at))
}

/// Parses an event, and looks at it: as a whole, and at its members before and after texts were [unfolded](unfold).
fn with_members<T>(
    json: &[u8],
    look: impl Fn(&Node<'_>, &Fields<'_>, &Fields<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let look_at = |json: &[u8]| {
        let node = Node::parse(json)?;
        if !matches!(node, Node::Object(_)) {
            return Err(Refusal::NotAnObject);
        }
        let written = Fields::of(Some(&node));
        match unfold::parsed(&node) {
            Some(unfolded) => look(&node, &written, &Fields::of(Some(&unfolded))),
            None => look(&node, &written, &written),
        }
    };
    let json = numbers::wrapped(json);
    let seen = look_at(&json);
    if !matches!(seen, Err(Refusal::NotJson(_))) {
        return seen;
    }
    // Only tried if the event cannot be read, because unpaired surrogates are very rare.
    surrogates::replaced(&json).map_or(seen, |json| look_at(&json))
}
