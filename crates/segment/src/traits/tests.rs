//! The shapes of traits and their normalized form.

use super::*;
use crate::fields::Fields;
use serde_json::{Value, json};

fn read_object(traits: &Node<'_>) -> ParsedTraits {
    let event = Node::Object(vec![("traits".into(), traits.clone())]);
    super::read(&Sources::of(&Fields::of(Some(&event))), &Mapping::default())
}

/// Reads traits and returns pairs of name and value, in the order of the names.
fn parsed(traits: &Value) -> Vec<(String, Option<String>)> {
    let json = traits.to_string();
    let node = Node::parse(json.as_bytes()).unwrap();
    let traits = read_object(&node).traits;
    traits
        .into_iter()
        .map(|(key, statement)| match key {
            Trait::Custom(key) => (format!("custom:{key}"), statement),
            standard => (format!("{standard:?}"), statement),
        })
        .collect()
}

fn pairs(expected: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect()
}

#[track_caller]
fn check(traits: Value, expected: &[(&str, Option<&str>)]) {
    assert_eq!(parsed(&traits), pairs(expected), "{traits}");
}

fn ignored(json: &str) -> Vec<(String, &'static str)> {
    let node = Node::parse(json.as_bytes()).unwrap();
    read_object(&node).ignored.into_iter().map(|i| (i.key, i.reason.as_str())).collect()
}

#[test]
fn a_name_is_split_at_its_first_white_space() {
    check(
        json!({"name": " Peter \t van der  Berg "}),
        &[("FirstName", Some("Peter")), ("LastName", Some("van der  Berg"))],
    );
}

#[test]
fn a_name_of_one_word_means_that_there_is_no_last_name() {
    check(json!({"name": "Cher"}), &[("FirstName", Some("Cher")), ("LastName", Some(""))]);
}

#[test]
fn first_and_last_name_each_have_precedence_over_the_name() {
    check(
        json!({"name": "Peter Gibbons", "last_name": "Smith"}),
        &[("FirstName", Some("Peter")), ("LastName", Some("Smith"))],
    );
    check(
        json!({"name": "Cher", "lastName": "Sarkisian"}),
        &[("FirstName", Some("Cher")), ("LastName", Some("Sarkisian"))],
    );
    check(json!({"firstName": "Peter"}), &[("FirstName", Some("Peter"))]);
}

#[test]
fn empty_and_invalid_names_are_ignored() {
    for invalid in [json!(null), json!(""), json!("  "), json!(7), json!(true), json!({"a": 1}), json!([])] {
        check(
            json!({"firstName": invalid, "lastName": invalid, "name": "A B"}),
            &[("FirstName", Some("A")), ("LastName", Some("B"))],
        );
        check(json!({"firstName": invalid, "lastName": invalid, "name": invalid}), &[]);
    }
}

#[test]
fn a_company_is_text_or_an_object_with_a_name() {
    check(json!({"company": " Initech "}), &[("Company", Some("Initech"))]);
    check(json!({"company": {"id": 7, "Name": "Initech"}}), &[("Company", Some("Initech"))]);
    check(json!({"company": null}), &[("Company", None)]);
    check(json!({"company": " "}), &[("Company", None)]);
    for invalid in [json!(7), json!(true), json!(["Initech"]), json!({"id": 7}), json!({"name": {}})] {
        check(json!({"company": invalid}), &[]);
    }
}

#[test]
fn a_phone_may_be_a_number_and_the_first_of_several() {
    check(json!({"phone": 15_551_234_567_u64}), &[("Phone", Some("15551234567"))]);
    check(json!({"phone": " +1 555 ", "phones": ["2"]}), &[("Phone", Some("+1 555"))]);
    check(json!({"phones": [5551, 5552]}), &[("Phone", Some("5551"))]);
    check(json!({"phones": [{"value": "1"}]}), &[("Phone", Some("1"))]);
    check(json!({"phones": [{"type": "home", "Number": 2}]}), &[("Phone", Some("2"))]);
    check(json!({"phone": {"home": 1}, "phones": ["2"]}), &[("Phone", Some("2"))]);
    check(json!({"phone": true}), &[]);
    check(json!({"phones": []}), &[]);
    check(json!({"phones": "2"}), &[]);
}

#[test]
fn a_phone_is_cleared_only_if_no_other_key_has_one() {
    check(json!({"phone": null, "phones": ["2"]}), &[("Phone", Some("2"))]);
    check(json!({"phone": null, "phones": []}), &[("Phone", None)]);
}

#[test]
fn address_parts_come_from_the_address_then_from_flat_traits() {
    check(
        json!({"address": {"Street": "6th St", "street_2": "Floor 3", "postal_code": 94103}, "city": "San Francisco",
               "street": "not this one", "State": "CA", "country": "USA"}),
        &[
            ("Street", Some("6th St")),
            ("Street2", Some("Floor 3")),
            ("City", Some("San Francisco")),
            ("State", Some("CA")),
            ("PostalCode", Some("94103")),
            ("Country", Some("USA")),
        ],
    );
}

#[test]
fn the_postal_code_comes_before_zip_and_the_address_before_flat_traits() {
    check(json!({"zip": "1", "postal_code": "2"}), &[("PostalCode", Some("2"))]);
    check(json!({"zip_code": "1", "zip": "2"}), &[("PostalCode", Some("2"))]);
    check(json!({"postalCode": "1", "address": {"zipCode": "2"}}), &[("PostalCode", Some("2"))]);
}

#[test]
fn a_part_of_the_address_is_cleared_only_if_no_other_key_has_a_value_for_it() {
    check(json!({"address": {"city": null, "state": " "}}), &[("City", None), ("State", None)]);
    check(
        json!({"address": {"city": null, "state": " "}, "city": "X", "state": "YT"}),
        &[("City", Some("X")), ("State", Some("YT"))],
    );
}

