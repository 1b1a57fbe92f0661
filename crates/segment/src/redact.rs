//! Removes the API key from an event that contains it, so that it is never stored.

use std::borrow::Cow;

use crate::Refusal;
use crate::node::Node;
use crate::numbers;
use crate::surrogates;

/// The replacement of a removed key.
pub const REDACTED: &str = "[redacted]";

/// Minimum length of a secret half that is removed by itself. Refersion's have more than 20 characters; removing a
/// very short text would damage events.
const MIN_SECRET_BYTES: usize = 8;

/// Replaces the API key (`publickey.secretkey`) and its secret half, anywhere in names and values of an event and in
/// any JSON escape. An event without either is returned unchanged, except for unpaired surrogates (see
/// [`read`](crate::read)), which are replaced so that every JSON parser can read the stored event.
///
/// # Errors
///
/// [`Refusal::NotJson`]. None after a successful [`read`](crate::read) of the same bytes.
pub fn without_key<'a>(json: &'a [u8], api_key: &str) -> Result<Cow<'a, [u8]>, Refusal> {
    let secrets = secrets(api_key);
    if is_clear(json, &secrets) {
        return Ok(Cow::Borrowed(json));
    }
    let valid = surrogates::readable(json);
    let wrapped = numbers::wrapped(&valid);
    let (redacted, changed) = redact(Node::parse(&wrapped)?, &secrets);
    Ok(if changed { Cow::Owned(redacted.to_json()) } else { valid })
}

/// The same replacement in JSON that the reader cannot parse because it is nested too deeply or too long: text by text and
/// number by number, in any escape. The result is JSON, and is unchanged except for the replacements.
#[must_use]
pub fn text_without_key(json: &str, api_key: &str) -> String {
    let secrets = secrets(api_key);
    if is_clear(json.as_bytes(), &secrets) {
        return json.to_owned();
    }
    let valid = surrogates::replaced(json.as_bytes()).and_then(|valid| String::from_utf8(valid).ok());
    let mut rest = valid.as_deref().unwrap_or(json);
    let mut clean = String::with_capacity(rest.len());
    while let Some(begin) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        clean.push_str(&rest[..begin]);
        let (token, after) = rest[begin..].split_at(numbers::end_of_token(&rest.as_bytes()[begin..], 0));
        clean.push_str(token_without(token, &secrets).as_deref().unwrap_or(token));
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// A text or number of JSON without secrets; `None` if it has none.
fn token_without(token: &str, secrets: &[&str]) -> Option<String> {
    if token.starts_with('"') && is_clear(token.as_bytes(), secrets) {
        return None;
    }
    let wrapped = numbers::wrapped(token.as_bytes());
    let (redacted, changed) = redact(Node::parse(&wrapped).ok()?, secrets);
    if changed { String::from_utf8(redacted.to_json()).ok() } else { None }
}

/// The texts to replace. The whole key comes first, so that its public half is replaced with it. The ingest endpoint
/// accepts spaces around the halves; the event may contain the secret without them.
fn secrets(api_key: &str) -> Vec<&str> {
    let half = api_key.split_once('.').map(|(_, secret)| secret.trim());
    let half = half.filter(|secret| secret.len() >= MIN_SECRET_BYTES);
    [Some(api_key).filter(|key| !key.is_empty()), half].into_iter().flatten().collect()
}

/// Whether the JSON contains no secret, which is true for nearly every event. Without a backslash, no secret can be
/// escaped.
fn is_clear(json: &[u8], secrets: &[&str]) -> bool {
    let Ok(text) = std::str::from_utf8(json) else { return false };
    !text.contains('\\') && !secrets.iter().any(|secret| text.contains(secret))
}

/// The value without secrets, and whether it contained any.
fn redact<'a>(node: Node<'a>, secrets: &[&str]) -> (Node<'a>, bool) {
    match node {
        Node::Text(text) => {
            let (text, changed) = redact_text(text, secrets);
            (Node::Text(text), changed)
        }
        Node::Number(ref number) => {
            let written = [number.to_string(), String::from_utf8_lossy(&node.to_json()).into_owned()];
            let has_secret = secrets.iter().any(|secret| written.iter().any(|text| text.contains(secret)));
            if has_secret { (Node::Text(REDACTED.into()), true) } else { (node, false) }
        }
        Node::List(items) => {
            let (items, changed): (Vec<_>, Vec<_>) =
                items.into_iter().map(|item| redact(item, secrets)).unzip();
            (Node::List(items), changed.contains(&true))
        }
        Node::Object(members) => {
            let redacted = members.into_iter().map(|(key, value)| {
                let (key, key_changed) = redact_text(key, secrets);
                let (value, changed) = redact(value, secrets);
                ((key, value), key_changed || changed)
            });
            let (members, changed): (Vec<_>, Vec<_>) = redacted.unzip();
            (Node::Object(members), changed.contains(&true))
        }
        Node::Null | Node::Bool(_) => (node, false),
    }
}

