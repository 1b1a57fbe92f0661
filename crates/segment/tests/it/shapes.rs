//! Identifies as shops, payment providers and libraries really send them.

use segment::{Body, Identify, Mapping, ReadOptions, Trait};
use serde_json::{Value, json};

use crate::identify;

/// The traits of an identify under short names, without those that are custom.
fn standard(identify: &Identify) -> Vec<(String, Option<String>)> {
    let standard = identify.traits.iter().filter(|(key, _)| !matches!(key, Trait::Custom(_)));
    standard.map(|(key, value)| (format!("{key:?}"), value.clone())).collect()
}

#[track_caller]
fn check(event: &Value, expected: &[(&str, &str)]) {
    let expected: Vec<_> =
        expected.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect();
    assert_eq!(standard(&of(event)), expected, "{event}");
}

fn of(event: &Value) -> Identify {
    let mut event = event.clone();
    event["type"] = json!("identify");
    if event["userId"].is_null() {
        event["userId"] = json!("u");
    }
    identify(&event)
}

#[test]
fn the_addresses_of_shops_and_payment_providers_are_read() {
    let shopify = json!({"traits": {"default_address": {"address1": "5 Elm St", "address2": "Unit 4", "city": "Regina",
        "province": "Saskatchewan", "province_code": "SK", "country": "Canada", "country_code": "CA", "zip": "S4P 3Y2",
        "default": true}, "addresses": [{"address1": "elsewhere", "city": "Elsewhere"}]}});
    let shopify_fields = [
        ("Street", "5 Elm St"),
        ("Street2", "Unit 4"),
        ("City", "Regina"),
        ("State", "Saskatchewan"),
        ("PostalCode", "S4P 3Y2"),
        ("Country", "CA"),
    ];
    check(&shopify, &shopify_fields);
    let list = json!({"traits": {"addresses": [{"address1": "elsewhere"}, {"address1": "5 Elm St", "default": true}]}});
    check(&list, &[("Street", "5 Elm St")]);
    let stripe = json!({"traits": {"address": {"line1": "Ringstr. 2", "line2": null, "city": "Ulm", "postal_code": "89073",
        "state": null, "country": "DE"}}});
    let traits = of(&stripe).traits;
    assert_eq!(traits[&Trait::Street].as_deref(), Some("Ringstr. 2"));
    assert_eq!(traits[&Trait::PostalCode].as_deref(), Some("89073"));
    assert_eq!((&traits[&Trait::Street2], &traits[&Trait::State]), (&None, &None), "null clears");
    let woo = json!({"traits": {"billing": {"address_1": "2 Pier", "city": "Galway", "postcode": "H91", "country": "IE"}}});
    let woo_fields = [("Street", "2 Pier"), ("City", "Galway"), ("PostalCode", "H91"), ("Country", "IE")];
    check(&woo, &woo_fields);
    let flat = json!({"traits": {"billing_address_1": "2 Pier", "billing_city": "Galway", "billing_postcode": "H91",
        "billing_country": "IE"}});
    check(&flat, &woo_fields);
    let refersion = json!({"traits": {"address1": "3 Rue", "address2": "B", "city": "Nantes", "zip": "44000", "country": "FR"}});
    let refersion_fields = [
        ("Street", "3 Rue"),
        ("Street2", "B"),
        ("City", "Nantes"),
        ("PostalCode", "44000"),
        ("Country", "FR"),
    ];
    check(&refersion, &refersion_fields);
}

