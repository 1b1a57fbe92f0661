//! The events of these tests.

use serde_json::{Value, json};

/// An identify with all that a create needs.
pub(crate) fn sign_up(who: &str) -> Value {
    let traits = json!({ "firstName": "Ann", "lastName": "Lee", "email": address(who) });
    json!({ "type": "identify", "userId": who, "traits": traits })
}

/// An identify with one trait.
pub(crate) fn with_trait(who: &str, key: &str, value: impl Into<Value>) -> Value {
    let mut event = json!({ "type": "identify", "userId": who, "traits": {} });
    event["traits"][key] = value.into();
    event
}

/// The address of a person who signed up.
pub(crate) fn address(who: &str) -> String {
    format!("{who}@x.test")
}