fn redact_text<'a>(text: Cow<'a, str>, secrets: &[&str]) -> (Cow<'a, str>, bool) {
    if !secrets.iter().any(|secret| text.contains(secret)) {
        return (text, false);
    }
    let redacted = secrets.iter().fold(text.into_owned(), |text, secret| text.replace(secret, REDACTED));
    (Cow::Owned(redacted), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "pub123.0123456789abcdef";

    fn redacted(json: &str, key: &str) -> String {
        String::from_utf8(without_key(json.as_bytes(), key).unwrap().into_owned()).unwrap()
    }

    #[test]
    fn an_event_without_the_key_is_unchanged() {
        let json = "{ \"b\": 1.50, \"a\": \"pub123 \\u0041\" }";
        assert!(
            matches!(without_key(json.as_bytes(), KEY), Ok(Cow::Borrowed(same)) if same == json.as_bytes())
        );
    }

    #[test]
    fn key_and_secret_half_are_replaced_in_names_and_values() {
        let json = r#"{"z":["x 0123456789abcdef y"],"pub123.0123456789abcdef":1,"a":{"k":"pub123.0123456789abcdef"}}"#;
        assert_eq!(redacted(json, KEY), r#"{"z":["x [redacted] y"],"[redacted]":1,"a":{"k":"[redacted]"}}"#);
    }

    #[test]
    fn an_escaped_secret_is_found() {
        assert_eq!(redacted(r#"{"a":"\u00301234567\u00389abcdef"}"#, KEY), r#"{"a":"[redacted]"}"#);
    }

    #[test]
    fn a_secret_is_found_if_the_key_has_spaces_around_its_halves() {
        assert_eq!(
            redacted(r#"{"a":"0123456789abcdef"}"#, "pub123 . 0123456789abcdef"),
            r#"{"a":"[redacted]"}"#
        );
    }

    #[test]
    fn a_secret_is_found_at_any_depth_and_in_any_escape() {
        let deep = |value: &str| format!("{} {value} , 1.50{}", "[".repeat(2_000), "]".repeat(2_000));
        for (value, clean) in [
            (r#""\u00301234567\u00389abcdef""#, r#""[redacted]""#),
            (r#"{"pub123.0123456789abcdef":-1}"#, r#"{"[redacted]":-1}"#),
            (r#""\" \ud83d 0123456789abcdef""#, "\"\\\" \u{fffd} [redacted]\""),
            (r#""as it \u0063ame""#, r#""as it \u0063ame""#),
        ] {
            let redacted = text_without_key(&deep(value), KEY);
            assert_eq!(redacted, deep(clean));
            serde_json::from_str::<&serde_json::value::RawValue>(&redacted).expect("it stays JSON");
        }
        assert_eq!(text_without_key(r#"[9123456789,"\n"]"#, "p.12345678"), r#"["[redacted]","\n"]"#);
    }

    #[test]
    fn an_unpaired_surrogate_is_replaced_with_and_without_a_secret() {
        assert_eq!(redacted(r#"{"a": "\ud83d"}"#, KEY), r#"{"a": "\ufffd"}"#);
        assert_eq!(redacted(r#"{"a": "\ud83d 0123456789abcdef"}"#, KEY), "{\"a\":\"\u{fffd} [redacted]\"}");
    }

    #[test]
    fn a_number_that_contains_the_secret_becomes_text() {
        assert_eq!(redacted(r#"{"a":9123456789,"b":2}"#, "p.12345678"), r#"{"a":"[redacted]","b":2}"#);
    }

    #[test]
    fn a_short_half_and_an_empty_key_are_not_replaced() {
        let json = r#"{"type":"identify","userId":"a.b"}"#;
        assert_eq!(redacted(json, "x.e"), json);
        assert_eq!(redacted(json, ""), json);
        assert_eq!(redacted(json, "."), r#"{"type":"identify","userId":"a[redacted]b"}"#);
    }
}
