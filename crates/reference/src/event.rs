//! Reads one accepted event, as far as identity resolution and the fields of an affiliate need it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::json::Node;
use crate::junk::is_junk;
use crate::parse::parse;
use crate::sources::{sources, with_texts_parsed};
use crate::text::visible;
use crate::time::{time_of, to_microsecond};
use crate::traits::{self, Traits};
use crate::{Accepted, Settings};

/// Maximum length of a message id in characters; longer ones are hashed.
const MAX_MESSAGE_ID_CHARS: usize = 100;
/// Maximum length of an address in bytes. Source: RFC 5321, 4.5.3.1.3, without the angle brackets.
const MAX_ADDRESS_BYTES: usize = 254;

/// The beginning of the year 2000.
const FIRST_TIME: Timestamp = Timestamp::constant(946_684_800, 0);

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

/// The order of statements: time, then the receipt by Segment, then message key, then revision.
pub(crate) type Stamp = (Timestamp, Option<Timestamp>, String, u32);

/// The stamp that counts if a tombstone may cover it: the message of a covered statement is forgotten.
pub(crate) fn counted(stamp: &Stamp, tombstone: Option<Timestamp>) -> Stamp {
    let (key, revision) =
        if Some(stamp.0) > tombstone { (stamp.2.clone(), stamp.3) } else { (String::new(), 0) };
    (stamp.0, stamp.1, key, revision)
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
    /// An identify with `"integrations": {"Refersion": false}`, or an event all of whose identifiers name nobody.
    Skipped,
    /// An event that should not have been accepted.
    Unreadable,
}

pub(crate) fn read(event: &Accepted<'_>, settings: &Settings) -> Reading {
    let Some(node) = parse(event.json).map(with_texts_parsed) else { return Reading::Unreadable };
    match kind(&node).as_deref() {
        Some("identify") if is_switched_off(&node) => Reading::Skipped,
        Some("identify") => identify(event, &node, settings),
        Some("delete") => delete(event, &node, settings),
        _ => Reading::Unreadable,
    }
}

fn kind(node: &Node) -> Option<String> {
    let mut texts =
        ["type", "action"].into_iter().flat_map(|key| node.all(key)).filter_map(Node::non_empty_text);
    Some(texts.next()?.to_lowercase())
}

fn is_switched_off(node: &Node) -> bool {
    let integrations = node.all("integrations").into_iter().find(|node| node.is_object());
    let ours =
        integrations.and_then(|node| node.members().iter().find(|(key, _)| key.written == "Refersion"));
    ours.is_some_and(|(_, value)| *value == Node::Bool(false))
}

fn identify(event: &Accepted<'_>, node: &Node, settings: &Settings) -> Reading {
    let counts = |id: &String| !is_junk(id, &settings.blocked);
    let user = ids(node, "userid").into_iter().find(counts);
    let anonymous = ids(node, "anonymousid").into_iter().find(counts);
    let engage = node.all("context").into_iter().flat_map(|it| it.all("personas")).any(Node::is_object);
    let class = if engage { Class::Engage } else { Class::Ordinary };
    let from_user_id =
        user.as_deref().and_then(address_of).filter(counts).map(|address| (address, Class::Shape));
    let stated = stated_addresses(node, settings).into_iter().find(counts);
    let address = stated.map(|address| (address, class)).or(from_user_id);
    let strongest = match (&user, &address, &anonymous) {
        (Some(user), ..) => Identifier::User(user.clone()),
        (None, Some((address, _)), _) => Identifier::Address(address.clone()),
        (None, None, Some(anonymous)) => Identifier::Anonymous(anonymous.clone()),
        (None, None, None) => return without_identifier(node, settings),
    };
    let time = identify_time(event, node);
    let stamp = (time, stated_time(node, "receivedat"), message_key(event, node), event.revision);
    let traits = traits::stated(node, settings);
    Reading::Identify(Identify { strongest, user, address, anonymous, stamp, traits })
}

/// An event all of whose identifiers name nobody is accepted, and skipped.
fn without_identifier(node: &Node, settings: &Settings) -> Reading {
    let any = !ids(node, "userid").is_empty()
        || !ids(node, "anonymousid").is_empty()
        || !stated_addresses(node, settings).is_empty();
    if any { Reading::Skipped } else { Reading::Unreadable }
}

/// The time of an identify: never later than its receipt by Segment or by the ingest endpoint, whatever the sender's
/// clock says.
fn identify_time(event: &Accepted<'_>, node: &Node) -> Timestamp {
    let keys = ["timestamp", "originaltimestamp", "sentat", "receivedat"];
    let received_at = to_microsecond(event.received_at);
    let stated = keys.iter().find_map(|key| stated_time(node, key)).unwrap_or(received_at);
    let at_segment = stated_time(node, "receivedat").unwrap_or(received_at);
    stated.min(received_at).min(at_segment)
}

/// The first time in a field that is not before the year 2000: an earlier one is that of a clock that was never set.
fn stated_time(node: &Node, key: &str) -> Option<Timestamp> {
    node.all(key).into_iter().filter_map(time_of).find(|time| *time >= FIRST_TIME)
}