#[test]
fn an_address_may_be_keys_with_dots_or_underscores_a_list_or_a_text_of_json() {
    let expected = [("Street", "Gasse 3"), ("City", "Linz"), ("PostalCode", "4020"), ("Country", "AT")];
    let address = json!({"street": "Gasse 3", "city": "Linz", "postalCode": 4020, "country": "AT"});
    check(&json!({"traits": {"address": [address]}}), &expected);
    check(&json!({"traits": {"address": address.to_string()}}), &expected);
    for between in [".", "_"] {
        let members = address.as_object().unwrap().iter();
        let traits: serde_json::Map<_, _> =
            members.map(|(key, value)| (format!("address{between}{key}"), value.clone())).collect();
        let identify = of(&json!({ "traits": traits }));
        assert_eq!(standard(&identify).len(), 4, "{between}");
        assert!(identify.spellings.is_empty(), "parts of an address are no custom traits");
    }
    let british = json!({"traits": {"address": {"town": "Leeds", "postcode": "LS1 1AA", "county": "Yorkshire",
        "country": {"code": "GB", "name": "United Kingdom"}}}});
    check(
        &british,
        &[("City", "Leeds"), ("State", "Yorkshire"), ("PostalCode", "LS1 1AA"), ("Country", "GB")],
    );
}

#[test]
fn a_state_outside_an_address_counts_only_if_it_looks_like_one() {
    let identify = of(&json!({"traits": {"state": "trialing", "country": "DE"}}));
    assert!(!identify.traits.contains_key(&Trait::State));
    assert_eq!(identify.ignored[0].reason.as_str(), "not_a_state");
    check(&json!({"traits": {"state": "Bayern"}}), &[("State", "Bayern")]);
    check(&json!({"traits": {"state": "texas"}}), &[("State", "texas")]);
    check(&json!({"traits": {"address": {"state": "trialing"}}}), &[("State", "trialing")]);
}

#[test]
fn the_spelling_of_the_spec_precedes_other_keys_and_then_the_first_usable_value_counts() {
    let read = |json: &str| match segment::read(json.as_bytes(), crate::now()).unwrap() {
        segment::Event { message_key, body: Body::Identify(identify), .. } => (message_key, identify),
        segment::Event { .. } => panic!("{json}"),
    };
    let (key, it) =
        read(r#"{"type":"identify","message_id":"other","messageId":"m1","user_id":"u2","userId":"u1"}"#);
    assert_eq!((key.as_str(), it.user.as_deref()), ("m1", Some("u1")));
    for blank in ["null", "\"\"", "\" \""] {
        let json = format!(
            r#"{{"type":"identify","userId":{blank},"user_id":"u7","messageId":{blank},"message_id":"m7","traits":{{
            "Email":{blank},"email":"kim@example.com","firstName":{blank},"first_name":"Kim","lastName":{blank},
            "last_name":"Kale","postalCode":{blank},"zip":"8001","Plan":{blank},"plan":"gold","phone":{blank},"phones":["7"]}}}}"#
        );
        let (key, it) = read(&json);
        assert_eq!((key.as_str(), it.user.as_deref()), ("m7", Some("u7")), "{blank}");
        assert_eq!(it.address.unwrap().address, "kim@example.com");
        let value = |name| it.traits[&name].as_deref();
        assert_eq!((value(Trait::FirstName), value(Trait::LastName)), (Some("Kim"), Some("Kale")));
        assert_eq!((value(Trait::PostalCode), value(Trait::Phone)), (Some("8001"), Some("7")));
        assert_eq!(value(Trait::Custom("plan".into())), Some("gold"));
        assert!(it.ignored.is_empty(), "{:?}", it.ignored);
    }
}

#[test]
fn a_last_name_that_is_null_or_empty_beside_a_first_name_means_a_name_of_one_word() {
    for blank in [json!(null), json!(""), json!(" ")] {
        check(
            &json!({"traits": {"firstName": "Cher", "lastName": blank}}),
            &[("FirstName", "Cher"), ("LastName", "")],
        );
        check(
            &json!({"traits": {"name": "Ann Lee", "lastName": blank}}),
            &[("FirstName", "Ann"), ("LastName", "Lee")],
        );
        check(&json!({"traits": {"lastName": blank}}), &[]);
    }
    check(&json!({"traits": {"firstName": "Ann", "lastName": 7}}), &[("FirstName", "Ann")]);
}