#[test]
fn a_part_of_an_invalid_type_falls_back() {
    check(json!({"address": {"city": {"name": "A"}, "state": true}, "city": "X"}), &[("City", Some("X"))]);
}

#[test]
fn an_address_as_a_single_text_is_the_street_and_flat_parts_are_used() {
    check(
        json!({"address": " 6th St, SF ", "street": "no", "city": "SF"}),
        &[("Street", Some("6th St, SF")), ("City", Some("SF"))],
    );
}

#[test]
fn a_null_address_does_not_clear_its_parts() {
    check(json!({"address": null, "city": "SF"}), &[("City", Some("SF"))]);
    assert_eq!(ignored(r#"{"address": null}"#), [("address".into(), "cannot_be_cleared")]);
}

#[test]
fn an_address_of_an_invalid_type_is_ignored() {
    for invalid in [json!(["A"]), json!(7), json!(false), json!({})] {
        check(json!({"address": invalid, "city": "SF"}), &[("City", Some("SF"))]);
    }
}

#[test]
fn custom_traits_are_single_values_as_text() {
    check(
        json!({"plan": " premium ", "logins": 5, "ratio": 0.1, "big": 1e21, "round": 3.0, "neg": -7, "vip": true,
               "left": false, "gone": null, "empty": "", "list": [1], "object": {"a": 1}}),
        &[
            ("custom:big", Some("1000000000000000000000")),
            ("custom:empty", Some("")),
            ("custom:gone", None),
            ("custom:left", Some("false")),
            ("custom:logins", Some("5")),
            ("custom:neg", Some("-7")),
            ("custom:plan", Some("premium")),
            ("custom:ratio", Some("0.1")),
            ("custom:round", Some("3")),
            ("custom:vip", Some("true")),
        ],
    );
}

#[test]
fn an_audience_key_with_spaces_and_capitals_is_a_custom_trait_with_its_spelling() {
    let node = Node::parse(br#"{"High Value Customers": true}"#).unwrap();
    let parsed = read_object(&node);
    assert_eq!(parsed.traits[&Trait::Custom("highvaluecustomers".into())].as_deref(), Some("true"));
    assert_eq!(parsed.spellings["highvaluecustomers"], "High Value Customers");
}

#[test]
fn ids_among_the_traits_are_custom_like_any_other() {
    check(json!({"id": 7, "userId": "u"}), &[("custom:id", Some("7")), ("custom:userid", Some("u"))]);
}

#[test]
fn a_custom_trait_has_at_most_255_characters() {
    let (fits, long) = ("ü".repeat(255), "ü".repeat(256));
    check(json!({"a": fits}), &[("custom:a", Some(&fits))]);
    check(json!({"a": long}), &[]);
    assert_eq!(ignored(&json!({"a": long}).to_string()), [("a".into(), "too_long")]);
    assert_eq!(ignored(&json!({"a": 1e300}).to_string()), [("a".into(), "too_long")]);
    check(json!({ long: 1 }), &[]);
}

#[test]
fn a_standard_trait_has_at_most_1000_characters() {
    let (fits, long) = ("ü".repeat(1_000), "ü".repeat(1_001));
    check(json!({"company": fits}), &[("Company", Some(&fits))]);
    check(json!({"company": long, "phone": long, "city": "SF"}), &[("City", Some("SF"))]);
    assert_eq!(ignored(&json!({"company": long}).to_string()), [("company".into(), "too_long")]);
    check(json!({"name": format!("Ann {long}")}), &[("FirstName", Some("Ann"))]);
}

#[test]
fn the_first_spelling_in_the_document_is_used() {
    let json = r#"{"Plan Name": "first", "planName": "second", "first_name": "A", "FirstName": "B"}"#;
    let node = Node::parse(json.as_bytes()).unwrap();
    let parsed = read_object(&node);
    assert_eq!(parsed.traits[&Trait::Custom("planname".into())].as_deref(), Some("first"));
    assert_eq!(parsed.traits[&Trait::FirstName].as_deref(), Some("A"));
    assert_eq!(ignored(json), [("firstname".into(), "repeated"), ("planname".into(), "repeated")]);
}

#[test]
fn ignored_values_are_listed_with_their_reason() {
    let json = r#"{"name": {"first": "A"}, "firstName": "", "lastName": 7, "company": 7, "phone": [1],
                   "address": {"city": true}, "tags": ["a"]}"#;
    let expected = [
        ("name", "nested"),
        ("lastname", "not_text"),
        ("firstname", "cannot_be_cleared"),
        ("company", "not_text"),
        ("phone", "nested"),
        ("address.city", "not_text"),
        ("tags", "nested"),
    ];
    assert_eq!(ignored(json), expected.map(|(key, reason)| (key.to_owned(), reason)));
}

#[test]
fn traits_other_than_an_object_are_ignored() {
    for invalid in [json!(null), json!([]), json!("x"), json!([{"plan": "a"}])] {
        check(invalid, &[]);
    }
}

#[test]
fn a_standard_trait_is_not_custom_in_any_spelling() {
    let all = json!({"name": "A", "First Name": "A", "last_name": "B", "E-Mail": "a@b.c", "company": "C", "phones": [1],
                     "Postal Code": "1", "street": "S"});
    assert!(parsed(&all).iter().all(|(name, _)| !name.starts_with("custom:")));
    assert!(all.as_object().unwrap().keys().all(|name| !is_custom(name)));
    for custom in ["plan", "userId", "First Time Shopper", "nickname"] {
        assert!(is_custom(custom), "{custom}");
    }
}
