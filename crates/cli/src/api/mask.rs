//! What viewers see in the place of personal data.

use ledger::AttemptView;
use ledger::groups::Cause;
use serde_json::Value;

/// In the place of a value.
pub(super) const MASKED: &str = "…";

/// A text of Refersion without quoted words and words with digits or an `@`.
pub(super) fn text(text: &str) -> String {
    Cause::of("", None, None, text).text
}

/// Failed calls with masked texts.
pub(super) fn attempts(attempts: &mut [AttemptView]) {
    attempts.iter_mut().for_each(|attempt| attempt.message = text(&attempt.message));
}

/// JSON with its keys, and the type of the event; every other value is masked.
pub(super) fn json(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(key, value): (String, Value)| {
                let is_kind = key == "type" && value.is_string();
                let value = if is_kind { value } else { json(value) };
                (key, value)
            };
            Value::Object(members.into_iter().map(member).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(json).collect()),
        Value::Null => Value::Null,
        _ => MASKED.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as j;

    use super::*;

    #[test]
    fn values_are_masked_and_keys_are_kept() {
        let event = j!({ "type": "identify", "traits": { "name": "Ann", "age": 3, "tags": ["a", null] } });
        let masked = j!({ "type": "identify", "traits": { "name": "…", "age": "…", "tags": ["…", null] } });
        assert_eq!(json(event), masked);
        assert_eq!(json("not an event".into()), j!("…"));
    }
}
