//! The type of an event.

use crate::Refusal;
use crate::fields::Fields;
use crate::node::Node;

/// Segment's types that the destination does not accept. Source: Segment's spec, "Common fields".
const OTHER_TYPES: [&str; 5] = ["track", "page", "screen", "group", "alias"];

/// The type of a delete.
pub(crate) const DELETE: &str = "delete";

/// The type that a delete from an untrusted source gets: it is kept, and not applied.
pub(crate) const UNTRUSTED_DELETE: &str = "untrusted delete";

/// The type of the stored part of an event that was too long.
pub(crate) const TOO_LONG: &str = "too long";

/// The types that the destination accepts.
pub(crate) enum Kind {
    Identify,
    Delete,
}

/// Reads `type`, or `action`, its name in old examples of Segment.
pub(crate) fn read(top: &Fields<'_>) -> Result<Kind, Refusal> {
    let kind = ["type", "action"]
        .into_iter()
        .find_map(|key| top.all(key).find_map(stated))
        .ok_or(Refusal::NoType)?;
    match kind.as_str() {
        "identify" => Ok(Kind::Identify),
        DELETE => Ok(Kind::Delete),
        UNTRUSTED_DELETE => Err(Refusal::UntrustedDelete),
        TOO_LONG => Err(Refusal::TooLong),
        // An unknown type is not repeated: it may contain anything and would reach logs and metrics.
        other => Err(Refusal::UnsupportedType(
            OTHER_TYPES.into_iter().find(|known| *known == other).unwrap_or("other"),
        )),
    }
}

fn stated(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) => word(text),
        _ => None,
    }
}

/// The type that a text states.
pub(crate) fn word(text: &str) -> Option<String> {
    Some(text.trim().to_lowercase()).filter(|word| !word.is_empty())
}
