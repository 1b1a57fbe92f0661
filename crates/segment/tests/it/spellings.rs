//! The spelling of names differs between customers and does not matter.

use proptest::prelude::*;
use segment::{Body, Event};
use serde_json::{Map, Value, json};

/// An event with every field that the reader knows.
fn complete_event() -> Value {
    json!({
        "type": "identify", "messageId": "m", "userId": "u", "anonymousId": "x", "originalTimestamp": "2020-01-01T00:00:00Z",
        "receivedAt": "2020-01-02T00:00:00Z",
        "traits": {
            "firstName": "A", "lastName": "B", "company": {"name": "C"}, "phones": [{"number": 1}],
            "address": {"street": "S", "street2": "T", "city": "U", "state": "V", "zipCode": "W"},
            "country": "X", "planName": "P"
        },
        "context": {"traits": {"email": "a@b.example"}, "personas": {"computationClass": "audience"}}
    })
}

/// One of the usual spellings of a name, selected by `style`.
fn respelled(name: &str, style: u8) -> String {
    let snake: String = name
        .chars()
        .flat_map(|c| if c.is_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
        .collect();
    match style % 6 {
        0 => name.to_owned(),
        1 => snake,
        2 => snake.replace('_', " ").to_uppercase(),
        3 => snake.replace('_', "-"),
        4 => name.to_lowercase(),
        _ => format!("{}{}", name[..1].to_uppercase(), &snake[1..]),
    }
}

fn respell(value: &Value, styles: &mut impl Iterator<Item = u8>) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let key = respelled(key, styles.next().expect("the styles are a cycle"));
                    (key, respell(value, styles))
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.iter().map(|item| respell(item, styles)).collect(),
        single => single.clone(),
    }
}

/// The event without the spellings of custom traits, which are kept for operators. Everything else has to be equal.
fn without_spellings(mut event: Event) -> Event {
    if let Body::Identify(identify) = &mut event.body {
        identify.spellings.clear();
    }
    event
}

proptest! {
    #[test]
    fn any_spelling_of_names_gives_the_same_event(styles in prop::collection::vec(any::<u8>(), 1..40)) {
        let event = respell(&complete_event(), &mut styles.into_iter().cycle());
        let plain = crate::read(&complete_event()).unwrap();
        prop_assert_eq!(without_spellings(crate::read(&event).unwrap()), without_spellings(plain));
    }
}

#[test]
fn the_complete_event_is_read_in_full() {
    let identify = crate::identify(&complete_event());
    assert_eq!(identify.traits.len(), 11);
    assert!(identify.engage && identify.address.is_some() && identify.ignored.is_empty());
    assert_eq!(identify.spellings["planname"], "planName");
}
