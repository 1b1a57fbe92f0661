//! How events end, one rule at a time.

use identity::fold::clear_refusals;
use identity::graph::Status;

use crate::events::{Event, address, delete, identify, rules};
use crate::run::Run;
use crate::store::{ann, store_after};
use crate::tiny::CallEnd;

fn ends(events: &[Event]) -> Vec<String> {
    let run = Run::of(events);
    events.iter().map(|event| run.outcomes(event).join(", ")).collect()
}

#[test]
fn a_value_that_a_newer_event_replaced_before_it_was_sent_is_superseded() {
    let events =
        [ann(), identify(2).user("U").with("company", "Old"), identify(3).user("U").with("company", "New")];
    assert_eq!(ends(&events), ["created", "superseded newer_said", "created"]);
}

#[test]
fn an_event_counts_as_sent_as_long_as_one_of_its_traits_was_sent() {
    let events = [
        ann(),
        identify(2).user("U").with("company", "Old").with("phone", "17"),
        identify(3).user("U").with("company", "New"),
    ];
    assert_eq!(ends(&events), ["created", "created", "created"]);
}

#[test]
fn an_older_event_that_arrives_late_is_superseded() {
    let mut run = Run::of(&[ann(), identify(5).user("U").with("company", "New")]);
    let late = identify(3).user("U").with("company", "Old");
    run.continue_with(std::slice::from_ref(&late));
    assert_eq!(run.outcomes(&late), ["superseded newer_said"]);
}

#[test]
fn values_that_refersion_has_are_unchanged() {
    let mut run = Run::of(&[ann()]);
    let again = identify(2).user("U").email("a@x.io").named("Ann");
    run.continue_with(std::slice::from_ref(&again));
    assert_eq!(run.outcomes(&again), ["unchanged known"]);
    assert_eq!(run.calls.len(), 1);
}

#[test]
fn a_flag_that_flips_back_while_it_waits_needs_no_call() {
    let mut run = Run::of(&[ann().with("company", "Acme")]);
    let there = identify(2).user("U").with("company", "Other");
    let back = identify(3).user("U").with("company", "Acme");
    run.continue_with(&[there.clone(), back.clone()]);
    assert_eq!(run.calls.len(), 1);
    assert_eq!(
        (run.outcomes(&there), run.outcomes(&back)),
        (vec!["superseded newer_said"], vec!["unchanged known"])
    );
}

#[test]
fn traits_that_are_not_mapped_are_not_sent_and_an_event_without_traits_states_nothing() {
    let events = [ann(), identify(2).user("U").with("trait:dull", "grey"), identify(3).user("U")];
    assert_eq!(ends(&events), ["created", "unchanged not_mapped", "unchanged nothing_said"]);
}

#[test]
fn an_event_of_a_waiting_person_is_remembered_with_the_reason() {
    let flag = |at| identify(at).with("trait:flag", "true");
    assert_eq!(ends(&[flag(1).user("U")]), ["remembered no_address"]);
    assert_eq!(ends(&[flag(1).anonymous("x")]), ["remembered anonymous_only"]);
    assert_eq!(ends(&[flag(1).user("U").email("a@x.io")]), ["remembered incomplete"]);
    let held = [ann(), flag(2).user("V").email("a@x.io")];
    assert_eq!(ends(&held)[1], "remembered address_held_by_another");
    let claimer_waits = [
        identify(1).user("U").email("a@x.io").named("Ann"),
        identify(2).user("V").email("b@x.io"),
        identify(3).user("V").email("a@x.io"),
        flag(4).email("b@x.io"),
    ];
    assert_eq!(ends(&claimer_waits)[3], "remembered claimer_waits");
}

#[test]
fn a_remembered_event_is_created_when_its_person_is_complete() {
    let first = identify(1).user("U").email("a@x.io").with("first_name", "Ann");
    let mut run = Run::of(std::slice::from_ref(&first));
    assert_eq!(run.outcomes(&first), ["remembered incomplete"]);
    run.continue_with(&[identify(2).user("U").with("last_name", "Lee")]);
    assert_eq!(run.outcomes(&first), ["remembered incomplete", "created"]);
}

#[test]
fn a_remembered_event_stays_remembered_when_its_value_is_replaced() {
    let first = identify(1).user("U").with("company", "Old");
    let mut run = Run::of(std::slice::from_ref(&first));
    run.continue_with(&[identify(2).user("U").email("a@x.io").named("Ann").with("company", "New")]);
    assert_eq!(run.outcomes(&first), ["remembered no_address"]);
    assert!(run.store.graphs[0].events.is_empty(), "nothing more can come of it");
}

#[test]
fn only_the_newest_of_many_statements_of_one_address_is_kept() {
    let mut run = Run::new(rules());
    for at in 1..9 {
        run.continue_with(&[identify(at).user("U").email("a@x.io")]);
    }
    assert_eq!(run.store.graphs[0].events.len(), 1);
    assert_eq!(run.calls.len(), 1, "and Refersion is asked once");
}

#[test]
fn a_delete_of_an_unknown_person_searches_and_ends() {
    let gone = delete(1).email("a@x.io");
    let run = Run::of(std::slice::from_ref(&gone));
    assert_eq!(run.outcomes(&gone), ["deleted matched_nobody"]);
    assert_eq!(run.calls.len(), 1);
    assert_eq!(
        run.store.graphs[0].identifiers[&address("a@x.io")].sealed,
        None,
        "the address is not needed any more"
    );
}

