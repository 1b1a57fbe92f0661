//! Comparison of accounts: a correct account has no difference, and each planted error is reported in one line.

use std::collections::BTreeSet;

use reference::{
    ActualAffiliate, Expected, LeastCalls, World, affiliates_of, compare, least_calls, left_over,
};
use serde_json::json;

use crate::story::{delete, expect_of, expect_with, identify, settings};

fn people() -> Expected {
    expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee").with("phone", "17").with("flag", true),
        identify(1).user("V").email("v@x.io").named("Vic Orr"),
        delete(2).user("V"),
    ])
}

/// The correct account: Ann is active, Vic is disabled.
fn account() -> Vec<ActualAffiliate> {
    let ann = json!({"id": 1, "code": "a1", "status": "ACTIVE", "email": "A@x.io", "first_name": "Ann",
        "last_name": "Lee", "phone": "17", "city": "", "offer": 3, "custom_fields": {"1": "true"}});
    let vic = json!({"id": "2", "code": "b2", "status": "DISABLED", "email": "v@x.io", "first_name": "Vic",
        "last_name": "Orr", "custom_fields": {}});
    let state =
        json!({"accounts": [{"public_key": "other"}, {"public_key": "key", "affiliates": [ann, vic]}]});
    affiliates_of(&state, "key", &BTreeSet::new()).expect("the state has the published form")
}

fn differences(expected: &Expected, account: &[ActualAffiliate]) -> Vec<String> {
    compare(expected, account, &|_, _, _| false).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_reported(plant: impl FnOnce(&mut Vec<ActualAffiliate>), difference: &str) {
    let mut account = account();
    plant(&mut account);
    assert_eq!(differences(&people(), &account), [difference]);
}

#[test]
fn a_correct_account_has_no_difference() {
    assert_eq!(differences(&people(), &account()), Vec::<String>::new());
    assert_eq!(left_over(&people(), &account()).len(), 1, "the disabled one");
}

#[test]
fn every_planted_error_is_reported() {
    assert_reported(|account| drop(account.remove(0)), "a@x.io: there is no affiliate");
    assert_reported(
        |account| account.push(account[0].clone()),
        "a@x.io: there are several affiliates: [1, 1]",
    );
    assert_reported(
        |account| account[0].status = "PENDING".into(),
        "a@x.io: the status should be ACTIVE and is PENDING",
    );
    assert_reported(
        |account| account[1].status = "ACTIVE".into(),
        "v@x.io: deleted person still active: affiliate 2 is ACTIVE",
    );
    assert_reported(
        |account| drop(account[0].fields.insert("phone".into(), "18".into())),
        "a@x.io: phone should be \"17\" and is \"18\"",
    );
    assert_reported(
        |account| drop(account[0].fields.insert("city".into(), "Rome".into())),
        "a@x.io: city should be \"\" and is \"Rome\"",
    );
    assert_reported(
        |account| drop(account[0].fields.remove("phone")),
        "a@x.io: phone should be \"17\" and is \"\"",
    );
    assert_reported(
        |account| account[0].custom_fields.clear(),
        "a@x.io: custom:1 should be \"true\" and is \"\"",
    );
    assert_reported(
        |account| drop(account[0].custom_fields.insert(2, "gold".into())),
        "a@x.io: custom:2 should be \"\" and is \"gold\"",
    );
}

#[test]
fn a_refused_value_is_not_compared() {
    let mut account = account();
    account[0].fields.remove("phone");
    let refused =
        |address: &str, field: &str, value: &str| (address, field, value) == ("a@x.io", "phone", "17");
    assert_eq!(compare(&people(), &account, &refused), []);
    let refused = |_: &str, field: &str, value: &str| (field, value) == ("email", "a@x.io");
    assert_eq!(compare(&people(), &account[1..], &refused), [], "no affiliate without an address");
}

#[test]
fn unstated_values_of_an_existing_affiliate_are_not_compared() {
    let mut account = account();
    account[0].existed_before = true;
    account[0].status = "DENIED".into();
    account[0].fields.insert("city".into(), "Rome".into());
    account[0].custom_fields.insert(2, "gold".into());
    assert_eq!(differences(&people(), &account), Vec::<String>::new());
    account[0].fields.insert("phone".into(), "18".into());
    assert_eq!(differences(&people(), &account), ["a@x.io: phone should be \"17\" and is \"18\""]);
}

#[test]
fn an_optional_affiliate_need_not_exist() {
    let world = World { existed: ["a@x.io".to_owned()].into(), ..World::default() };
    let expected = expect_with(&[identify(1).email("a@x.io").with("phone", "18")], &settings(), &world);
    assert_eq!(differences(&expected, &[]), Vec::<String>::new());
    assert_eq!(differences(&expected, &account()[..1]), ["a@x.io: phone should be \"18\" and is \"17\""]);
}

#[test]
fn after_a_delete_a_new_affiliate_is_active_only_by_the_settings() {
    let events = [
        identify(1).email("v@x.io").named("Vic Orr"),
        delete(2).email("v@x.io"),
        identify(3).email("v@x.io").named("Vic Orr"),
    ];
    let vic = &account()[1..];
    assert_eq!(
        differences(&expect_of(&events), vic),
        ["v@x.io: the status should be ACTIVE and is DISABLED"]
    );
    let mut pending = settings();
    pending.new_status_active = false;
    assert_eq!(differences(&expect_with(&events, &pending, &World::default()), vic), Vec::<String>::new());
}

#[test]
fn the_fewest_calls_use_batches_of_fifty() {
    let nobody = least_calls(&people(), &[]);
    assert_eq!(nobody, LeastCalls { creates: 1, edits: 1, status_changes: 0 });
    assert_eq!(least_calls(&people(), &account()).total(), 0);
    let mut before = account();
    before[0].fields.remove("phone");
    before[1].status = "ACTIVE".into();
    assert_eq!(least_calls(&people(), &before), LeastCalls { creates: 0, edits: 1, status_changes: 1 });
    assert_eq!(LeastCalls { creates: 3, edits: 51, status_changes: 50 }.total(), 6);
}

#[test]
fn an_invalid_state_is_reported() {
    let state = json!({"accounts": [{"public_key": "key", "affiliates": [{"id": 1}]}]});
    let error = |key| affiliates_of(&state, key, &BTreeSet::new()).unwrap_err().to_string();
    assert_eq!(error("none"), "the state has no account none; check the public key");
    assert!(error("key").contains("no usable field"));
}
