//! Reads one accepted event, as far as identity resolution and the fields of an affiliate need it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::Accepted;
use crate::json::Node;
use crate::time::{time_of, to_microsecond};
use crate::traits::{Traits, stated};

/// Maximum length of a message id in characters; longer ones are hashed.
const MAX_MESSAGE_ID_CHARS: usize = 100;
/// Maximum length of an address in bytes. Source: RFC 5321, 4.5.3.1.3, without the angle brackets.
const MAX_ADDRESS_BYTES: usize = 254;

/// An identifier of a person; the strongest kind is first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Identifier {
    User(String),
    Address(String),
    Anonymous(String),
}

/// The origin of the address of an identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Ordinary,
    Engage,
    Shape,
}

/// The order of statements: time, then message key.
pub(crate) type Stamp = (Timestamp, String);

/// The stamp as it counts once a tombstone may lie on it: of what is covered the message is forgotten.
pub(crate) fn counted(stamp: &Stamp, tombstone: Option<Timestamp>) -> Stamp {
    let key = if Some(stamp.0) > tombstone { stamp.1.clone() } else { String::new() };
    (stamp.0, key)
}

pub(crate) struct Identify {
    pub(crate) strongest: Identifier,
    pub(crate) user: Option<String>,
    pub(crate) address: Option<(String, Class)>,
    pub(crate) anonymous: Option<String>,
    pub(crate) stamp: Stamp,
    pub(crate) traits: Traits,
}

pub(crate) struct Delete {
    pub(crate) time: Timestamp,
    pub(crate) names: BTreeSet<Identifier>,
}

pub(crate) enum Reading {
    Identify(Identify),
    Delete(Delete),
    /// An identify with `"integrations": {"Refersion": false}`.
    Skipped,
    /// An event that should not have been accepted.
    Unreadable,
}

pub(crate) fn read(event: &Accepted<'_>) -> Reading {
    let Ok(node) = serde_json::from_slice::<Node>(event.json) else { return Reading::Unreadable };
    match kind(&node).as_deref() {
        Some("identify") if is_switched_off(&node) => Reading::Skipped,
        Some("identify") => identify(event, &node).map_or(Reading::Unreadable, Reading::Identify),
        Some("delete") => delete(event, &node).map_or(Reading::Unreadable, Reading::Delete),
        _ => Reading::Unreadable,
    }
}

fn kind(node: &Node) -> Option<String> {
    let kind = node.at("type").non_empty_text().or_else(|| node.at("action").non_empty_text())?;
    Some(kind.to_lowercase())
}

fn is_switched_off(node: &Node) -> bool {
    let ours = node.at("integrations").members().iter().find(|(key, _)| key == "Refersion");
    ours.is_some_and(|(_, value)| *value == Node::Bool(false))
}

fn identify(event: &Accepted<'_>, node: &Node) -> Option<Identify> {
    let (user, anonymous) = (id(node.at("userid")), id(node.at("anonymousid")));
    let engage = matches!(node.at("context").at("personas"), Node::Object(_));
    let class = if engage { Class::Engage } else { Class::Ordinary };
    let from_user_id = user.as_deref().and_then(address_of).map(|address| (address, Class::Shape));
    let address = stated_addresses(node).into_iter().next().map(|address| (address, class)).or(from_user_id);
    let strongest = match (&user, &address, &anonymous) {
        (Some(user), ..) => Identifier::User(user.clone()),
        (None, Some((address, _)), _) => Identifier::Address(address.clone()),
        (None, None, Some(anonymous)) => Identifier::Anonymous(anonymous.clone()),
        (None, None, None) => return None,
    };
    let stamp = (identify_time(event, node), message_key(event, node));
    Some(Identify { strongest, user, address, anonymous, stamp, traits: stated(node.at("traits")) })
}

/// The time of an identify: never later than its receipt by Segment or by the ingest endpoint, whatever the sender's
/// clock says.
fn identify_time(event: &Accepted<'_>, node: &Node) -> Timestamp {
    let keys = ["timestamp", "originaltimestamp", "sentat", "receivedat"];
    let received_at = to_microsecond(event.received_at);
    let stated = keys.iter().find_map(|key| time_of(node.at(key))).unwrap_or(received_at);
    let at_segment = time_of(node.at("receivedat")).unwrap_or(received_at);
    stated.min(received_at).min(at_segment)
}

