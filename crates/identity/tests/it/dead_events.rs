//! Refused values, calls that are given up, affiliates that are gone: only the events concerned die.

use identity::answer::{Answer, RetryDecision, apply, fail, sent};
use identity::graph::EventState;
use identity::plan::{Act, Analysis, StepKind};
use identity::settle::{End, settle};
use identity::{Map, Text};

use crate::events::{address, delete, identify, moment, rules};
use crate::run::Run;
use crate::store::{ann, store_after};
use crate::tiny::{cause, created, unknown};

#[test]
fn only_the_event_that_set_the_refused_value_dies() {
    let bad = identify(2).user("U").with("company", "bad firm").with("phone", "17");
    let other = identify(3).user("U").with("city", "Rome");
    let run = Run::of(&[ann(), bad.clone(), other.clone()]);
    let fields = &run.affiliates()["a@x.io"];
    assert_eq!(
        (fields["phone"], fields["city"], fields.get("company")),
        ("17", "Rome", None),
        "the rest is sent"
    );
    assert_eq!((run.outcomes(&bad), run.outcomes(&other)), (vec!["dead refused"], vec!["created"]));
}

#[test]
fn an_event_without_the_refused_value_of_its_person_is_sent() {
    let mut run = Run::of(&[ann()]);
    run.continue_with(&[identify(2).user("U").email("bad@x.io")]);
    let next = identify(3).user("U").email("bad@x.io").with("trait:flag", "true");
    run.continue_with(std::slice::from_ref(&next));
    assert_eq!(run.outcomes(&next), ["updated"]);
    assert_eq!(run.affiliates()["a@x.io"]["custom:1"], "true", "the affiliate stays where it was");
}

#[test]
fn a_person_whose_required_value_was_refused_waits_without_a_call() {
    let bad = ann().with("first_name", "bad name");
    let mut run = Run::of(std::slice::from_ref(&bad));
    assert_eq!(run.outcomes(&bad), ["dead refused"]);
    let calls = run.calls.len();
    let flag = identify(2).user("U").with("trait:flag", "true");
    run.continue_with(std::slice::from_ref(&flag));
    assert_eq!(run.outcomes(&flag), ["remembered refused_value"]);
    assert_eq!(run.calls.len(), calls);
    run.continue_with(&[identify(3).user("U").with("first_name", "Ann")]);
    assert_eq!(run.outcomes(&flag), ["remembered refused_value", "updated"]);
    assert_eq!(run.outcomes(&bad), ["dead refused", "created"], "its last name was delivered after all");
}

#[test]
fn a_newer_value_stated_during_a_refused_call_does_not_die() {
    let bad = identify(2).user("U").with("company", "bad firm");
    let good = identify(3).user("U").with("company", "Good Firm");
    let mut store = store_after(&[ann(), bad, good.clone()]);
    let causes = Map::from_iter([("company".into(), cause("refused"))]);
    let texts = Map::from_iter([("company".into(), "bad firm".into())]);
    let answer = Answer::Refused { causes, email: None, texts };
    let deaths = apply(&mut store.graphs[0], &rules(), address("a@x.io"), &answer, moment(4));
    assert!(deaths.is_empty());
    let step = Analysis::of(&store.graphs[0], &rules()).steps.remove(0);
    let Act::Create { fields, .. } = step.act else { panic!("{step:?}") };
    assert_eq!(fields.get("company").map(Text::as_str), Some("Good Firm"));
}

#[test]
fn a_call_about_another_value_delivers_no_event() {
    let events = [ann(), identify(2).user("U").with("company", "New")];
    let mut store = store_after(&events);
    let graph = &mut store.graphs[0];
    let made = created(&[("first_name", "Ann"), ("last_name", "Lee"), ("company", "Old")]);
    apply(graph, &rules(), address("a@x.io"), &made, moment(4));
    let ended = settle(graph, &rules()).ended;
    assert_eq!(
        ended.iter().map(|it| (it.event, it.end)).collect::<Vec<_>>(),
        [(events[0].id(), End::Created)]
    );
}

#[test]
fn unanswered_calls_are_counted_until_given_up_and_a_newer_statement_retries_them() {
    let first = ann();
    let mut store = store_after(std::slice::from_ref(&first));
    let anchor = address("a@x.io");
    let graph = &mut store.graphs[0];
    let mut deaths = Vec::new();
    for _ in 0..3 {
        let step = Analysis::of(graph, &rules()).steps.remove(0);
        for (anchor, answer) in unknown(&step) {
            apply(graph, &rules(), anchor, &answer, moment(4));
        }
        let decide = |attempts, _| RetryDecision { due_at: moment(4), give_up: attempts == 3 };
        deaths = fail(graph, &rules(), anchor, (moment(4), &cause("no_answer")), decide);
    }
    assert_eq!(deaths.iter().map(|it| (it.event, it.attempts)).collect::<Vec<_>>(), [(first.id(), 3)]);
    assert_eq!(settle(graph, &rules()).next, None, "nobody tries again");
    store.absorb(&identify(5).user("U").with("phone", "17"));
    let graph = &mut store.graphs[0];
    assert_eq!(settle(graph, &rules()).next.map(|next| next.step), Some(StepKind::Search));
    apply(graph, &rules(), anchor, &Answer::NotFound, moment(6));
    let Act::Create { fields, .. } = Analysis::of(graph, &rules()).steps.remove(0).act else {
        panic!("a create")
    };
    let code = "c".to_owned();
    let made = Answer::Created { id: 1, code, status: identity::graph::Status::Active, fields };
    apply(graph, &rules(), anchor, &made, moment(6));
    let ended = settle(graph, &rules()).ended;
    assert_eq!(
        ended.iter().map(|it| (it.event, it.number, it.end)).collect::<Vec<_>>()[0],
        (first.id(), 2, End::Created)
    );
}

