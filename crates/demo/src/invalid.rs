//! Requests that the ingest endpoint refuses: broken JSON, no identifier, an unsupported type, and a wrong key.

use serde_json::json;

use super::scenario::Call;

/// A few bad requests for every thousand members, and at least one of each kind.
pub(super) fn requests(members: usize) -> Vec<Call> {
    let rounds = (members / 1_000).max(1);
    (0..rounds).flat_map(|_| one_of_each()).collect()
}

fn one_of_each() -> [Call; 5] {
    let good = json!({ "type": "identify", "messageId": "demo-wrong-key", "userId": "user-0000001" });
    [
        Call::refused(r#"{"type": "identify", "userId": "user-0000001", "traits": {"plan": "#),
        Call::refused(r#"{"type": "identify", "messageId": "demo-nobody", "traits": {"plan": "pro"}}"#),
        Call::refused(r#"{"type": "track", "event": "Order Completed", "userId": "user-0000001"}"#),
        Call::refused(r#""a text where an event should be""#),
        Call::refused(&good.to_string()).with_wrong_key(),
    ]
}