fn delete(event: &Accepted<'_>, node: &Node) -> Option<Delete> {
    let user = id(node.at("userid"));
    let mut names = BTreeSet::new();
    names.extend(stated_addresses(node).into_iter().map(Identifier::Address));
    names.extend(user.as_deref().and_then(address_of).map(Identifier::Address));
    names.extend(user.map(Identifier::User));
    names.extend(id(node.at("anonymousid")).map(Identifier::Anonymous));
    (!names.is_empty()).then(|| Delete { time: to_microsecond(event.received_at), names })
}

/// Every address that the event states, in order of precedence.
fn stated_addresses(node: &Node) -> Vec<String> {
    let candidates = [
        node.at("traits").at("email"),
        node.at("context").at("traits").at("email"),
        node.at("properties").at("email"),
        node.at("email"),
    ];
    candidates.into_iter().filter_map(|node| node.non_empty_text().and_then(address_of)).collect()
}

/// The text as an address, trimmed and in lower case, if it matches `.+@.+\..+` without white space.
pub(crate) fn address_of(text: &str) -> Option<String> {
    let address = text.trim().to_lowercase();
    let has_white_space = address.chars().any(|c| c.is_whitespace() || c.is_control());
    // Each of the three parts needs at least one character, so the search for each sign skips one.
    let after_first = |text: &str| text.char_indices().nth(1).map(|(at, _)| at);
    let domain = after_first(&address).and_then(|at| address[at..].split_once('@')).map(|(_, domain)| domain);
    let suffix =
        domain.and_then(|domain| domain[after_first(domain)?..].split_once('.')).map(|(_, suffix)| suffix);
    let has_shape = suffix.is_some_and(|suffix| !suffix.is_empty());
    (has_shape && !has_white_space && address.len() <= MAX_ADDRESS_BYTES).then_some(address)
}

fn id(node: &Node) -> Option<String> {
    match node {
        Node::Bool(flag) => Some(flag.to_string()),
        Node::Number(text) => Some(text.clone()),
        other => other.non_empty_text().map(String::from),
    }
}

fn message_key(event: &Accepted<'_>, node: &Node) -> String {
    let message_id = match node.at("messageid") {
        Node::Number(text) => Some(text.clone()),
        other => other.non_empty_text().map(String::from),
    };
    match message_id {
        Some(id) if id.chars().count() <= MAX_MESSAGE_ID_CHARS => id,
        Some(id) => hash(&id),
        // Objects of serde_json are sorted by key, which gives the canonical form.
        None => {
            hash(&serde_json::from_slice::<serde_json::Value>(event.json).unwrap_or_default().to_string())
        }
    }
}

fn hash(text: &str) -> String {
    let digits: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_text_before_between_and_after_its_signs() {
        for text in ["a@b.c", " A@B.C ", "a+tag@b.co.uk", "a@b@c.d", "@a@b.c", "é@ö.ü"] {
            assert!(address_of(text).is_some(), "{text}");
        }
        for text in ["", "a", "@b.c", "a@.c", "a@b.", "a@b", "a b@c.d", "a@b.c\u{7}d"] {
            assert!(address_of(text).is_none(), "{text}");
        }
        assert_eq!(address_of(" A@B.C ").as_deref(), Some("a@b.c"));
        assert!(address_of(&format!("{}@b.c", "a".repeat(250))).is_some());
        assert!(address_of(&format!("{}@b.c", "a".repeat(251))).is_none());
    }

    #[test]
    fn an_event_without_message_id_is_identified_by_its_content_in_any_key_order() {
        let key = |json: &str| {
            let event = Accepted { received_at: Timestamp::UNIX_EPOCH, json: json.as_bytes() };
            message_key(&event, &serde_json::from_str(json).unwrap())
        };
        let expected = hash(r#"{"type":"identify","userId":"U"}"#);
        assert_eq!(key(r#"{"userId": "U", "type": "identify"}"#), expected);
        assert_eq!(key(r#"{"messageId": 17}"#), "17");
        assert!(key(&format!(r#"{{"messageId": "{}"}}"#, "m".repeat(101))).starts_with("sha256:"));
    }
}
