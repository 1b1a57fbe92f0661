//! The reader handles any input.

use proptest::prelude::*;
use segment::Body;
use serde_json::{Value, json};

/// JSON values of every type with some nesting, and with keys and texts that the reader knows.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ a-z]{0,3}@[a-z]{0,2}\\.[a-z]{0,2}".prop_map(Value::from),
        "(identify|delete|track|2020-01-01T00:00:00Z)".prop_map(Value::from),
    ];
    let key = prop_oneof![
        any::<String>(),
        Just("\0number".to_owned()),
        "(type|userId|anonymous_id|email|traits|context|personas|integrations|timestamp|messageId|address|phones|name)"
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn check(bytes: &[u8]) {
    let read = segment::read(bytes, crate::now());
    match (&read, segment::check(bytes, crate::now())) {
        (Ok(event), Ok(checked)) => {
            assert_eq!(checked.bulk, event.bulk);
            assert_eq!(checked.has_message_id, event.message_id.is_some());
            let (is_delete, time) = match &event.body {
                Body::Identify(identify) => (false, identify.time),
                Body::Delete(delete) => (true, delete.time),
            };
            assert_eq!((checked.is_delete, checked.time), (is_delete, time));
        }
        (Err(read), Err(checked)) => assert_eq!(read.to_string(), checked.to_string()),
        (read, checked) => panic!("{read:?}, but {checked:?}"),
    }
    match read {
        Ok(event) => {
            let time = match &event.body {
                Body::Identify(identify) => identify.time,
                Body::Delete(delete) => delete.time,
            };
            assert!(time <= crate::now());
            assert!(!event.message_key.is_empty());
            let again = segment::read(bytes, crate::now()).expect("what was read once can be read again");
            assert_eq!(again, event);
        }
        Err(refusal) => assert!([400, 501].contains(&refusal.http_status())),
    }
    if let Ok(clean) = segment::without_key(bytes, "public.secretsecret") {
        assert!(!String::from_utf8_lossy(&clean).contains("secretsecret"));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    #[test]
    fn any_text_similar_to_json_is_read_or_refused(text in "[\\[\\]{}:,\"a-z0-9.eE\\\\u -]{0,200}") {
        check(text.as_bytes());
    }

    #[test]
    fn events_with_any_values_are_read_or_refused(kind in "(identify|delete)", user in any_value(), traits in any_value(),
                                            context in any_value(), time in any_value(), rest in any_value()) {
        let mut event = json!({"type": kind, "userId": user, "traits": traits, "context": context, "timestamp": time});
        if let (Value::Object(event), Value::Object(rest)) = (&mut event, rest) {
            event.extend(rest);
        }
        check(event.to_string().as_bytes());
    }

    #[test]
    fn a_truncated_event_is_read_or_refused(cut in 0_usize..200) {
        let event = br#"{"type":"identify","userId":"u","traits":{"name":"A B","email":"a@b.example","address":{"city":null}}}"#;
        check(&event[..cut.min(event.len())]);
    }
}

/// The reader marks large numbers by an object of its own; a source may send the same object.
#[test]
fn an_object_like_the_mark_of_a_large_number_is_read_like_any_other() {
    for inner in [r#"{"\u0000number":"abc"}"#, r#"{"\u0000number":""}"#, r#"{"\u0000number":"1"}"#] {
        for value in [inner.to_owned(), inner.replace('}', r#","a":2}"#), inner.replace(":\"", ":\"1e400 ")] {
            let json = format!(r#"{{"type":"identify","userId":"u","traits":{{"plan":{value}}}}}"#);
            check(json.as_bytes());
            assert!(segment::read(json.as_bytes(), crate::now()).is_ok(), "{json}");
        }
    }
}
