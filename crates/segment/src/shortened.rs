//! The part that is stored of an event that is too long.

use std::borrow::Cow;

use crate::kind::TOO_LONG;
use crate::node::Node;
use crate::{Outline, ReadOptions, rough};

/// Maximum number of addresses that are kept.
const MAX_ADDRESSES: usize = 100;

/// An object with the message id and the identifiers of an event, and the first `bytes` of its text under `beginning`. An
/// [`Outline`] finds the identifiers; [`read`](crate::read) refuses it as [`Refusal::TooLong`](crate::Refusal::TooLong).
#[must_use]
pub fn shortened(json: &str, bytes: usize) -> String {
    let named = rough::event(json.as_bytes());
    let outline = named.map(|node| Outline::of_node(&node, &ReadOptions::default())).unwrap_or_default();
    let texts =
        [("messageId", outline.message_id), ("userId", outline.user), ("anonymousId", outline.anonymous)];
    let texts = texts.into_iter().filter_map(|(key, text)| Some((key, text?)));
    let addresses = outline.addresses.into_iter().take(MAX_ADDRESSES).map(|address| ("email", address));
    let beginning = json[..json.floor_char_boundary(bytes)].to_owned();
    let members = [("type", TOO_LONG.to_owned())].into_iter().chain(texts).chain(addresses);
    let members = members.chain([("beginning", beginning)]);
    let member = |(key, text)| (Cow::Borrowed(key), Node::Text(Cow::Owned(text)));
    let object = Node::Object(members.map(member).collect());
    String::from_utf8_lossy(&object.to_json()).into_owned()
}
