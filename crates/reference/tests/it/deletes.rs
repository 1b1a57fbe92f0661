//! The identifiers that a delete covers, and those that it does not.

use crate::story::{addresses, delete, expect_of, field, forbidden, identify};

#[test]
fn at_the_same_time_the_delete_wins() {
    let expected = expect_of(&[identify(1).email("a@x.io").named("Ann Lee"), delete(1).email("a@x.io")]);
    assert_eq!((addresses(&expected), forbidden(&expected)), (vec![], vec!["a@x.io"]));
}

#[test]
fn a_repeated_delete_covers_statements_in_between() {
    let expected = expect_of(&[
        delete(1).email("a@x.io"),
        identify(2).email("a@x.io").named("Ann Lee"),
        delete(3).email("a@x.io"),
    ]);
    assert!(expected.affiliates.is_empty());
}

#[test]
fn an_inherited_tombstone_does_not_reach_other_users() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        identify(2).user("V").email("a@x.io").named("Bob Ray"),
        delete(3).user("U"),
        identify(4).user("V").email("b@x.io"),
    ]);
    assert_eq!(addresses(&expected), ["b@x.io"]);
    assert_eq!(field(&expected, "b@x.io", "first_name"), Some("Bob"), "V's own statements stay");
    assert_eq!(forbidden(&expected), ["a@x.io"], "the affiliate at a has the tombstone: V gets a new one");
}

#[test]
fn a_user_whose_address_was_deleted_with_another_user_waits() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        identify(2).user("V").email("a@x.io").named("Bob Ray"),
        delete(3).user("U"),
    ]);
    assert_eq!((addresses(&expected), forbidden(&expected)), (vec![], vec!["a@x.io"]));
    assert_eq!(expected.persons_waiting, 1);
}

#[test]
fn a_delete_by_address_reaches_every_user_that_had_claimed_it_and_all_their_addresses() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        identify(2).user("U").email("b@x.io"),
        identify(2).email("b@x.io").anonymous("x"),
        identify(3).anonymous("x").with("flag", true),
        delete(4).email("a@x.io"),
    ]);
    assert_eq!((addresses(&expected), forbidden(&expected)), (vec![], vec!["a@x.io", "b@x.io"]));
    assert_eq!(expected.persons_waiting, 0);
}

#[test]
fn a_claim_made_after_the_delete_does_not_inherit_it() {
    let expected = expect_of(&[
        identify(1).email("a@x.io").named("Ann Lee"),
        identify(1).user("U").email("b@x.io").named("Bob Ray"),
        delete(2).email("a@x.io"),
        identify(3).user("U").email("a@x.io"),
    ]);
    assert_eq!(addresses(&expected), ["a@x.io"]);
    assert_eq!(field(&expected, "a@x.io", "first_name"), Some("Bob"));
}

#[test]
fn an_address_known_from_a_delete_alone_is_forbidden() {
    let expected =
        expect_of(&[delete(1).user("U@x.io").set("properties", serde_json::json!({"email": "P@x.io"}))]);
    assert_eq!(forbidden(&expected), ["p@x.io", "u@x.io"]);
}

#[test]
fn an_anonymous_id_whose_newest_sighting_is_covered_waits() {
    let expected = expect_of(&[
        identify(1).user("V").email("v@x.io").anonymous("x").named("Bob Ray"),
        identify(2).user("U").email("u@x.io").anonymous("x"),
        delete(3).user("U"),
        identify(4).anonymous("x").with("flag", true),
    ]);
    assert_eq!(addresses(&expected), ["v@x.io"]);
    assert_eq!(field(&expected, "v@x.io", "1"), None, "x was last seen with U");
    assert_eq!(expected.persons_waiting, 1);
}

#[test]
fn integrations_skip_an_identify_and_not_a_delete() {
    let off = serde_json::json!({"Refersion": false});
    let events = [
        identify(1).email("a@x.io").named("Ann Lee"),
        identify(2).email("a@x.io").named("Bob Ray").set("integrations", off.clone()),
    ];
    let expected = expect_of(&events);
    assert_eq!(field(&expected, "a@x.io", "first_name"), Some("Ann"));
    assert_eq!(expected.skipped, 1);
    let expected = expect_of(&[events[0].clone(), delete(3).email("a@x.io").set("integrations", off)]);
    assert!(expected.affiliates.is_empty());
}
