//! What tells one message from another, so that a repeat is known as a repeat.

use sha2::{Digest, Sha256};

use crate::fields::Fields;
use crate::node::Node;
use crate::text;

/// Segment's own limit of a `messageId`, in characters. Source: Segment's spec, "Common fields".
const MAX_ID_CHARS: usize = 100;

/// Segment's `messageId`: text, trimmed, or a number's text.
pub(crate) fn id(top: &Fields<'_>) -> Option<String> {
    match top.get("messageid")? {
        Node::Text(text) => text::filled(text),
        Node::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The `messageId`, else a hash of the event, in which neither order nor white space counts; of a `messageId` that is
/// too long to be kept with every statement, its hash.
pub(crate) fn key(id: Option<&str>, event: &Node<'_>) -> String {
    match id {
        Some(id) if id.chars().count() <= MAX_ID_CHARS => id.to_owned(),
        Some(id) => hashed(id.as_bytes()),
        None => hashed(&event.clone().sorted().to_json()),
    }
}

fn hashed(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hash_is_written_in_hex_behind_its_name() {
        // Source of the digest: FIPS 180-2, appendix B.1.
        assert_eq!(hashed(b"abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    proptest! {
        /// Anyone can recompute the key of an event with `serde_json::Value`, whose maps are sorted.
        #[test]
        fn canonical_json_is_that_of_a_sorted_value(text in any::<String>(), float in any::<f64>(), n in any::<i64>()) {
            prop_assume!(float.is_finite());
            let json = serde_json::json!({"z": [text, float], "a": {"y": n, "b": null}, "m": true}).to_string();
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            let node = Node::parse(json.as_bytes()).unwrap();
            prop_assert_eq!(String::from_utf8(node.sorted().to_json()).unwrap(), value.to_string());
        }
    }

    #[test]
    fn of_two_members_with_one_key_the_canonical_json_has_the_last() {
        let node = Node::parse(br#"{"b":1,"a":2, "b":3}"#).unwrap();
        assert_eq!(node.sorted().to_json(), br#"{"a":2,"b":3}"#);
    }
}
