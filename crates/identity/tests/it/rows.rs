//! Every row of the design's table "Who is who", run to its end: in every order of absorption, with the calls at the end
//! or after each event.

use identity::graph::Status;

use crate::events::{Event, delete, identify, rules};
use crate::run::Run;

/// Runs a row in its own order, after checking that every other order ends with the same affiliates.
fn row(events: &[Event]) -> Run {
    let run = Run::of(events);
    for order in orders(events) {
        assert_eq!(Run::of(&order).affiliates(), run.affiliates(), "{order:#?}");
        let mut step_by_step = Run::new(rules());
        // Left-over affiliates depend on when calls were sent; the reference model, with which `continue_with` compares,
        // allows for that.
        order.iter().for_each(|event| step_by_step.continue_with(std::slice::from_ref(event)));
    }
    run
}

fn orders(events: &[Event]) -> Vec<Vec<Event>> {
    let Some((first, rest)) = events.split_first() else { return vec![Vec::new()] };
    let with_first = |order: Vec<Event>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, first.clone());
            order
        })
    };
    orders(rest).into_iter().flat_map(with_first).collect()
}

fn addresses(run: &Run) -> Vec<&str> {
    run.affiliates().into_keys().collect()
}

fn outcomes<'p>(run: &'p Run, events: &[Event]) -> Vec<&'p str> {
    let last = |event| *run.outcomes(event).last().expect("every event has ended");
    events.iter().map(last).collect()
}

fn u_at_a() -> Event {
    identify(1).user("U").email("a@x.io")
}

#[test]
fn flags_for_each_identifier_of_one_person_meet_in_one_affiliate() {
    let events = [
        u_at_a().named("Ann"),
        identify(2).user("U").anonymous("x"),
        identify(3).user("U").with("trait:flag", "true"),
        identify(4).email("a@x.io").with("trait:vip", "gold"),
        identify(5).anonymous("x").with("company", "Acme"),
    ];
    let run = row(&events);
    let fields = &run.affiliates()["a@x.io"];
    assert_eq!((fields["custom:1"], fields["custom:2"], fields["company"]), ("true", "gold", "Acme"));
    let ends = ["created", "unchanged nothing_said", "updated", "created", "created"];
    assert_eq!(outcomes(&run, &events), ends);
    assert_eq!(run.tiny.affiliates.len(), 1);
}

#[test]
fn an_address_that_a_user_claims_later_belongs_to_that_user() {
    let events = [
        identify(1).email("a@x.io").named("Ann").with("company", "Acme"),
        identify(2).user("U").email("a@x.io").with("phone", "17"),
    ];
    let run = row(&events);
    assert_eq!(addresses(&run), ["a@x.io"]);
    assert_eq!((run.affiliates()["a@x.io"]["company"], run.affiliates()["a@x.io"]["phone"]), ("Acme", "17"));
    assert_eq!(outcomes(&run, &events), ["created", "created"]);
}

#[test]
fn a_change_of_address_is_an_edit_of_the_same_affiliate() {
    let moves = [identify(1).email("a@x.io").named("Ann"), identify(2).user("U").email("a@x.io")];
    let on = identify(3).user("U").email("b@x.io");
    row(&[&moves[..], std::slice::from_ref(&on)].concat());
    let mut run = Run::of(&moves);
    run.continue_with(std::slice::from_ref(&on));
    assert_eq!((addresses(&run), run.tiny.affiliates.len()), (vec!["b@x.io"], 1));
    assert_eq!(outcomes(&run, &[on]), ["updated"]);
}

#[test]
fn the_newer_claim_of_two_users_with_names_holds_the_address() {
    let events = [u_at_a().named("Ann"), identify(2).user("V").email("a@x.io").named("Bob")];
    let run = row(&events);
    assert_eq!(run.affiliates()["a@x.io"]["first_name"], "Bob");
    assert_eq!(outcomes(&run, &events), ["remembered address_held_by_another", "created"]);
    let mut one_by_one = Run::of(&events[..1]);
    one_by_one.continue_with(&events[1..]);
    assert_eq!(one_by_one.tiny.affiliates.len(), 1, "the affiliate goes with the address");
    assert_eq!(outcomes(&one_by_one, &events), ["created", "updated"]);
}

#[test]
fn a_user_that_could_not_be_created_takes_no_address_from_another() {
    let events = [u_at_a().named("Ann"), identify(2).user("V").email("a@x.io").with("trait:flag", "true")];
    let run = row(&events);
    assert_eq!(run.affiliates()["a@x.io"]["first_name"], "Ann");
    assert_eq!(run.affiliates()["a@x.io"].get("custom:1"), None);
    assert_eq!(outcomes(&run, &events), ["created", "remembered address_held_by_another"]);
}

#[test]
fn a_user_with_a_new_address_returns_the_old_one() {
    let events = [
        u_at_a().named("Ann"),
        identify(2).user("V").email("a@x.io").named("Bob"),
        identify(3).user("V").email("b@x.io"),
    ];
    let run = row(&events);
    let fields = run.affiliates();
    assert_eq!((fields["a@x.io"]["first_name"], fields["b@x.io"]["first_name"]), ("Ann", "Bob"));
    let mut one_by_one = Run::of(&events[..2]);
    one_by_one.continue_with(&events[2..]);
    let last = one_by_one.outcomes(&events[0]);
    assert_eq!(
        last,
        ["remembered address_held_by_another", "updated"],
        "delivered when the address came back"
    );
}

