//! The payout field follows the payee alone: a user who takes over an address does not get the money.

use identity::payout::is_held_back;
use identity::plan::Analysis;

use crate::events::{Event, address, delete, identify, rules};
use crate::run::Run;

const VICTIM_PAYOUT: &str = "mine@pay.io";
const ATTACKER_PAYOUT: &str = "evil@pay.io";

/// U's affiliate at a, with a payout address.
fn victim() -> Event {
    identify(1).user("U").email("a@x.io").named("Ann").with("trait:pay", VICTIM_PAYOUT)
}

/// Somebody else's browser names the same address.
fn takeover() -> Event {
    identify(2).user("V").email("a@x.io").named("Bob").with("trait:pay", ATTACKER_PAYOUT)
}

fn paid(run: &Run) -> Option<&str> {
    run.affiliates()["a@x.io"].get("paypal_email").copied()
}

fn is_held(run: &mut Run) -> bool {
    let rules = rules();
    let graph = run.store.graph_with(address("a@x.io")).expect("a is known");
    let analysis = Analysis::of(graph, &rules);
    analysis.resolution.person(address("a@x.io")).is_some_and(|person| is_held_back(person, &rules))
}

fn last<'p>(run: &'p Run, event: &Event) -> &'p str {
    run.outcomes(event).last().expect("every event has ended")
}

#[test]
fn a_user_who_takes_over_an_address_does_not_get_its_payout() {
    let mut run = Run::of(&[victim()]);
    run.continue_with(&[takeover()]);
    assert_eq!(run.affiliates()["a@x.io"]["first_name"], "Bob", "the holder has changed");
    assert_eq!(paid(&run), Some(VICTIM_PAYOUT));
    assert!(is_held(&mut run));
    let only_pay = identify(3).user("V").with("trait:pay", "more@pay.io");
    run.continue_with(std::slice::from_ref(&only_pay));
    assert_eq!(paid(&run), Some(VICTIM_PAYOUT));
    assert_eq!(last(&run, &only_pay), "remembered payout_held");
}

#[test]
fn a_confirmed_payout_is_sent_and_the_event_that_waited_for_it_is_updated() {
    let mut run = Run::of(&[victim()]);
    run.continue_with(&[identify(2).user("V").email("a@x.io").named("Bob")]);
    let pay = identify(3).user("V").with("trait:pay", ATTACKER_PAYOUT);
    run.continue_with(std::slice::from_ref(&pay));
    assert_eq!(last(&run, &pay), "remembered payout_held");
    let confirmed = run.confirm(address("a@x.io")).expect("something is held back");
    assert_eq!((confirmed.from, confirmed.to), (Some(victim().names()[0]), pay.names()[0]));
    assert_eq!(paid(&run), Some(ATTACKER_PAYOUT));
    assert_eq!(run.outcomes(&pay), ["remembered payout_held", "updated"]);
    assert!(!is_held(&mut run));
    assert_eq!(run.confirm(address("a@x.io")), None, "nothing is left to confirm");
}

#[test]
fn an_event_of_the_address_alone_does_not_redirect_the_payout_of_a_user() {
    let mut run = Run::of(&[victim()]);
    let forged = identify(2).email("a@x.io").with("trait:pay", ATTACKER_PAYOUT);
    let seen = identify(3).email("a@x.io").anonymous("x");
    let by_anonymous = identify(4).anonymous("x").with("trait:pay", ATTACKER_PAYOUT);
    run.continue_with(&[forged.clone(), seen, by_anonymous.clone()]);
    assert_eq!(paid(&run), Some(VICTIM_PAYOUT));
    assert_eq!(last(&run, &by_anonymous), "remembered payout_held");
    run.confirm(address("a@x.io")).expect("something is held back");
    assert_eq!(paid(&run), Some(ATTACKER_PAYOUT), "an operator may confirm it");
}

#[test]
fn payouts_stated_for_an_address_before_its_user_are_held_back_from_the_create() {
    let poison = identify(1).email("a@x.io").with("trait:pay", ATTACKER_PAYOUT);
    let mut run = Run::of(&[poison, identify(2).user("U").email("a@x.io").named("Ann")]);
    assert_eq!(paid(&run), None);
    assert!(is_held(&mut run));
}

