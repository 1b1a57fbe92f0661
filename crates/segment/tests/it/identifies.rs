//! Identifies: identifiers, email addresses, message ids and flags.

use segment::{AddressOrigin, Trait};
use serde_json::json;

use crate::{identify, read};

/// The identify of Segment's page about Refersion.
/// Source: segment.com/docs/connections/destinations/catalog/refersion.
fn segments_example() -> serde_json::Value {
    json!({
        "messageId": "test-message-txsmji", "timestamp": "2019-05-02T14:14:40.519Z", "type": "identify",
        "email": "test@example.org",
        "traits": {
            "name": "Peter Gibbons", "email": "peter@example.com", "plan": "premium", "logins": 5,
            "address": {"street": "6th St", "city": "San Francisco", "state": "CA", "postalCode": "94103",
                        "country": "USA"}
        },
        "userId": "test-user-t0zpx"
    })
}

#[test]
fn the_identify_of_segments_page_is_read_in_full() {
    let event = read(&segments_example()).unwrap();
    assert_eq!(event.message_key, "test-message-txsmji");
    assert_eq!(event.message_id.as_deref(), Some("test-message-txsmji"));
    assert!(!event.bulk);
    let identify = identify(&segments_example());
    assert_eq!(identify.user.as_deref(), Some("test-user-t0zpx"));
    assert_eq!(identify.anonymous, None);
    assert_eq!(identify.time.to_string(), "2019-05-02T14:14:40.519Z");
    assert!(!identify.engage && !identify.skip);
    let expected = [
        (Trait::FirstName, "Peter"),
        (Trait::LastName, "Gibbons"),
        (Trait::Street, "6th St"),
        (Trait::City, "San Francisco"),
        (Trait::State, "CA"),
        (Trait::PostalCode, "94103"),
        (Trait::Country, "USA"),
        (Trait::Custom("logins".into()), "5"),
        (Trait::Custom("plan".into()), "premium"),
    ];
    assert_eq!(identify.traits, expected.into_iter().map(|(t, v)| (t, Some(v.to_owned()))).collect());
    assert!(identify.ignored.is_empty());
}

#[test]
fn the_email_trait_has_precedence_over_the_top_level_email() {
    let address = identify(&segments_example()).address.unwrap();
    assert_eq!(address.address, "peter@example.com");
    assert_eq!(address.origin, AddressOrigin::Stated);
}

#[test]
fn the_email_is_looked_for_in_five_places_in_order() {
    let mut event = json!({
        "type": "identify", "userId": "User@Shape.example", "email": "top@x.example",
        "traits": {"Email": " Traits@x.example "}, "context": {"traits": {"email": "context@x.example"}},
        "properties": {"email": "properties@x.example"}
    });
    let paths = ["/traits/Email", "/context/traits/email", "/properties/email", "/email"];
    let expected = ["traits@x.example", "context@x.example", "properties@x.example", "top@x.example"];
    for (path, expected) in paths.into_iter().zip(expected) {
        let address = identify(&event).address.unwrap();
        assert_eq!((address.address.as_str(), address.origin), (expected, AddressOrigin::Stated));
        *event.pointer_mut(path).unwrap() = json!("no address");
    }
    let address = identify(&event).address.unwrap();
    assert_eq!(
        (address.address.as_str(), address.origin),
        ("user@shape.example", AddressOrigin::UserIdShape)
    );
}

#[test]
fn an_invalid_email_is_ignored_and_reported() {
    for invalid in
        [json!(null), json!(""), json!(7), json!(true), json!(["a@b.example"]), json!({"a": 1}), json!("a@b")]
    {
        let identify = identify(&json!({"type": "identify", "userId": "u", "traits": {"email": invalid}}));
        assert_eq!(identify.address, None, "{invalid}");
        assert_eq!(identify.ignored.len(), 1, "{invalid}");
        assert!(identify.traits.is_empty(), "{invalid}");
    }
}

#[test]
fn ids_are_trimmed_and_numbers_become_text() {
    for (id, expected) in [
        (json!(" u1 "), Some("u1")),
        (json!("🎉"), Some("🎉")),
        (json!(15551234567_u64), Some("15551234567")),
        (json!(-3), Some("-3")),
        (json!(1.5), Some("1.5")),
        (json!(true), Some("true")),
        (json!(null), None),
        (json!(""), None),
        (json!("  "), None),
        (json!(["u1"]), None),
        (json!({"id": "u1"}), None),
    ] {
        let by_user = identify(&json!({"type": "identify", "userId": id, "anonymousId": "x"}));
        assert_eq!(by_user.user.as_deref(), expected, "{id}");
        let by_anonymous = identify(&json!({"type": "identify", "userId": "u", "anonymous_id": id}));
        assert_eq!(by_anonymous.anonymous.as_deref(), expected, "{id}");
    }
}

