//! The payout field follows the payee alone: who takes an address over does not take the money along.

use identity::payout::is_held_back;
use identity::plan::Analysis;

use crate::play::Play;
use crate::story::{Event, address, delete, identify, rules};

const MINE: &str = "mine@pay.io";
const EVIL: &str = "evil@pay.io";

/// U's affiliate at a, with a payout address.
fn victim() -> Event {
    identify(1).user("U").email("a@x.io").named("Ann").with("trait:pay", MINE)
}

/// Somebody else's browser names the same address.
fn takeover() -> Event {
    identify(2).user("V").email("a@x.io").named("Bob").with("trait:pay", EVIL)
}

fn paid(play: &Play) -> Option<&str> {
    play.affiliates()["a@x.io"].get("paypal_email").copied()
}

fn is_held(play: &mut Play) -> bool {
    let rules = rules();
    let graph = play.town.graph_with(address("a@x.io")).expect("a is known");
    let analysis = Analysis::of(graph, &rules);
    analysis.resolution.person(address("a@x.io")).is_some_and(|person| is_held_back(person, &rules))
}

fn last<'p>(play: &'p Play, event: &Event) -> &'p str {
    play.outcomes(event).last().expect("every event has ended")
}

#[test]
fn who_takes_an_address_over_does_not_take_the_payout_along() {
    let mut play = Play::of(&[victim()]);
    play.go_on(&[takeover()]);
    assert_eq!(play.affiliates()["a@x.io"]["first_name"], "Bob", "the holder has changed");
    assert_eq!(paid(&play), Some(MINE));
    assert!(is_held(&mut play));
    let only_pay = identify(3).user("V").with("trait:pay", "more@pay.io");
    play.go_on(std::slice::from_ref(&only_pay));
    assert_eq!(paid(&play), Some(MINE));
    assert_eq!(last(&play, &only_pay), "remembered payout_held");
}

#[test]
fn a_confirmed_payout_is_sent_and_the_event_that_waited_for_it_is_updated() {
    let mut play = Play::of(&[victim()]);
    play.go_on(&[identify(2).user("V").email("a@x.io").named("Bob")]);
    let pay = identify(3).user("V").with("trait:pay", EVIL);
    play.go_on(std::slice::from_ref(&pay));
    assert_eq!(last(&play, &pay), "remembered payout_held");
    let confirmed = play.confirm(address("a@x.io")).expect("something is held back");
    assert_eq!((confirmed.from, confirmed.to), (Some(victim().names()[0]), pay.names()[0]));
    assert_eq!(paid(&play), Some(EVIL));
    assert_eq!(play.outcomes(&pay), ["remembered payout_held", "updated"]);
    assert!(!is_held(&mut play));
    assert_eq!(play.confirm(address("a@x.io")), None, "nothing is left to confirm");
}

#[test]
fn an_event_of_the_address_alone_does_not_redirect_the_payout_of_a_user() {
    let mut play = Play::of(&[victim()]);
    let forged = identify(2).email("a@x.io").with("trait:pay", EVIL);
    let seen = identify(3).email("a@x.io").anonymous("x");
    let by_anonymous = identify(4).anonymous("x").with("trait:pay", EVIL);
    play.go_on(&[forged.clone(), seen, by_anonymous.clone()]);
    assert_eq!(paid(&play), Some(MINE));
    assert_eq!(last(&play, &by_anonymous), "remembered payout_held");
    play.confirm(address("a@x.io")).expect("something is held back");
    assert_eq!(paid(&play), Some(EVIL), "an operator may say that it is right");
}

#[test]
fn what_was_said_of_an_address_before_its_user_came_is_held_back_from_the_create() {
    let poison = identify(1).email("a@x.io").with("trait:pay", EVIL);
    let mut play = Play::of(&[poison, identify(2).user("U").email("a@x.io").named("Ann")]);
    assert_eq!(paid(&play), None);
    assert!(is_held(&mut play));
}