#[test]
fn a_user_that_claims_an_address_without_one_has_its_own_payout_held_back() {
    let mut run = Run::of(&[identify(1).email("a@x.io").named("Ann").with("trait:pay", VICTIM_PAYOUT)]);
    let claim = identify(2).user("U").email("a@x.io");
    let pay = identify(3).user("U").with("trait:pay", ATTACKER_PAYOUT);
    run.continue_with(&[claim, pay.clone()]);
    assert_eq!((paid(&run), last(&run, &pay)), (Some(VICTIM_PAYOUT), "remembered payout_held"));
    run.continue_with(&[identify(4).email("a@x.io").with("trait:pay", "new@pay.io")]);
    assert_eq!(paid(&run), Some("new@pay.io"), "the address goes on speaking for itself");
}

#[test]
fn clearing_the_payout_is_held_back_from_all_but_the_payee() {
    let cleared = |at, user: &str| identify(at).user(user).with("trait:pay", "");
    let mut run = Run::of(&[victim()]);
    run.continue_with(&[identify(2).user("V").email("a@x.io").named("Bob"), cleared(3, "V")]);
    assert_eq!(paid(&run), Some(VICTIM_PAYOUT));
    assert!(is_held(&mut run));
    run.continue_with(&[cleared(4, "U")]);
    assert_eq!(
        paid(&run),
        Some(VICTIM_PAYOUT),
        "it is the payee's own to clear, and Refersion takes no empty address"
    );
    assert!(!is_held(&mut run));
}

#[test]
fn the_payee_can_change_its_payout_while_another_holds_the_address() {
    let mut run = Run::of(&[victim()]);
    run.continue_with(&[takeover()]);
    let pay = identify(3).user("U").with("trait:pay", "new@pay.io");
    run.continue_with(std::slice::from_ref(&pay));
    assert_eq!(paid(&run), Some("new@pay.io"));
    assert_eq!(last(&run, &pay), "updated");
}

#[test]
fn a_change_of_address_is_no_change_of_payee() {
    let mut run = Run::of(&[victim()]);
    let pay = identify(3).user("U").with("trait:pay", "new@pay.io");
    run.continue_with(&[identify(2).user("U").email("b@x.io"), pay]);
    assert_eq!(run.affiliates()["b@x.io"]["paypal_email"], "new@pay.io");
}

#[test]
fn a_move_of_the_former_holder_confirms_nothing() {
    let mut run = Run::of(&[victim()]);
    run.continue_with(&[takeover()]);
    run.continue_with(&[identify(3).user("U").email("b@x.io")]);
    assert_eq!(paid(&run), Some(VICTIM_PAYOUT));
    assert!(is_held(&mut run));
}

#[test]
fn a_delete_of_the_payee_releases_the_affiliate_and_a_new_payout_replaces_its_own() {
    let mut run = Run::of(&[victim()]);
    run.continue_with(&[delete(4).user("U")]);
    run.continue_with(&[identify(5).user("V").email("a@x.io").named("Bob")]);
    assert_eq!(paid(&run), Some(VICTIM_PAYOUT), "Refersion takes no empty address");
    run.continue_with(&[identify(6).user("V").with("trait:pay", "bob@pay.io")]);
    assert_eq!(paid(&run), Some("bob@pay.io"), "who is bound to it then is the payee");
}

#[test]
fn a_delete_of_another_user_that_claimed_the_address_does_not_release_the_payout() {
    let mut run = Run::of(&[identify(1).email("a@x.io").named("Ann").with("trait:pay", VICTIM_PAYOUT)]);
    run.continue_with(&[takeover(), delete(3).user("V")]);
    run.continue_with(&[identify(4)
        .user("W")
        .email("a@x.io")
        .named("Eve")
        .with("trait:pay", ATTACKER_PAYOUT)]);
    assert_ne!(paid(&run), Some(ATTACKER_PAYOUT));
    assert!(is_held(&mut run));
}

#[test]
fn the_payee_is_the_person_of_the_create_even_if_another_holds_the_address_at_its_answer() {
    let mut run = Run::new(rules());
    run.absorb(&victim()).expect("every promise holds");
    let fine = || (crate::tiny::CallEnd::Answered, true);
    run.send(0, fine).expect("every promise holds");
    run.continue_with(&[takeover()]);
    assert_eq!(paid(&run), Some(VICTIM_PAYOUT));
    assert!(is_held(&mut run));
}

#[test]
fn the_current_holder_becomes_the_payee_of_an_affiliate_without_one() {
    let mut run = Run::of(&[victim()]);
    let graph = run.store.graph_with(address("a@x.io")).expect("a is known");
    graph.affiliates.iter_mut().for_each(|affiliate| affiliate.payee = None);
    run.continue_with(&[identify(2).user("U").with("phone", "17")]);
    run.continue_with(&[takeover()]);
    assert_eq!(paid(&run), Some(VICTIM_PAYOUT));
}
