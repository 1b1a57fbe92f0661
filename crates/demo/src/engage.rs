//! Engage's events for an audience sync: one call for each identifier of a member, with the flag alone.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::bodies::id;
use super::people::Person;

/// The trait that carries the audience's flag, as Engage writes it.
pub(super) const AUDIENCE: &str = "vip_members";

/// The identifier that a call carries.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    User,
    Email,
    Anonymous,
}

/// The calls for one change of membership: always one by userId, for some people also by email and by browser.
/// Source: <https://segment.com/docs/engage/using-engage-data/>, "What do the payloads look like".
pub(super) fn calls(person: &Person, is_member: bool, at: Timestamp, rng: &mut StdRng) -> Vec<Value> {
    let mut calls = vec![call(person, By::User, is_member, at, rng)];
    if person.number.is_multiple_of(4) {
        calls.push(call(person, By::Email, is_member, at, rng));
    }
    if person.anonymous.is_some() {
        calls.push(call(person, By::Anonymous, is_member, at, rng));
    }
    calls
}

fn call(person: &Person, by: By, is_member: bool, at: Timestamp, rng: &mut StdRng) -> Value {
    let mut traits = Map::new();
    traits.insert(AUDIENCE.to_owned(), json!(is_member));
    let mut event = json!({
        "type": "identify",
        "messageId": format!("personas_{}", id(rng)),
        "context": {
            "library": { "name": "unknown", "version": "unknown" },
            "personas": {
                "computation_class": "audience",
                "computation_id": "aud_2demo",
                "computation_key": AUDIENCE,
                "namespace": "spa_2demo",
                "space_id": "spa_2demo",
            },
        },
        "integrations": { "All": false, "Refersion": true },
        "timestamp": at.to_string(),
        "receivedAt": (at + SignedDuration::from_secs(rng.random_range(10..20))).to_string(),
    });
    match by {
        By::User => event["userId"] = json!(person.user),
        By::Email => {
            event["userId"] = json!(person.user);
            traits.insert("email".to_owned(), json!(person.email));
        }
        By::Anonymous => event["anonymousId"] = json!(person.anonymous),
    }
    event["traits"] = Value::Object(traits);
    event
}
