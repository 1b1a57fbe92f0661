//! The type of an event.

use crate::Refusal;
use crate::fields::Fields;
use crate::node::Node;

/// Segment's types that the destination does not accept. Source: Segment's spec, "Common fields".
const OTHER_TYPES: [&str; 5] = ["track", "page", "screen", "group", "alias"];

/// The types that the destination accepts.
pub(crate) enum Kind {
    Identify,
    Delete,
}

/// Reads `type`, or `action`, its name in old examples of Segment.
pub(crate) fn read(top: &Fields<'_>) -> Result<Kind, Refusal> {
    let kind =
        ["type", "action"].into_iter().find_map(|key| top.all(key).find_map(word)).ok_or(Refusal::NoType)?;
    match kind.as_str() {
        "identify" => Ok(Kind::Identify),
        "delete" => Ok(Kind::Delete),
        // An unknown type is not repeated: it may contain anything and would reach logs and metrics.
        other => Err(Refusal::UnsupportedType(
            OTHER_TYPES.into_iter().find(|known| *known == other).unwrap_or("other"),
        )),
    }
}

fn word(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) if !text.trim().is_empty() => Some(text.trim().to_lowercase()),
        _ => None,
    }
}
