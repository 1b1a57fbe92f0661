//! Takes an API key out of an event, should a customer have put it there: what is stored must not open any door.

use std::borrow::Cow;

use crate::Refusal;
use crate::node::Node;
use crate::surrogates;

/// What stands where a key stood.
pub const REDACTED: &str = "[redacted]";

/// A shorter secret is no secret (Refersion's have 32 characters), and taking every `a` out would spoil events.
const SHORTEST_SECRET_BYTES: usize = 8;

/// The event without the API key (`publickey.secretkey`) and without its secret half, anywhere in names or values,
/// however JSON escapes them. An event without either comes back byte for byte, but for half a character (see
/// [`read`](crate::read)), which is replaced so that everybody can read what is stored.
///
/// # Errors
///
/// [`Refusal::NotJson`]; after a successful [`read`](crate::read) of the same bytes there is none.
pub fn without_key<'a>(json: &'a [u8], api_key: &str) -> Result<Cow<'a, [u8]>, Refusal> {
    let secrets = secrets(api_key);
    if is_clear(json, &secrets) {
        return Ok(Cow::Borrowed(json));
    }
    let mended = surrogates::mended(json).map_or(Cow::Borrowed(json), Cow::Owned);
    let (clean, changed) = cleaned(Node::parse(&mended)?, &secrets);
    Ok(if changed { Cow::Owned(clean.to_json()) } else { mended })
}

/// The key as a whole goes first: its public half is no secret, but reads better gone with the rest. The door takes a key
/// with blanks around its halves, and the event may have it without them.
fn secrets(api_key: &str) -> Vec<&str> {
    let half = api_key.split_once('.').map(|(_, secret)| secret.trim());
    let half = half.filter(|secret| secret.len() >= SHORTEST_SECRET_BYTES);
    [Some(api_key).filter(|key| !key.is_empty()), half].into_iter().flatten().collect()
}

/// Nearly every event: no secret stands there as it is, and without a backslash it cannot stand there in disguise.
fn is_clear(json: &[u8], secrets: &[&str]) -> bool {
    let Ok(text) = std::str::from_utf8(json) else { return false };
    !text.contains('\\') && !secrets.iter().any(|secret| text.contains(secret))
}

/// The value without secrets, and whether it had any.
fn cleaned<'a>(node: Node<'a>, secrets: &[&str]) -> (Node<'a>, bool) {
    match node {
        Node::Text(text) => {
            let (text, changed) = cleaned_text(text, secrets);
            (Node::Text(text), changed)
        }
        Node::Number(number) => {
            let written = [number.to_string(), String::from_utf8_lossy(&node.to_json()).into_owned()];
            let has_secret = secrets.iter().any(|secret| written.iter().any(|text| text.contains(secret)));
            if has_secret { (Node::Text(REDACTED.into()), true) } else { (node, false) }
        }
        Node::List(items) => {
            let (items, changed): (Vec<_>, Vec<_>) =
                items.into_iter().map(|item| cleaned(item, secrets)).unzip();
            (Node::List(items), changed.contains(&true))
        }
        Node::Object(members) => {
            let clean = members.into_iter().map(|(key, value)| {
                let (key, key_changed) = cleaned_text(key, secrets);
                let (value, changed) = cleaned(value, secrets);
                ((key, value), key_changed || changed)
            });
            let (members, changed): (Vec<_>, Vec<_>) = clean.unzip();
            (Node::Object(members), changed.contains(&true))
        }
        Node::Null | Node::Bool(_) => (node, false),
    }
}

fn cleaned_text<'a>(text: Cow<'a, str>, secrets: &[&str]) -> (Cow<'a, str>, bool) {
    if !secrets.iter().any(|secret| text.contains(secret)) {
        return (text, false);
    }
    let clean = secrets.iter().fold(text.into_owned(), |text, secret| text.replace(secret, REDACTED));
    (Cow::Owned(clean), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "pub123.0123456789abcdef";

    fn clean(json: &str, key: &str) -> String {
        String::from_utf8(without_key(json.as_bytes(), key).unwrap().into_owned()).unwrap()
    }

    #[test]
    fn an_event_without_the_key_is_not_touched() {
        let json = "{ \"b\": 1.50, \"a\": \"pub123 \\u0041\" }";
        assert!(
            matches!(without_key(json.as_bytes(), KEY), Ok(Cow::Borrowed(same)) if same == json.as_bytes())
        );
    }

    #[test]
    fn key_and_secret_half_go_from_names_and_values_in_place() {
        let json = r#"{"z":["x 0123456789abcdef y"],"pub123.0123456789abcdef":1,"a":{"k":"pub123.0123456789abcdef"}}"#;
        assert_eq!(clean(json, KEY), r#"{"z":["x [redacted] y"],"[redacted]":1,"a":{"k":"[redacted]"}}"#);
    }

    #[test]
    fn an_escaped_secret_is_found() {
        assert_eq!(clean(r#"{"a":"\u00301234567\u00389abcdef"}"#, KEY), r#"{"a":"[redacted]"}"#);
    }

    #[test]
    fn a_secret_is_found_whatever_blanks_the_key_came_with() {
        assert_eq!(
            clean(r#"{"a":"0123456789abcdef"}"#, "pub123 . 0123456789abcdef"),
            r#"{"a":"[redacted]"}"#
        );
    }

    #[test]
    fn half_a_character_is_replaced_with_and_without_a_secret() {
        assert_eq!(clean(r#"{"a": "\ud83d"}"#, KEY), r#"{"a": "\ufffd"}"#);
        assert_eq!(clean(r#"{"a": "\ud83d 0123456789abcdef"}"#, KEY), "{\"a\":\"\u{fffd} [redacted]\"}");
    }

    #[test]
    fn a_number_that_holds_the_secret_becomes_text() {
        assert_eq!(clean(r#"{"a":9123456789,"b":2}"#, "p.12345678"), r#"{"a":"[redacted]","b":2}"#);
    }

    #[test]
    fn a_short_half_or_an_empty_key_takes_nothing_out() {
        let json = r#"{"type":"identify","userId":"a.b"}"#;
        assert_eq!(clean(json, "x.e"), json);
        assert_eq!(clean(json, ""), json);
        assert_eq!(clean(json, "."), r#"{"type":"identify","userId":"a[redacted]b"}"#);
    }
}
