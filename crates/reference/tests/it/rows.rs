//! The cases of identity resolution: the expected affiliates after all events.

use reference::{Presence, World};

use crate::story::{addresses, delete, expect_of, expect_with, field, forbidden, identify, settings};

#[test]
fn flags_for_each_identifier_of_one_person_are_in_one_affiliate() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        identify(2).user("U").anonymous("x"),
        identify(3).user("U").with("flag", true),
        identify(4).email("a@x.io").with("vip", "gold"),
        identify(5).anonymous("x").with("company", "Acme"),
    ]);
    assert_eq!(addresses(&expected), ["a@x.io"]);
    assert_eq!(field(&expected, "a@x.io", "1"), Some("true"));
    assert_eq!(field(&expected, "a@x.io", "2"), Some("gold"));
    assert_eq!(field(&expected, "a@x.io", "company"), Some("Acme"));
    assert_eq!(expected.persons_waiting, 0);
}

#[test]
fn an_address_that_a_user_claims_later_belongs_to_the_user() {
    let expected = expect_of(&[
        identify(1).email("a@x.io").named("Ann Lee").with("flag", "old"),
        identify(2).user("U").email("a@x.io").with("vip", "gold"),
    ]);
    assert_eq!(addresses(&expected), ["a@x.io"]);
    assert_eq!(field(&expected, "a@x.io", "first_name"), Some("Ann"));
    assert_eq!(field(&expected, "a@x.io", "2"), Some("gold"));
}

#[test]
fn a_change_of_address_keeps_all_traits() {
    let expected = expect_of(&[
        identify(1).email("a@x.io").named("Ann Lee"),
        identify(2).user("U").email("a@x.io"),
        identify(3).user("U").email("b@x.io"),
    ]);
    assert_eq!(addresses(&expected), ["b@x.io"]);
    assert_eq!(field(&expected, "b@x.io", "last_name"), Some("Lee"));
}

#[test]
fn the_newer_claim_of_two_users_with_names_holds_the_address() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        identify(2).user("V").email("a@x.io").named("Bob Ray"),
    ]);
    assert_eq!(addresses(&expected), ["a@x.io"]);
    assert_eq!(field(&expected, "a@x.io", "first_name"), Some("Bob"));
    assert_eq!(expected.persons_waiting, 1);
}

#[test]
fn a_user_that_could_not_be_an_affiliate_does_not_take_an_address_away() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        identify(2).user("V").email("a@x.io").with("flag", true),
    ]);
    assert_eq!(addresses(&expected), ["a@x.io"]);
    assert_eq!(field(&expected, "a@x.io", "first_name"), Some("Ann"));
    assert_eq!(field(&expected, "a@x.io", "1"), None);
    assert_eq!(expected.persons_waiting, 1);
}

#[test]
fn a_user_that_moves_on_gives_the_address_back() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        identify(2).user("V").email("a@x.io").named("Bob Ray"),
        identify(3).user("V").email("b@x.io"),
    ]);
    assert_eq!(addresses(&expected), ["a@x.io", "b@x.io"]);
    assert_eq!(field(&expected, "a@x.io", "first_name"), Some("Ann"));
    assert_eq!(field(&expected, "b@x.io", "first_name"), Some("Bob"));
}

#[test]
fn an_anonymous_id_alone_is_not_a_person() {
    let expected = expect_of(&[identify(1).anonymous("x").with("flag", true)]);
    assert!(expected.affiliates.is_empty());
    assert_eq!(expected.persons_waiting, 1);
}

#[test]
fn statements_before_a_delete_are_not_used() {
    let expected = expect_of(&[
        identify(2).user("U").email("a@x.io").named("Ann Lee"),
        delete(5).user("U"),
        identify(3).user("U").email("c@x.io").anonymous("x").named("Ann Late").received(9),
        identify(4).anonymous("x").with("flag", true),
    ]);
    assert!(expected.affiliates.is_empty());
    assert_eq!(forbidden(&expected), ["a@x.io", "c@x.io"], "a claim that arrives late counts nevertheless");
    assert_eq!(expected.persons_waiting, 0, "x inherits the tombstone by a sighting that arrives late");
}

#[test]
fn alternating_addresses_from_engage_do_not_move_an_affiliate() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        identify(2).user("U").email("b@x.io").engage(),
        identify(3).user("U").email("a@x.io").engage(),
        identify(4).user("U").email("b@x.io").engage(),
    ]);
    assert_eq!(addresses(&expected), ["a@x.io"]);
}

#[test]
fn the_two_examples_of_segments_page_leave_no_active_affiliate() {
    let identify = identify(1).user("test-user-t0zpx").email("peter@example.com").named("Peter Gibbons");
    let delete = delete(2).user("5678").email("peter@example.com");
    let expected = expect_of(&[identify.set("email", "test@example.org"), delete]);
    assert!(expected.affiliates.is_empty());
    assert_eq!(forbidden(&expected), ["peter@example.com"]);
}

#[test]
fn a_person_that_returns_after_a_delete_has_only_later_traits() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee").with("flag", true),
        delete(2).user("U"),
        identify(3).user("U").email("a@x.io").named("Ann Ray"),
    ]);
    assert_eq!(addresses(&expected), ["a@x.io"]);
    assert_eq!(expected.affiliates["a@x.io"].presence, Presence::Recreated);
    assert_eq!(field(&expected, "a@x.io", "last_name"), Some("Ray"));
    assert_eq!(field(&expected, "a@x.io", "1"), None);
    assert!(expected.forbidden.is_empty());
}

#[test]
fn a_person_that_returns_without_a_name_stays_disabled() {
    let expected = expect_of(&[
        identify(1).user("U").email("a@x.io").named("Ann Lee"),
        delete(2).user("U"),
        identify(3).user("U").email("a@x.io").with("flag", true),
    ]);
    assert!(expected.affiliates.is_empty());
    assert_eq!(forbidden(&expected), ["a@x.io"]);
}

#[test]
fn without_an_ordinary_statement_the_first_address_of_engage_stays() {
    let events = [
        identify(1).user("U").named("Ann Lee"),
        identify(2).user("U").email("a@x.io").engage(),
        identify(3).user("U").email("b@x.io").engage(),
    ];
    assert_eq!(addresses(&expect_of(&events)), ["a@x.io"]);
    let world = World { existed: ["b@x.io".to_owned()].into(), ..World::default() };
    assert_eq!(addresses(&expect_with(&events, &settings(), &world)), ["b@x.io"], "as good as stated");
}

#[test]
fn an_address_from_the_shape_of_a_user_id_has_the_lowest_precedence() {
    let by_shape = identify(9).user("U@x.io").named("Ann Lee");
    assert_eq!(addresses(&expect_of(std::slice::from_ref(&by_shape))), ["u@x.io"]);
    let by_engage = identify(1).user("U@x.io").email("e@x.io").engage();
    assert_eq!(addresses(&expect_of(&[by_shape, by_engage])), ["e@x.io"]);
}

#[test]
fn an_existing_affiliate_gets_the_stated_traits_even_without_a_name() {
    let world = World { existed: ["a@x.io".to_owned()].into(), ..World::default() };
    let events = [identify(1).user("U").email("a@x.io").with("flag", true).with("phone", "17")];
    let expected = expect_with(&events, &settings(), &world);
    let affiliate = &expected.affiliates["a@x.io"];
    assert_eq!(affiliate.presence, Presence::Optional);
    assert_eq!(affiliate.fields.keys().collect::<Vec<_>>(), ["phone"]);
    assert_eq!(field(&expected, "a@x.io", "1"), Some("true"));
}
