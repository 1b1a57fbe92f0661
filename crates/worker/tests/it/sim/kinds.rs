//! That chance brings every kind of odd event about: a kind that is never drawn proves nothing.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::dice::Dice;
use super::shapes::LARGE_ID;
use super::story::{SentEvent, Story, is_refused};

/// Stories, and events of each.
const STORIES: u64 = 200;
const EVENTS: usize = 100;

/// An event as it was sent, and the same parsed: null if it has a number or a repeated key that cannot be parsed.
struct Drawn<'e> {
    sent: &'e SentEvent,
    event: Value,
}

impl Drawn<'_> {
    fn has(&self, text: &str) -> bool {
        self.sent.json.contains(text)
    }

    fn traits(&self) -> Map<String, Value> {
        self.event["traits"].as_object().cloned().unwrap_or_default()
    }

    fn states(&self, key: &str, is: impl Fn(&Value) -> bool) -> bool {
        self.traits().get(key).is_some_and(is)
    }

    fn address_has(&self, key: &str) -> bool {
        self.states("address", |address| address.get(key).is_some())
    }

    /// A time that was never set.
    fn zero(&self, key: &str) -> bool {
        let text = self.event[key].as_str().unwrap_or_default();
        self.event[key].is_number()
            || ["0001", "0000", "1970", "1999"].iter().any(|year| text.starts_with(year))
    }
}

/// Decides whether an event is one of a kind.
type IsOne = fn(&Drawn<'_>) -> bool;

/// The kinds of "events as they really are", each with the function that recognizes it.
const KINDS: [(&str, IsOne); 32] = [
    ("a userId that names nobody", |it| it.event["userId"] == "undefined"),
    ("a userId that is false", |it| it.event["userId"] == false),
    ("an anonymousId that names nobody", |it| it.event["anonymousId"] == "[object Object]"),
    ("a delete of nobody", |it| it.event["type"] == "delete" && it.event["userId"] == "null"),
    ("a userId blocked by setting", |it| it.event["userId"] == "shop-placeholder"),
    ("a time that was never set", |it| it.zero("timestamp") && it.zero("originalTimestamp")),
    ("a time before 2000", |it| it.has("1999-12-31")),
    ("no time at all", |it| it.event["type"] == "identify" && it.event["timestamp"].is_null()),
    ("whole seconds", |it| it.event["timestamp"].as_str().is_some_and(|text| !text.contains('.'))),
    ("Segment's receivedAt", |it| it.event["receivedAt"].is_string()),
    ("a list", |it| it.states("tags", Value::is_array)),
    ("an object for a text", |it| it.states("phone", Value::is_object)),
    ("more than 255 characters", |it| it.has(&"x".repeat(256))),
    ("an address that Refersion refuses", |it| it.sent.address.as_deref() == Some(".odd@x.test")),
    ("an address that is none", |it| {
        it.sent.address.as_deref().is_some_and(|it| is_refused(it) && it.contains("@@"))
    }),
    ("keys that fold to one name", |it| {
        it.states("firstName", Value::is_null) && it.states("first_name", Value::is_string)
    }),
    ("one key twice", |it| it.has("\"traits\":{\"plan\":null,")),
    ("message_id beside messageId", |it| {
        it.event["message_id"].is_string() && it.event["messageId"].is_string()
    }),
    ("message_id instead of messageId", |it| {
        it.event["message_id"].is_string() && it.event["messageId"].is_null()
    }),
    ("a last name that is empty", |it| it.states("last_name", |last| last == "")),
    ("context.traits beside traits", |it| {
        it.event["context"]["traits"].is_object() && !it.traits().is_empty()
    }),
    ("traits of the event itself", |it| it.event["first_name"].is_string()),
    ("keys with dots", |it| it.traits().keys().any(|key| key.starts_with("address."))),
    ("Shopify's address", |it| it.traits().contains_key("default_address")),
    ("Stripe's address", |it| it.address_has("line1")),
    ("WooCommerce's address", |it| it.address_has("address_1")),
    ("Refersion's address", |it| it.traits().contains_key("address1")),
    ("a state of something else", |it| it.states("state", |state| state == "trialing")),
    ("a trait that is mapped by setting", |it| it.states("org", Value::is_object)),
    ("invisible characters", |it| it.has("\u{200b}") || it.has("\u{feff}")),
    ("a number that no double holds", |it| it.has(":1e400")),
    ("an id of 21 digits", |it| it.has(&format!("\"userId\":{LARGE_ID}"))),
];

/// Kinds that are more than one event.
fn is_repeated(events: &[SentEvent]) -> bool {
    events.iter().enumerate().any(|(at, one)| events[..at].iter().any(|other| other.json == one.json))
}

fn deletes_a_stranger(events: &[SentEvent]) -> bool {
    events.iter().any(|one| {
        let named =
            |user: &String| events.iter().any(|other| !other.delete && other.user.as_ref() == Some(user));
        one.delete && one.user.as_ref().is_some_and(|user| !named(user))
    })
}

#[test]
fn every_kind_of_odd_event_is_drawn() {
    let mut counts = [0_u32; KINDS.len()];
    let (mut repeated, mut strangers) = (0, 0);
    for seed in 0..STORIES {
        let mut story = Story::new(Dice::new(seed), 0);
        let now: Timestamp = "2026-01-02T03:04:05.678Z".parse().expect("a time");
        let events: Vec<SentEvent> = (0..EVENTS).map(|_| story.next(now)).collect();
        repeated += u32::from(is_repeated(&events));
        strangers += u32::from(deletes_a_stranger(&events));
        for sent in &events {
            let event = serde_json::from_str(&sent.json).unwrap_or_default();
            let drawn = Drawn { sent, event };
            for (count, (_, is_one)) in counts.iter_mut().zip(KINDS) {
                *count += u32::from(is_one(&drawn));
            }
        }
    }
    let missing =
        KINDS.iter().zip(counts).filter(|(_, count)| *count < 5).map(|((name, _), count)| (name, count));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "of {EVENTS} events of {STORIES} stories: {missing:?}");
    assert!(
        repeated > 50 && strangers > 50,
        "{repeated} stories repeat an event, {strangers} delete a stranger"
    );
}
