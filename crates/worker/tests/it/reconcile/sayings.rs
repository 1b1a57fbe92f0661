//! What people say in these tests.

use serde_json::{Value, json};

/// Somebody with all that a create needs.
pub(crate) fn joins(who: &str) -> Value {
    let traits = json!({ "firstName": "Ann", "lastName": "Lee", "email": address(who) });
    json!({ "type": "identify", "userId": who, "traits": traits })
}

/// One trait of somebody.
pub(crate) fn says(who: &str, key: &str, value: impl Into<Value>) -> Value {
    let mut event = json!({ "type": "identify", "userId": who, "traits": {} });
    event["traits"][key] = value.into();
    event
}

/// The address of somebody who joined.
pub(crate) fn address(who: &str) -> String {
    format!("{who}@x.test")
}
