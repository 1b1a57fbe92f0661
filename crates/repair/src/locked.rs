//! The fields of an event that no repair changes: its sender, its ids, its times and its type.
//!
//! With these fields unchanged, the repaired event keeps its place in time and replaces its own former version. The type is locked because
//! a delete that anybody could have sent must not become one that is applied (`segment::tracking`).

use segment::fold_key;

use crate::tree::{Member, Tree};

/// The locked fields: the folded key by which `segment` reads each, and its name in Segment's spec.
const LOCKED: [(&str, &str); 12] = [
    ("action", "action"),
    ("anonymousid", "anonymousId"),
    ("messageid", "messageId"),
    ("originaltimestamp", "originalTimestamp"),
    ("previousid", "previousId"),
    ("projectid", "projectId"),
    ("receivedat", "receivedAt"),
    ("sentat", "sentAt"),
    ("timestamp", "timestamp"),
    ("type", "type"),
    ("userid", "userId"),
    ("writekey", "writeKey"),
];

/// The key of the message's id.
pub(crate) const MESSAGE_ID: &str = "messageId";

/// The first locked field that differs, by its name in Segment's spec. A field that is added or removed differs, and so does one with
/// another spelling: if there are several spellings, the one that counts depends on all of them.
pub(crate) fn changed(before: &[Member], after: &[Member]) -> Option<&'static str> {
    LOCKED.into_iter().find(|(folded, _)| !is_same(folded, before, after)).map(|(_, name)| name)
}

fn is_same(folded: &str, before: &[Member], after: &[Member]) -> bool {
    let of = |members: &'_ [Member]| -> Vec<(String, Tree)> {
        let found = members.iter().filter(|member| fold_key(&member.key) == folded);
        found.map(|member| (member.key.clone(), member.value.clone())).collect()
    };
    let (before, after) = (of(before), of(after));
    let pairs = before.iter().zip(&after);
    before.len() == after.len()
        && pairs
            .into_iter()
            .all(|((key, value), (other_key, other))| key == other_key && is_exact(value, other))
}

/// Whether it is the same value, numbers digit by digit.
fn is_exact(one: &Tree, other: &Tree) -> bool {
    match (one.as_text(), other.as_text()) {
        (Some(one), Some(other)) => one == other,
        _ => one.to_string() == other.to_string(),
    }
}