#[test]
fn a_delete_disables_an_affiliate_that_was_there_before_us() {
    let mut run = Run::new(rules());
    run.tiny.put("a@x.io", Status::Active, "Old Firm");
    let gone = delete(1).email("a@x.io");
    run.continue_with(std::slice::from_ref(&gone));
    assert_eq!((run.tiny.affiliates[&1].status, run.outcomes(&gone)), (Status::Disabled, vec!["deleted"]));
}

#[test]
fn a_delete_finds_affiliates_at_addresses_that_its_user_had_claimed() {
    let mut run = Run::new(rules());
    run.tiny.put("b@x.io", Status::Active, "Old Firm");
    run.continue_with(&[ann(), identify(2).user("U").email("b@x.io").engage()]);
    run.continue_with(&[delete(3).user("U")]);
    assert!(run.affiliates().is_empty());
}

#[test]
fn an_affiliate_that_existed_keeps_the_fields_that_no_event_states() {
    let mut run = Run::new(rules());
    run.tiny.put("a@x.io", Status::Pending, "Old Firm");
    let flag = identify(1).user("U").email("a@x.io").with("trait:flag", "true");
    run.continue_with(std::slice::from_ref(&flag));
    let fields = &run.affiliates()["a@x.io"];
    assert_eq!((fields["company"], fields["first_name"], fields["custom:1"]), ("Old Firm", "Old", "true"));
    assert_eq!(run.outcomes(&flag), ["updated"]);
    let same = identify(2).user("U").with("company", "Old Firm");
    run.continue_with(std::slice::from_ref(&same));
    assert_eq!(run.outcomes(&same), ["unchanged known"]);
    run.continue_with(&[identify(3).user("U").named("Ann")]);
    assert_eq!(run.affiliates()["a@x.io"]["company"], "Old Firm");
}

#[test]
fn a_replay_by_an_operator_retries_a_refused_value() {
    let bad = identify(2).user("U").with("company", "bad firm");
    let mut run = Run::of(&[ann(), bad.clone()]);
    assert_eq!(run.outcomes(&bad), ["dead refused"]);
    let calls = run.calls.len();
    clear_refusals(&mut run.store.graphs[0], bad.id(), &bad.statement().stamp, None);
    identity::fold::identify(&mut run.store.graphs[0], &bad.statement());
    run.run_until_idle().expect("every promise holds");
    assert_eq!(run.outcomes(&bad), ["dead refused", "dead refused"]);
    assert_eq!(run.calls.len(), calls + 1);
}

#[test]
fn erased_persons_do_not_count_as_waiting() {
    let mut store = store_after(&[]);
    assert_eq!(store.absorb(&identify(1).user("U").with("company", "Acme")).waiting, 1);
    assert_eq!(store.absorb(&delete(2).user("U")).waiting, 0);
    assert_eq!(store.absorb(&identify(3).user("U").with("company", "Acme")).waiting, 1);
}

/// A message id may name a person: of covered statements the time is kept, not the message.
#[test]
fn no_message_key_of_a_covered_statement_is_kept() {
    let mut store = store_after(&[]);
    store.absorb(&identify(1).user("U").email("a@x").anonymous("X").named("Ann"));
    store.absorb(&identify(2).engage().user("U").email("b@x"));
    store.absorb(&delete(3).user("U"));
    store.absorb(&identify(4).user("U").email("a@x"));
    let packed: Vec<u8> = store.graphs.iter().flat_map(identity::graph::packed::pack).collect();
    let holds = |key: &str| packed.windows(key.len()).any(|window| window == key.as_bytes());
    assert!(holds("message 4"));
    for covered in ["message 1", "message 2"] {
        assert!(!holds(covered), "{covered} is left");
    }
}

#[test]
fn an_event_whose_traits_were_all_replaced_is_superseded_even_if_its_address_is_known() {
    let mut run = Run::of(&[ann(), identify(5).user("U").email("a@x.io").with("company", "New")]);
    let late = identify(3).user("U").email("a@x.io").with("company", "Old");
    run.continue_with(std::slice::from_ref(&late));
    assert_eq!(run.outcomes(&late), ["superseded newer_said"]);
    let partly = identify(4).user("U").email("a@x.io").with("company", "Old").with("first_name", "Ann");
    run.continue_with(std::slice::from_ref(&partly));
    assert_eq!(run.outcomes(&partly), ["unchanged known"]);
}

#[test]
fn a_delete_without_known_data_states_that_reason() {
    let mut run = Run::of(&[ann(), identify(2).user("V").with("company", "Acme")]);
    let (stranger, known) = (delete(3).user("W").email("w@x.io"), delete(4).user("V"));
    let (again, twice) = (delete(5).user("W"), delete(6).user("U"));
    run.continue_with(&[stranger.clone(), known.clone(), again.clone(), twice.clone()]);
    assert_eq!(run.outcomes(&stranger), ["deleted matched_nobody"]);
    assert_eq!(run.outcomes(&known), ["deleted nothing_to_disable"]);
    assert_eq!(run.outcomes(&again), ["deleted matched_nobody"], "a delete does not make anybody known");
    assert_eq!(run.outcomes(&twice), ["deleted"]);
}

/// A user that states the address while the create is under way holds it when the answer comes.
#[test]
fn a_created_event_names_its_affiliate_even_if_another_user_has_taken_the_address() {
    let mut run = Run::new(rules());
    let (first, other) = (ann(), identify(2).user("V").email("a@x.io").named("Bob"));
    run.absorb(&first).expect("every promise holds");
    run.send(0, || (CallEnd::Answered, true)).expect("every promise holds");
    // Without an id, `created` is a broken promise: see `Run::note`.
    run.continue_with(&[other]);
    assert_eq!(run.outcomes(&first).last(), Some(&"created"));
}