#[test]
fn an_anonymous_id_alone_is_remembered() {
    let events = [
        identify(1).anonymous("x").with("trait:flag", "true"),
        identify(2).anonymous("x").with("trait:vip", "gold"),
    ];
    let run = row(&events);
    assert!(run.tiny.affiliates.is_empty() && run.calls.is_empty());
    assert_eq!(outcomes(&run, &events), ["remembered anonymous_only"; 2]);
}

#[test]
fn statements_older_than_a_delete_are_superseded() {
    let events = [
        identify(2).user("U").email("a@x.io").named("Ann"),
        delete(5).user("U"),
        identify(3).user("U").email("c@x.io").anonymous("x").named("Late"),
        identify(4).anonymous("x").with("trait:flag", "true"),
    ];
    let run = row(&events);
    assert!(run.affiliates().is_empty());
    assert_eq!(outcomes(&run, &events[..1]), ["superseded deleted"]);
    let mut one_by_one = Run::of(&events[..1]);
    one_by_one.continue_with(&events[1..]);
    assert_eq!(one_by_one.tiny.affiliates[&1].status, Status::Disabled);
    assert_eq!(
        outcomes(&one_by_one, &events),
        ["created", "deleted", "superseded deleted", "superseded deleted"]
    );
}

#[test]
fn alternating_addresses_from_engage_do_not_move_the_affiliate() {
    let events = [
        u_at_a().named("Ann"),
        identify(2).user("U").email("b@x.io").engage(),
        identify(3).user("U").email("a@x.io").engage(),
    ];
    let run = row(&events);
    assert_eq!(addresses(&run), ["a@x.io"]);
    assert_eq!(run.calls.len(), 1);
}

#[test]
fn the_two_examples_of_segments_page_leave_no_affiliate_active() {
    let events = [
        identify(1).user("test-t0zpx").email("peter@ex.com").named("Peter"),
        delete(2).user("5678").email("peter@ex.com"),
    ];
    assert!(row(&events).affiliates().is_empty());
    let mut one_by_one = Run::of(&events[..1]);
    one_by_one.continue_with(&events[1..]);
    assert_eq!(one_by_one.tiny.affiliates[&1].status, Status::Disabled);
    assert_eq!(outcomes(&one_by_one, &events), ["created", "deleted"]);
}

#[test]
fn a_person_who_comes_back_has_the_same_affiliate_with_the_values_stated_since() {
    let before = [u_at_a().named("Ann").with("company", "Acme"), delete(2).user("U")];
    let since = identify(3).user("U").email("a@x.io").named("Anna");
    row(&[&before[..], std::slice::from_ref(&since)].concat());
    let mut run = Run::of(&before[..1]);
    run.continue_with(&before[1..]);
    assert!(run.affiliates().is_empty());
    run.continue_with(std::slice::from_ref(&since));
    assert_eq!((run.affiliates()["a@x.io"]["first_name"], run.tiny.affiliates.len()), ("Anna", 1));
    assert_eq!(run.affiliates()["a@x.io"].get("company"), None);
    assert_eq!(outcomes(&run, &[since]), ["updated"]);
}

#[test]
fn a_person_who_comes_back_without_a_name_stays_disabled() {
    let flag = identify(3).user("U").email("a@x.io").with("trait:flag", "true");
    let events = [u_at_a().named("Ann"), delete(2).user("U"), flag.clone()];
    assert!(row(&events).affiliates().is_empty());
    let mut run = Run::of(&events[..1]);
    run.continue_with(&events[1..2]);
    run.continue_with(&events[2..]);
    assert!(run.affiliates().is_empty());
    assert_eq!(outcomes(&run, &[flag]), ["remembered deleted_and_incomplete"]);
}

#[test]
fn a_disabled_affiliate_stays_disabled_where_new_affiliates_are_pending() {
    let mut run = Run::new(identity::eligibility::Rules { active: false, ..rules() });
    run.continue_with(&[u_at_a().named("Ann")]);
    run.continue_with(&[delete(2).user("U")]);
    run.continue_with(&[identify(3).user("U").email("a@x.io").named("Anna")]);
    assert_eq!(run.tiny.affiliates[&1].status, Status::Disabled, "PENDING cannot be set");
    assert_eq!(run.tiny.affiliates[&1].fields.get("first_name").unwrap(), "Anna");
}

#[test]
fn the_later_receipt_by_segment_decides_between_equal_times() {
    let event = |number: u64, key: &str, received: i64, plan: &str| {
        let event = Event { number, key: key.to_owned(), received: Some(received), ..u_at_a().named("Ann") };
        event.with("trait:vip", plan)
    };
    let run = row(&[event(1, "z", 2, "trial"), event(2, "a", 3, "premium")]);
    assert_eq!(run.affiliates()["a@x.io"]["custom:2"], "premium");
}
