//! Tolerant reading of answers: the published samples and the schema of the same answer differ.

use serde_json::{Map, Value};

use crate::AffiliateCode;

/// Maximum number of error texts that are read from one answer.
const MAX_TEXTS: usize = 20;

/// UTF-8's byte order mark. JSON has none, but some servers send it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The body as a JSON object, if it is one.
pub(crate) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)).ok()
}

/// The error texts of an answer: under `errors`, `error` or (from the gateway) `message`, each as a text, a list of
/// texts or an object with a list for each field.
pub(crate) fn error_texts(body: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    if let Some(object) = object(body) {
        for key in ["errors", "error", "message"] {
            if let Some(value) = object.get(key) {
                collect(value, &mut texts);
            }
        }
    }
    texts
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if texts.len() < MAX_TEXTS && !text.trim().is_empty() => texts.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, texts)),
        _ => {}
    }
}

/// A string, or a number as text; `None` for anything else.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A code: a text that is neither empty nor longer than [`AffiliateCode::MAX_BYTES`].
pub(crate) fn code(value: Option<&Value>) -> Option<AffiliateCode> {
    let code = text(value)?;
    (1..=AffiliateCode::MAX_BYTES).contains(&code.len()).then_some(AffiliateCode(code))
}

/// The text of a value that an answer shows: null is empty, and a boolean is a word. `None` if the value is absent, a list or an
/// object: then it is not known.
pub(crate) fn shown(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        value => text(Some(value)),
    }
}

/// An integer from 0 to `i64::MAX`, which the ledgers can store, or a string of digits for one; `None` for anything else.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().filter(is_storable),
        Value::String(text) => digits(text),
        _ => None,
    }
}

/// The number that a text of ASCII digits stands for: no sign, no spaces, not empty.
pub(crate) fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?.filter(is_storable)
}

fn is_storable(number: &u64) -> bool {
    i64::try_from(*number).is_ok()
}

/// The beginning of a text on one line, at most `max_bytes` long.
pub(crate) fn excerpt(text: &str, max_bytes: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > max_bytes {
            line.truncate(line.floor_char_boundary(max_bytes));
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{digits, error_texts, excerpt};

    #[test]
    fn error_texts_are_found_in_every_published_shape() {
        for body in [
            r#"{"error":"Affiliate not found."}"#,
            r#"{"errors":["Affiliate not found."]}"#,
            r#"{"error":["Affiliate not found."]}"#,
            r#"{"errors":"Affiliate not found."}"#,
            r#"{"message":"Affiliate not found."}"#,
            r#"{"errors":{"id":["Affiliate not found."]}}"#,
        ] {
            assert_eq!(error_texts(body.as_bytes()), ["Affiliate not found."], "{body}");
        }
        assert_eq!(error_texts(b"\xef\xbb\xbf{\"error\":\"no\"}"), ["no"], "after a byte order mark");
        assert!(error_texts(b"<html>502 Bad Gateway</html>").is_empty());
        assert!(error_texts(b"").is_empty());
    }

    #[test]
    fn only_plain_digits_are_a_number() {
        assert_eq!(digits("37569297"), Some(37_569_297));
        for text in ["", "+1", "-1", " 1", "1a", "99999999999999999999999"] {
            assert_eq!(digits(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_excerpt_is_one_short_line(text in any::<String>(), max in 0_usize..80) {
            let line = excerpt(&text, max);
            prop_assert!(line.len() <= max);
            prop_assert!(!line.contains(['\n', '\r', '\0']));
        }

        #[test]
        fn arbitrary_bytes_are_read_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(error_texts(&body).len() <= super::MAX_TEXTS);
        }
    }
}
