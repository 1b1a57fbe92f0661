//! The identity of a message, by which a repeated message is recognized.

use sha2::{Digest, Sha256};

use crate::fields::Fields;
use crate::node::Node;

/// Segment's limit for a `messageId`, in characters. Source: Segment's spec, "Common fields".
const MAX_ID_CHARS: usize = 100;

/// Segment's `messageId`: a trimmed text, or a number as text.
pub(crate) fn id(top: &Fields<'_>) -> Option<String> {
    top.all("messageid").find_map(|node| match node {
        Node::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        Node::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// The message key: the `messageId`, or its hash if it is too long to be stored with every statement. Without a
/// `messageId`, a hash of the event that ignores white space and the order of members.
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
    fn a_hash_is_hexadecimal_with_its_name_as_prefix() {
        // Source of the digest: FIPS 180-2, appendix B.1.
        assert_eq!(hashed(b"abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    proptest! {
        /// So the key of an event can be recomputed with `serde_json::Value`, whose maps are sorted.
        #[test]
        fn canonical_json_is_the_json_of_a_sorted_value(text in any::<String>(), float in any::<f64>(), n in any::<i64>()) {
            prop_assume!(float.is_finite());
            let json = serde_json::json!({"z": [text, float], "a": {"y": n, "b": null}, "m": true}).to_string();
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            let node = Node::parse(json.as_bytes()).unwrap();
            prop_assert_eq!(String::from_utf8(node.sorted().to_json()).unwrap(), value.to_string());
        }
    }

    #[test]
    fn canonical_json_has_the_last_of_two_members_with_one_key() {
        let node = Node::parse(br#"{"b":1,"a":2, "b":3}"#).unwrap();
        assert_eq!(node.sorted().to_json(), br#"{"a":2,"b":3}"#);
    }
}
