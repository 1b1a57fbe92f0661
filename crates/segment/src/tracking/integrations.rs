//! Whether an event is for this destination: the rule that Segment applies before it delivers.

use serde_json::value::RawValue;

use super::merged::Merged;
use crate::identify::DESTINATION;

/// Whether `integrations` lets the event through. Under the exact name, a boolean decides, and anything else enables the
/// destination: an object contains options. Without the name, a boolean under `All`, in any casing, decides; else the
/// destination is enabled.
///
/// Source: Segment's own code, `enabled` in `segmentio/facade` (`lib/facade.js`).
pub(super) fn let_through(integrations: &Merged<'_>) -> bool {
    let all = integrations.find(|key| key.eq_ignore_ascii_case("all")).and_then(boolean);
    match integrations.find(|key| key == DESTINATION) {
        Some(named) => boolean(named).unwrap_or(true),
        None => all.unwrap_or(true),
    }
}

fn boolean(value: &RawValue) -> Option<bool> {
    match value.get() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
