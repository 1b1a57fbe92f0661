//! Builders for short histories.

use std::collections::BTreeMap;

use jiff::Timestamp;
use reference::{Accepted, Expected, Settings, World, expect};
use serde_json::{Value, json};

/// The first second of every history.
const START: i64 = 1_700_000_000;

/// One event and the time of its acceptance.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) received_at: Timestamp,
    pub(crate) json: Value,
}

/// The time of a second of the history.
pub(crate) fn second(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).expect("histories are short")
}

pub(crate) fn identify(at: i64) -> Event {
    let json = json!({
        "type": "identify", "messageId": format!("message {at}"), "timestamp": second(at).to_string(), "traits": {}
    });
    Event { received_at: second(at), json }
}

pub(crate) fn delete(at: i64) -> Event {
    Event { received_at: second(at), json: json!({"type": "delete", "context": [], "integrations": []}) }
}

impl Event {
    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.json[key] = value.into();
        self
    }

    pub(crate) fn with(mut self, trait_name: &str, value: impl Into<Value>) -> Self {
        self.json["traits"][trait_name] = value.into();
        self
    }

    pub(crate) fn user(self, user: &str) -> Self {
        self.set("userId", user)
    }

    pub(crate) fn anonymous(self, anonymous: &str) -> Self {
        self.set("anonymousId", anonymous)
    }

    pub(crate) fn email(self, email: &str) -> Self {
        if self.json["type"] == "delete" { self.set("email", email) } else { self.with("email", email) }
    }

    pub(crate) fn named(self, name: &str) -> Self {
        self.with("name", name)
    }

    pub(crate) fn engage(self) -> Self {
        self.set("context", json!({"personas": {}}))
    }

    pub(crate) fn received(mut self, at: i64) -> Self {
        self.received_at = second(at);
        self
    }
}

/// Settings with which a create needs only a name; `flag` and `vip` are custom fields 1 and 2.
pub(crate) fn settings() -> Settings {
    Settings {
        require_address: false,
        new_status_active: true,
        one_word_last_name: Some("-".into()),
        custom_fields: BTreeMap::from([("flag".into(), 1), ("vip".into(), 2)]),
        paypal_trait: None,
        ..Settings::default()
    }
}

pub(crate) fn expect_with(events: &[Event], settings: &Settings, world: &World) -> Expected {
    let texts: Vec<_> = events.iter().map(|event| (event.received_at, event.json.to_string())).collect();
    let accepted = texts.iter().map(|(received_at, json)| Accepted {
        received_at: *received_at,
        json: json.as_bytes(),
        revision: 0,
    });
    expect(accepted, settings, world)
}

pub(crate) fn expect_of(events: &[Event]) -> Expected {
    expect_with(events, &settings(), &World::default())
}

/// The addresses of expected affiliates.
pub(crate) fn addresses(expected: &Expected) -> Vec<&str> {
    expected.affiliates.keys().map(String::as_str).collect()
}

/// The addresses that must not have an active affiliate.
pub(crate) fn forbidden(expected: &Expected) -> Vec<&str> {
    expected.forbidden.iter().map(String::as_str).collect()
}

/// One expected field: a standard one by name, a custom one by id.
pub(crate) fn field<'a>(expected: &'a Expected, address: &str, field: &str) -> Option<&'a str> {
    let affiliate = &expected.affiliates[address];
    let value = match field.parse() {
        Ok(id) => affiliate.custom_fields.get(&id),
        Err(_) => affiliate.fields.get(field),
    };
    value.map(String::as_str)
}