#[test]
fn traits_are_read_from_several_places_in_a_fixed_order() {
    let traits = json!({"firstName": "Ida", "lastName": "Ivy", "city": "Ipswich", "plan": "gold"});
    let expected = [("FirstName", "Ida"), ("LastName", "Ivy"), ("City", "Ipswich")];
    for event in [
        json!({"traits": {}, "context": {"traits": traits}}),
        json!({"traits": null, "context": {"traits": traits}}),
        json!({"context": {"traits": traits}}),
        json!({"traits": {"traits": traits}}),
        json!({"traits": traits.to_string()}),
        json!({"properties": traits}),
    ] {
        check(&event, &expected);
        assert_eq!(of(&event).traits[&Trait::Custom("plan".into())].as_deref(), Some("gold"), "{event}");
    }
    check(&json!({"firstName": "Ida", "lastName": "Ivy", "city": "Ipswich", "plan": "gold"}), &expected);
    let both = json!({"traits": {"city": null, "plan": "silver"},
        "context": {"traits": {"city": "Hull", "plan": "gold", "userId": "u", "anonymousId": "x", "firstName": "Ida"}}});
    let identify = of(&both);
    assert_eq!(identify.traits[&Trait::City], None, "what `traits` clears is not looked for elsewhere");
    assert_eq!(identify.traits[&Trait::Custom("plan".into())].as_deref(), Some("silver"));
    assert_eq!(identify.traits[&Trait::FirstName].as_deref(), Some("Ida"));
    assert_eq!(identify.traits.len(), 3, "identifiers are no traits: {:?}", identify.traits.keys());
}

#[test]
fn any_trait_can_be_mapped_to_a_standard_field() {
    let pairs = [
        ("first_name", "users.first_name"),
        ("phone", "phones.1.number"),
        ("email", "profile.mail"),
        ("company", "org"),
    ];
    let options = ReadOptions { mapping: Mapping::of(pairs), ..ReadOptions::default() };
    for traits in [
        json!({"users.first_name": "Kai", "phones": [{"number": 1}, {"number": 2}], "profile": {"mail": "kai@example.com"}, "org": "Acme"}),
        json!({"Users": {"firstName": "Kai"}, "phones": [{"number": 1}, {"number": 2}], "profile.mail": "kai@example.com", "Org": "Acme",
            "first_name": "not this one"}),
    ] {
        let json = json!({"type": "identify", "userId": "u", "traits": traits}).to_string();
        let event = segment::read_with(json.as_bytes(), crate::now(), &options).unwrap();
        let Body::Identify(it) = event.body else { panic!("an identify") };
        let expected = [(Trait::FirstName, "Kai"), (Trait::Company, "Acme"), (Trait::Phone, "2")];
        let expected: segment::Traits =
            expected.into_iter().map(|(key, value)| (key, Some(value.to_owned()))).collect();
        assert_eq!(it.traits, expected, "{json}");
        assert_eq!(it.address.unwrap().address, "kai@example.com");
    }
}

#[test]
fn large_numbers_are_exact_and_refuse_no_event() {
    let json = br#"{"type":"identify","userId":123456789012345678901,"traits":{"serial":987654321098765432109,"odd":1e400,
        "nested":{"odd":-1e999},"plan":"gold","phone":4.9151E7}}"#;
    let event = segment::read(json, crate::now()).unwrap();
    let Body::Identify(it) = event.body else { panic!("an identify") };
    assert_eq!(it.user.as_deref(), Some("123456789012345678901"));
    let custom = |key: &str| it.traits[&Trait::Custom(key.into())].as_deref();
    assert_eq!(custom("serial"), Some("987654321098765432109"));
    assert_eq!((custom("odd"), custom("plan")), (Some("1e400"), Some("gold")));
    assert_eq!(it.traits[&Trait::Phone].as_deref(), Some("49151000"));
    let stored = segment::without_key(json, "pub_1.sec_0123456789").unwrap();
    assert_eq!(segment::read(&stored, crate::now()).unwrap().message_key, event.message_key);
    let with_key = String::from_utf8_lossy(json).replace("gold", "sec_0123456789 \\u0041");
    let redacted = segment::without_key(with_key.as_bytes(), "pub_1.sec_0123456789").unwrap();
    let text = String::from_utf8(redacted.into_owned()).unwrap();
    assert!(text.contains("\"odd\":1e400") && text.contains(":123456789012345678901,"), "{text}");
}