fn delete(event: &Accepted<'_>, node: &Node, settings: &Settings) -> Reading {
    let counts = |id: &String| !is_junk(id, &settings.blocked);
    let user = ids(node, "userid").into_iter().find(counts);
    let addresses = stated_addresses(node, &Settings::default()).into_iter();
    let addresses = addresses.chain(user.as_deref().and_then(address_of)).filter(counts);
    let mut names: BTreeSet<Identifier> = addresses.map(Identifier::Address).collect();
    names.extend(user.map(Identifier::User));
    names.extend(ids(node, "anonymousid").into_iter().find(counts).map(Identifier::Anonymous));
    if names.is_empty() {
        return without_identifier(node, &Settings::default());
    }
    Reading::Delete(Delete { time: to_microsecond(event.received_at), names })
}

/// All addresses that the event states, in order of precedence; that of a mapped trait first.
fn stated_addresses(node: &Node, settings: &Settings) -> Vec<String> {
    let mapped = settings.mapping.get("email").into_iter();
    let mapped =
        mapped.flat_map(|path| sources(node).into_iter().flat_map(move |source| source.follow(path)));
    let inside =
        [vec!["traits"], vec!["traits", "traits"], vec!["context", "traits"], vec!["properties"], vec![]];
    let usual = inside.into_iter().flat_map(|path| {
        let holders = path
            .into_iter()
            .fold(vec![node], |nodes, key| nodes.into_iter().flat_map(|it| it.all(key)).collect());
        holders.into_iter().flat_map(|holder| holder.all("email")).collect::<Vec<_>>()
    });
    mapped.chain(usual).filter_map(|node| node.non_empty_text().and_then(address_of)).collect()
}

/// The text as an address in lower case, if it matches `.+@.+\..+` without white space. Texts around addresses and
/// invisible characters are removed.
pub(crate) fn address_of(text: &str) -> Option<String> {
    let lower = visible(text).to_lowercase();
    let bare = match (lower.strip_suffix('>'), lower.rfind('<')) {
        (Some(head), Some(at)) => head[at + 1..].trim(),
        _ => lower.as_str(),
    };
    let quote = ["\"", "'"]
        .into_iter()
        .find(|quote| bare.len() > 1 && bare.starts_with(quote) && bare.ends_with(quote));
    let bare = if quote.is_some() { bare[1..bare.len() - 1].trim() } else { bare };
    let address = bare.strip_prefix("mailto:").unwrap_or(bare).trim();
    let has_white_space = address.chars().any(char::is_whitespace);
    // Each of the three parts needs at least one character, so the search for each sign skips one.
    let after_first = |text: &str| text.char_indices().nth(1).map(|(at, _)| at);
    let domain = after_first(address).and_then(|at| address[at..].split_once('@')).map(|(_, domain)| domain);
    let suffix =
        domain.and_then(|domain| domain[after_first(domain)?..].split_once('.')).map(|(_, suffix)| suffix);
    let has_shape = suffix.is_some_and(|suffix| !suffix.is_empty());
    (has_shape && !has_white_space && address.len() <= MAX_ADDRESS_BYTES).then(|| address.to_owned())
}

/// The usable values of an identifier, in order of precedence.
fn ids(node: &Node, key: &str) -> Vec<String> {
    let id = |node: &Node| match node {
        Node::Bool(flag) => Some(flag.to_string()),
        Node::Number(text) => Some(text.clone()),
        Node::Text(text) => Some(visible(text)).filter(|text| !text.is_empty()),
        _ => None,
    };
    node.all(key).into_iter().filter_map(id).collect()
}

fn message_key(event: &Accepted<'_>, node: &Node) -> String {
    let message_id = node.all("messageid").into_iter().find_map(|node| match node {
        Node::Number(text) => Some(text.clone()),
        other => other.non_empty_text().map(String::from),
    });
    match message_id {
        Some(id) if id.chars().count() <= MAX_MESSAGE_ID_CHARS => id,
        Some(id) => hash(&id),
        // Objects of serde_json are sorted by key, which gives the canonical form. It does not hold every number.
        None => match serde_json::from_slice::<serde_json::Value>(event.json) {
            Ok(value) => hash(&value.to_string()),
            Err(_) => hash(&String::from_utf8_lossy(event.json)),
        },
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
    fn an_address_has_text_around_its_at_sign_and_its_dot() {
        for text in
            ["a@b.c", " A@B.C ", "a+tag@b.co.uk", "a@b@c.d", "@a@b.c", "é@ö.ü", "mailto:a@b.c", "A <a@b.c>"]
        {
            assert!(address_of(text).is_some(), "{text}");
        }
        for text in ["", "a", "@b.c", "a@.c", "a@b.", "a@b", "a b@c.d", "<>", "''"] {
            assert!(address_of(text).is_none(), "{text}");
        }
        assert_eq!(address_of(" A@B.C ").as_deref(), Some("a@b.c"));
        assert!(address_of(&format!("{}@b.c", "a".repeat(250))).is_some());
        assert!(address_of(&format!("{}@b.c", "a".repeat(251))).is_none());
    }

    #[test]
    fn an_event_without_message_id_is_identified_by_its_content_in_any_key_order() {
        let key = |json: &str| {
            let event = Accepted { received_at: Timestamp::UNIX_EPOCH, json: json.as_bytes(), revision: 0 };
            message_key(&event, &parse(json.as_bytes()).unwrap())
        };
        let expected = hash(r#"{"type":"identify","userId":"U"}"#);
        assert_eq!(key(r#"{"userId": "U", "type": "identify"}"#), expected);
        assert_eq!(key(r#"{"messageId": 17}"#), "17");
        assert!(key(&format!(r#"{{"messageId": "{}"}}"#, "m".repeat(101))).starts_with("sha256:"));
    }
}