#[test]
fn a_user_that_claims_an_address_without_one_has_its_own_payout_held_back() {
    let mut play = Play::of(&[identify(1).email("a@x.io").named("Ann").with("trait:pay", MINE)]);
    let claim = identify(2).user("U").email("a@x.io");
    let pay = identify(3).user("U").with("trait:pay", EVIL);
    play.go_on(&[claim, pay.clone()]);
    assert_eq!((paid(&play), last(&play, &pay)), (Some(MINE), "remembered payout_held"));
    play.go_on(&[identify(4).email("a@x.io").with("trait:pay", "new@pay.io")]);
    assert_eq!(paid(&play), Some("new@pay.io"), "the address goes on speaking for itself");
}

#[test]
fn clearing_the_payout_is_held_back_from_all_but_the_payee() {
    let cleared = |at, user: &str| identify(at).user(user).with("trait:pay", "");
    let mut play = Play::of(&[victim()]);
    play.go_on(&[identify(2).user("V").email("a@x.io").named("Bob"), cleared(3, "V")]);
    assert_eq!(paid(&play), Some(MINE));
    assert!(is_held(&mut play));
    play.go_on(&[cleared(4, "U")]);
    assert_eq!(
        paid(&play),
        Some(MINE),
        "it is the payee's own to clear, and Refersion takes no empty address"
    );
    assert!(!is_held(&mut play));
}

#[test]
fn the_payee_goes_on_changing_its_payout_while_another_holds_the_address() {
    let mut play = Play::of(&[victim()]);
    play.go_on(&[takeover()]);
    let pay = identify(3).user("U").with("trait:pay", "new@pay.io");
    play.go_on(std::slice::from_ref(&pay));
    assert_eq!(paid(&play), Some("new@pay.io"));
    assert_eq!(last(&play, &pay), "updated");
}

#[test]
fn a_change_of_address_is_no_change_of_payee() {
    let mut play = Play::of(&[victim()]);
    let pay = identify(3).user("U").with("trait:pay", "new@pay.io");
    play.go_on(&[identify(2).user("U").email("b@x.io"), pay]);
    assert_eq!(play.affiliates()["b@x.io"]["paypal_email"], "new@pay.io");
}

#[test]
fn a_move_of_the_former_holder_confirms_nothing() {
    let mut play = Play::of(&[victim()]);
    play.go_on(&[takeover()]);
    play.go_on(&[identify(3).user("U").email("b@x.io")]);
    assert_eq!(paid(&play), Some(MINE));
    assert!(is_held(&mut play));
}

#[test]
fn a_delete_of_the_payee_releases_the_affiliate_and_a_new_payout_replaces_its_own() {
    let mut play = Play::of(&[victim()]);
    play.go_on(&[delete(4).user("U")]);
    play.go_on(&[identify(5).user("V").email("a@x.io").named("Bob")]);
    assert_eq!(paid(&play), Some(MINE), "Refersion takes no empty address");
    play.go_on(&[identify(6).user("V").with("trait:pay", "bob@pay.io")]);
    assert_eq!(paid(&play), Some("bob@pay.io"), "who is bound to it then is the payee");
}

#[test]
fn who_gets_himself_deleted_does_not_release_an_address_that_he_claimed() {
    let mut play = Play::of(&[identify(1).email("a@x.io").named("Ann").with("trait:pay", MINE)]);
    play.go_on(&[takeover(), delete(3).user("V")]);
    play.go_on(&[identify(4).user("W").email("a@x.io").named("Eve").with("trait:pay", EVIL)]);
    assert_ne!(paid(&play), Some(EVIL));
    assert!(is_held(&mut play));
}

#[test]
fn the_payee_is_who_the_create_was_for_whoever_holds_the_address_at_its_answer() {
    let mut play = Play::new(rules());
    play.absorb(&victim()).expect("every promise holds");
    let fine = || (crate::tiny::Luck::Fine, true);
    play.send(0, fine).expect("every promise holds");
    play.go_on(&[takeover()]);
    assert_eq!(paid(&play), Some(MINE));
    assert!(is_held(&mut play));
}

#[test]
fn an_affiliate_without_a_payee_has_its_present_holder() {
    let mut play = Play::of(&[victim()]);
    let graph = play.town.graph_with(address("a@x.io")).expect("a is known");
    graph.affiliates.iter_mut().for_each(|affiliate| affiliate.payee = None);
    play.go_on(&[identify(2).user("U").with("phone", "17")]);
    play.go_on(&[takeover()]);
    assert_eq!(paid(&play), Some(MINE));
}
