//! Reading of single events: the special cases of Segment's traits.

use reference::{Accepted, World, expect};
use serde_json::{Value, json};

use crate::story::{Event, addresses, expect_of, expect_with, field, identify, second, settings};

/// The fields of an affiliate whose only event has these traits beside a name.
#[track_caller]
fn assert_fields(traits: Value, fields: &[(&str, &str)]) {
    let mut event = identify(1).email("a@x.io").named("Ann Lee");
    for (key, value) in traits.as_object().expect("traits are an object") {
        event = event.with(key, value.clone());
    }
    let expected = expect_of(&[event]);
    for (name, value) in fields {
        assert_eq!(field(&expected, "a@x.io", name), Some(*value), "{name}");
    }
}

#[test]
fn a_name_is_stated_in_one_or_two_traits() {
    assert_fields(
        json!({"name": " Ann Mary  van Lee "}),
        &[("first_name", "Ann"), ("last_name", "Mary  van Lee")],
    );
    assert_fields(
        json!({"First_Name": " Bob ", "last name": null}),
        &[("first_name", "Bob"), ("last_name", "Lee")],
    );
    assert_fields(
        json!({"firstName": {"x": 1}, "lastName": 7}),
        &[("first_name", "Ann"), ("last_name", "Lee")],
    );
    assert_fields(json!({"name": "Ann"}), &[("first_name", "Ann"), ("last_name", "-")]);
}

#[test]
fn the_parts_of_an_address_come_before_flat_traits() {
    let nested =
        json!({"street": "6th St", "postal_code": 94103, "zip": "no", "city": null, "state": ["no"]});
    let traits = json!({"address": nested, "city": "Rome", "state": "california", "Street2": " 2nd floor ", "zipCode": "no"});
    let fields = [
        ("address1", "6th St"),
        ("zip", "94103"),
        ("city", "Rome"),
        ("state", "CA"),
        ("address2", "2nd floor"),
    ];
    assert_fields(traits, &fields);
    assert_fields(
        json!({"address": " 6th St ", "city": "Rome"}),
        &[("address1", "6th St"), ("city", "Rome")],
    );
}

#[test]
fn countries_and_states_become_codes_inside_one_event() {
    assert_fields(json!({"country": "USA", "state": "Texas"}), &[("country", "US"), ("state", "TX")]);
    assert_fields(
        json!({"country": "Germany", "state": "Georgia"}),
        &[("country", "DE"), ("state", "Georgia")],
    );
    assert_fields(json!({"country": "Cyprus"}), &[("country", "")]);
    let events = [
        identify(1).email("a@x.io").named("Ann Lee").with("country", "uk"),
        identify(2).email("a@x.io").with("country", "Cyprus"),
    ];
    assert_eq!(field(&expect_of(&events), "a@x.io", "country"), Some("GB"), "not accepted is not stated");
}

#[test]
fn company_and_phone_have_several_shapes() {
    assert_fields(
        json!({"company": {"name": " Acme "}, "phone": 123456}),
        &[("company", "Acme"), ("phone", "123456")],
    );
    assert_fields(
        json!({"company": ["no"], "phones": [{"value": "17"}, "18"]}),
        &[("company", ""), ("phone", "17")],
    );
    assert_fields(json!({"phone": true, "phones": [{"number": 17}]}), &[("phone", "17")]);
}

#[test]
fn null_clears_an_optional_field_and_is_ignored_on_names() {
    let events = [
        identify(1).email("a@x.io").named("Ann Lee").with("phone", "17").with("flag", "on"),
        identify(2)
            .email("a@x.io")
            .named("")
            .with("firstName", Value::Null)
            .with("phone", " ")
            .with("Flag", Value::Null),
    ];
    let expected = expect_of(&events);
    let values = ["first_name", "phone", "1"].map(|name| field(&expected, "a@x.io", name));
    assert_eq!(values, [Some("Ann"), Some(""), Some("")]);
}

#[test]
fn custom_traits_are_scalars_as_text() {
    assert_fields(json!({"FLAG": true, "v.i.p": "no", "V-I-P": 12.50}), &[("1", "true"), ("2", "12.5")]);
    assert_fields(json!({"flag": 5, "vip": " gold "}), &[("1", "5"), ("2", "gold")]);
    let event =
        identify(1).email("a@x.io").named("Ann Lee").with("flag", "x".repeat(256)).with("vip", json!({}));
    assert!(expect_of(&[event]).affiliates["a@x.io"].custom_fields.is_empty());
}

#[test]
fn the_first_spelling_in_the_document_is_used() {
    let json = r#"{"TYPE": "Identify", "User_ID": 7, "userId": "8", "timestamp": "2020-01-01T00:00:00Z",
        "traits": {"name": "Ann Lee", "E-Mail": "a@x.io", "zz_flag": 1, "flag": "z", "Flag": "a"}}"#;
    let events = [Accepted { received_at: second(1), json: json.as_bytes(), revision: 0 }];
    let expected = expect(events, &settings(), &World::default());
    assert_eq!(field(&expected, "a@x.io", "1"), Some("z"));
}