#[test]
fn a_failed_create_does_not_kill_an_independent_delete() {
    let seen = identify(2).user("U").anonymous("x");
    let mut store = store_after(&[ann(), seen, delete(3).anonymous("x").email("b@x.io")]);
    let graph = &mut store.graphs[0];
    let kinds: Vec<_> = Analysis::of(graph, &rules()).steps.iter().map(identity::plan::Step::kind).collect();
    assert_eq!(kinds, [StepKind::Create, StepKind::Search], "the delete waits for the search at b");
    let decide = |_, _| RetryDecision { due_at: moment(6), give_up: true };
    let deaths = fail(graph, &rules(), address("a@x.io"), (moment(6), &cause("refused")), decide);
    assert_eq!(deaths.iter().map(|it| it.event).collect::<Vec<_>>(), [ann().id()]);
}

#[test]
fn a_delete_waits_for_a_create_that_is_under_way() {
    let mut store = store_after(&[ann()]);
    let step = Analysis::of(&store.graphs[0], &rules()).steps.remove(0);
    sent(&mut store.graphs[0], &step);
    let settled = store.absorb(&delete(2).user("U"));
    assert!(settled.ended.iter().all(|ended| ended.end != End::Deleted), "its affiliate may be there");
    let graph = &mut store.graphs[0];
    assert!(graph.identifiers[&address("a@x.io")].sealed.is_some(), "the address is needed to search");
    apply(graph, &rules(), step.anchor, &Answer::NotCreated, moment(3));
    apply(graph, &rules(), step.anchor, &Answer::NotFound, moment(3));
    let settled = settle(graph, &rules());
    assert_eq!(settled.ended.iter().filter(|ended| ended.end == End::Deleted).count(), 1);
    assert_eq!(graph.identifiers[&address("a@x.io")].sealed, None);
}

#[test]
fn an_affiliate_missing_in_refersion_is_created_again_when_an_operator_replays() {
    let mut run = Run::of(&[ann()]);
    run.tiny.affiliates.clear();
    let flag = identify(2).user("U").with("trait:flag", "true");
    run.absorb(&flag).expect("every promise holds");
    let graph = &mut run.store.graphs[0];
    let deaths = apply(graph, &rules(), address("a@x.io"), &Answer::Gone { id: 1 }, moment(3));
    assert_eq!(deaths.iter().map(|it| it.cause.class.as_str()).collect::<Vec<_>>(), ["gone"]);
    assert!(Analysis::of(graph, &rules()).steps.is_empty());
    assert!(graph.events.iter().all(|kept| kept.state == EventState::Dead));
    identity::fold::clear_refusals(graph, flag.id(), &flag.statement().stamp, None);
    assert_eq!(Analysis::of(graph, &rules()).steps[0].kind(), StepKind::Create);
}

#[test]
fn a_field_whose_clearing_was_refused_is_not_tried_again() {
    let mut run = Run::of(&[
        ann(),
        identify(2).email("a@x.io").anonymous("x"),
        identify(3).anonymous("x").with("company", "Acme"),
    ]);
    run.absorb(&delete(4).anonymous("x")).expect("every promise holds");
    let graph = &mut run.store.graphs[0];
    let Act::Edit { fields, .. } = Analysis::of(graph, &rules()).steps.remove(0).act else {
        panic!("an edit")
    };
    assert_eq!(fields, Map::from_iter([("company".into(), Text::default())]));
    let causes = Map::from_iter([("company".into(), cause("refused"))]);
    let refused = Answer::Refused { causes, email: None, texts: fields };
    assert!(apply(graph, &rules(), address("a@x.io"), &refused, moment(5)).is_empty());
    assert!(Analysis::of(graph, &rules()).steps.is_empty(), "asking again would not help");
}

/// The value's user lost the address while the call was under way; the next user says nothing about the field.
#[test]
fn a_field_is_cleared_although_a_value_of_its_former_person_was_refused() {
    let mut store = store_after(&[ann().with("company", "Firm")]);
    let made = created(&[("first_name", "Ann"), ("last_name", "Lee"), ("company", "Firm")]);
    drop(apply(&mut store.graphs[0], &rules(), address("a@x.io"), &made, moment(1)));
    drop(store.absorb(&identify(2).user("U").with("company", "bad firm")));
    drop(store.absorb(&identify(3).user("V").email("a@x.io").named("Ann")));
    let causes = Map::from_iter([("company".into(), cause("refused"))]);
    let texts = Map::from_iter([("company".into(), "bad firm".into())]);
    let answer = Answer::Refused { causes, email: None, texts };
    drop(apply(&mut store.graphs[0], &rules(), address("a@x.io"), &answer, moment(4)));
    let step = Analysis::of(&store.graphs[0], &rules()).steps.remove(0);
    let Act::Edit { fields, .. } = step.act else { panic!("{step:?}") };
    assert_eq!(fields.get("company").map(Text::as_str), Some(""));
}