#[test]
fn any_one_identifier_is_enough() {
    for named in [
        json!({"type": "identify", "userId": "u"}),
        json!({"type": "identify", "anonymousId": "x"}),
        json!({"type": "identify", "email": "a@b.example"}),
        json!({"type": "identify", "context": {"traits": {"email": "a@b.example"}}}),
    ] {
        assert!(read(&named).is_ok(), "{named}");
    }
}

#[test]
fn an_event_with_a_personas_object_is_from_engage_and_bulk() {
    let engage = |context: serde_json::Value| json!({"type": "identify", "userId": "u", "traits": {"vip": true}, "context": context});
    for context in [json!({"personas": {}}), json!({"Personas": {"computation_class": "audience"}})] {
        assert!(identify(&engage(context.clone())).engage);
        assert!(read(&engage(context)).unwrap().bulk);
    }
    for context in [json!({"personas": null}), json!({"personas": true}), json!([]), json!(null), json!({})] {
        assert!(!identify(&engage(context.clone())).engage, "{context}");
        assert!(!read(&engage(context)).unwrap().bulk);
    }
}

#[test]
fn only_false_under_the_exact_name_skips_an_event() {
    for (integrations, skip) in [
        (json!({"Refersion": false}), true),
        (json!({"All": true, "Refersion": false}), true),
        (json!({"All": false}), false),
        (json!({"All": false, "Refersion": true}), false),
        (json!({"refersion": false}), false),
        (json!({"Refersion": "false"}), false),
        (json!({"Refersion": {}}), false),
        (json!({"Refersion": null}), false),
        (json!({"Refersion": 0}), false),
        (json!([]), false),
        (json!(null), false),
    ] {
        let event = json!({"type": "identify", "userId": "u", "integrations": integrations});
        assert_eq!(identify(&event).skip, skip, "{integrations}");
    }
}

#[test]
fn a_message_without_an_id_is_identified_by_its_content() {
    let key = |json: &str| segment::read(json.as_bytes(), crate::now()).unwrap().message_key;
    let one = key(r#"{"type": "identify", "userId": "u", "traits": {"a": 1, "b": 2}}"#);
    assert!(one.starts_with("sha256:") && one.len() == 71, "{one}");
    assert_eq!(one, key(r#"{"userId":"u","traits":{"b":2,"a":1},"type":"identify"}"#));
    assert_ne!(one, key(r#"{"userId":"u","traits":{"b":2,"a":3},"type":"identify"}"#));
}

#[test]
fn a_message_id_is_text_or_a_number_of_at_most_100_characters() {
    let event =
        |id: serde_json::Value| read(&json!({"type": "identify", "userId": "u", "message_id": id})).unwrap();
    assert_eq!(event(json!(" m1 ")).message_key, "m1");
    assert_eq!(event(json!(17)).message_key, "17");
    assert_eq!(event(json!("ü".repeat(100))).message_key, "ü".repeat(100));
    let long = event(json!("m".repeat(101)));
    assert!(long.message_key.starts_with("sha256:"));
    assert_eq!(long.message_id.unwrap().len(), 101);
    for none in [json!(""), json!(" "), json!(null), json!(true), json!([])] {
        let event = event(none);
        assert_eq!(event.message_id, None);
        assert!(event.message_key.starts_with("sha256:"));
    }
}

#[test]
fn debug_output_has_nothing_personal() {
    let shown = format!("{:?}", read(&segments_example()).unwrap());
    for personal in ["peter", "Peter", "Gibbons", "94103", "test-user", "premium"] {
        assert!(!shown.contains(personal), "{shown}");
    }
}

#[test]
fn a_text_that_was_cut_inside_a_character_loses_only_that_character() {
    let json = br#"{"type":"identify","userId":"u","traits":{"bio":"on my way \ud83d","plan":"a"}}"#;
    let event = segment::read(json, crate::now()).unwrap();
    let segment::Body::Identify(identify) = event.body else { panic!("an identify") };
    assert_eq!(identify.traits[&Trait::Custom("bio".into())].as_deref(), Some("on my way \u{fffd}"));
    assert_eq!(identify.traits[&Trait::Custom("plan".into())].as_deref(), Some("a"));
    let stored = segment::without_key(json, "pub_1.sec_0123456789").unwrap();
    assert_eq!(segment::read(&stored, crate::now()).unwrap().message_key, event.message_key);
}