#[test]
fn an_address_is_looked_for_in_five_places() {
    let base = || identify(1).user("U@5.io").named("Ann Lee");
    let email = |email: &str| json!({ "email": email });
    let events: [(&str, Event); 5] = [
        (
            "a@1.io",
            base()
                .with("email", " A@1.io ")
                .set("email", "a@4.io")
                .set("context", json!({"traits": email("a@2.io")})),
        ),
        (
            "a@2.io",
            base()
                .with("email", "none")
                .set("context", json!({"traits": email("a@2.io")}))
                .set("email", "a@4.io"),
        ),
        (
            "a@3.io",
            base().with("email", "a b@x.io").set("properties", email("a@3.io")).set("email", "a@4.io"),
        ),
        ("a@4.io", base().with("email", 7).set("email", "a@4.io")),
        ("u@5.io", base().with("email", Value::Null)),
    ];
    for (address, event) in events {
        assert_eq!(addresses(&expect_of(&[event])), [address]);
    }
}

#[test]
fn a_retry_has_the_time_of_the_first_attempt() {
    let events = [
        identify(1).email("a@x.io").named("Ann Lee").received(9),
        identify(2).email("a@x.io").named("Bob Ray").received(3),
    ];
    assert_eq!(field(&expect_of(&events), "a@x.io", "first_name"), Some("Bob"));
}

#[test]
fn no_time_is_later_than_the_receipt() {
    let newest = identify(5).email("a@x.io").named("Ann Lee");
    let ahead = identify(99).email("a@x.io").named("Bob Ray");
    let at_us = ahead.clone().received(4);
    let at_segment = ahead.received(9).set("receivedAt", second(4).to_string());
    for event in [at_us, at_segment] {
        assert_eq!(field(&expect_of(&[newest.clone(), event]), "a@x.io", "first_name"), Some("Ann"));
    }
}

#[test]
fn the_settings_decide_what_a_create_needs() {
    let mut settings = settings();
    settings.require_address = true;
    settings.one_word_last_name = None;
    let can = |event: Event| !expect_with(&[event], &settings, &World::default()).affiliates.is_empty();
    let base = || identify(1).email("a@x.io").named("Ann Lee");
    assert!(!can(base()));
    assert!(!can(base().with("street2", "2nd floor")));
    assert!(!can(base().with("city", "")));
    assert!(can(base().with("city", "Rome")));
    assert!(!can(base().with("city", "Rome").named("Ann")), "a one-word name waits");
}

#[test]
fn the_payment_address_comes_from_its_own_trait_only() {
    let mut settings = settings();
    settings.paypal_trait = Some("payPal".into());
    let event = |paypal: &str| identify(1).email("a@x.io").named("Ann Lee").with("pay_pal", paypal);
    let paid = |paypal: &str| {
        let expected = expect_with(&[event(paypal)], &settings, &World::default());
        field(&expected, "a@x.io", "paypal_email").map(String::from)
    };
    assert_eq!(paid("p@x.io").as_deref(), Some("p@x.io"));
    assert_eq!(paid("none").as_deref(), Some(""));
}

#[test]
fn events_that_the_reader_should_refuse_are_counted() {
    let texts: [&[u8]; 5] = [
        b"",
        b"[]",
        b"{\"type\":\"track\"}",
        b"{\"type\":\"identify\"}",
        b"{\"type\":\"delete\",\"userId\":null}",
    ];
    let events = texts.map(|json| Accepted { received_at: second(1), json, revision: 0 });
    assert_eq!(expect(events, &settings(), &World::default()).unreadable, 5);
}

#[test]
fn the_later_receipt_by_segment_decides_between_events_of_one_time() {
    let at = |key: &str, received: &str, plan: &str| {
        let received_at = format!("2023-11-14T22:13:21{received}Z");
        identify(1)
            .email("a@x.io")
            .named("Ann Lee")
            .set("messageId", key)
            .set("receivedAt", received_at)
            .with("flag", plan)
    };
    for events in [
        [at("z", ".5", "trial"), at("a", ".7", "premium")],
        [at("a", ".7", "premium"), at("z", ".5", "trial")],
    ] {
        assert_eq!(field(&expect_of(&events), "a@x.io", "1"), Some("premium"));
    }
}

#[test]
fn a_time_before_the_year_2000_was_never_set() {
    for zero in [json!("1970-01-01T00:00:00Z"), json!(0), json!("0001-01-01T00:00:00Z")] {
        let event = |at: i64, plan: &str| {
            let event = identify(at).email("a@x.io").named("Ann Lee").with("flag", plan);
            event.set("timestamp", zero.clone()).set("sentAt", second(at).to_string())
        };
        let events = [event(2, "premium"), event(1, "trial")];
        assert_eq!(field(&expect_of(&events), "a@x.io", "1"), Some("premium"), "{zero}");
    }
}
