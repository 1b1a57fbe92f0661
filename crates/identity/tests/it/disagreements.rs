//! Fields that Refersion does not clear, and affiliates that appear late.

use identity::answer::{Answer, RetryDecision, apply, fail};
use identity::plan::{Act, Analysis, StepKind};
use identity::settle::{End, settle};
use identity::{Map, Text};

use crate::events::{address, delete, identify, moment, rules};
use crate::run::Run;
use crate::store::{ann, store_after};
use crate::tiny::cause;

#[test]
fn fields_that_a_scrub_cannot_overwrite_are_named_by_the_delete_and_not_retried() {
    let scrubbing = identity::eligibility::Rules { scrub: true, ..rules() };
    let mut run = Run::new(scrubbing.clone());
    run.continue_with(&[ann().with("company", "Acme").with("country", "US")]);
    let gone = delete(2).user("U");
    run.continue_with(std::slice::from_ref(&gone));
    assert_eq!(run.outcomes(&gone), ["deleted not_scrubbed: country"]);
    let graph = &run.store.graphs[0];
    let Some(Act::Scrub { fields, .. }) = run.calls.iter().map(|step| &step.act).next_back() else {
        panic!("a scrub")
    };
    assert_eq!(*fields, ["company", "country", "first_name", "last_name"]);
    assert!(Analysis::of(graph, &scrubbing).steps.is_empty());
    assert_eq!(stuck(&run, &scrubbing), ["country"]);
}

/// The fields of the only graph's only affiliate that keep a value which should be removed.
fn stuck(run: &Run, rules: &identity::eligibility::Rules) -> Vec<Text> {
    let settled = settle(&mut run.store.graphs[0].clone(), rules);
    settled.stuck.into_iter().flat_map(|(_, fields)| fields).collect()
}

#[test]
fn a_scrub_overwrites_every_field_of_an_affiliate_that_existed_before() {
    let mut run = Run::new(identity::eligibility::Rules { scrub: true, ..rules() });
    run.tiny.put("a@x.io", identity::graph::Status::Active, "Acme");
    run.continue_with(&[identify(1).user("U").email("a@x.io")]);
    run.continue_with(&[delete(2).user("U")]);
    let Some(Act::Scrub { fields, .. }) = run.calls.iter().map(|step| &step.act).next_back() else {
        panic!("a scrub")
    };
    assert!(identity::eligibility::TEXT_FIELDS.iter().all(|field| fields.iter().any(|it| it == field)));
}

#[test]
fn a_cleared_country_causes_no_call_and_no_dead_letter_and_is_named() {
    let mut run = Run::of(&[ann().with("country", "US")]);
    let calls = run.calls.len();
    let cleared = identify(2).user("U").cleared("country");
    run.continue_with(std::slice::from_ref(&cleared));
    assert_eq!(run.outcomes(&cleared), ["unchanged cannot_be_cleared: country"]);
    assert_eq!(run.calls.len(), calls);
    assert_eq!(stuck(&run, &rules()), ["country"]);
    run.continue_with(&[identify(3).user("U").with("country", "DE")]);
    assert_eq!(run.affiliates()["a@x.io"]["country"], "DE");
    assert!(stuck(&run, &rules()).is_empty());
}

fn with_late_creates(late_creates: i64) -> identity::eligibility::Rules {
    identity::eligibility::Rules { late_creates, ..rules() }
}

/// A create without an answer may still take effect: the delete searches again until that is impossible.
#[test]
fn a_delete_searches_again_for_the_affiliate_of_an_unanswered_create() {
    let rules = with_late_creates(120_000_000);
    let mut store = store_after(&[ann()]);
    let anchor = address("a@x.io");
    let graph = &mut store.graphs[0];
    let at = |seconds: i64| identity::stamp::Moment(moment(3).0 + seconds * 1_000_000);
    apply(graph, &rules, anchor, &Answer::CreateUnknown { fields: Vec::new() }, at(0));
    apply(graph, &rules, anchor, &Answer::NotFound, at(1));
    assert_eq!(Analysis::of(graph, &rules).steps[0].kind(), StepKind::Create, "nobody asked to be forgotten");
    let settled = store.absorb(&delete(2).user("U"));
    assert!(settled.ended.iter().all(|ended| ended.end != End::Deleted));
    let graph = &mut store.graphs[0];
    let mut now = at(10);
    let mut searches = 0;
    while let Some(next) = settle(graph, &rules).next {
        assert_eq!(next.step, StepKind::Search);
        now = next.due_at.unwrap_or(now);
        apply(graph, &rules, anchor, &Answer::NotFound, now);
        searches += 1;
        assert!(searches < 20, "it ends");
    }
    assert!(now >= at(120) && searches > 3, "{searches} searches until {now:?}");
    assert_eq!(graph.identifiers[&anchor].sealed, None, "then the address is forgotten too");
}

#[test]
fn an_affiliate_that_appears_late_is_disabled() {
    let rules = with_late_creates(120_000_000);
    let mut store = store_after(&[ann()]);
    let anchor = address("a@x.io");
    let at = |seconds: i64| identity::stamp::Moment(moment(3).0 + seconds * 1_000_000);
    apply(&mut store.graphs[0], &rules, anchor, &Answer::CreateUnknown { fields: Vec::new() }, at(0));
    store.absorb(&delete(2).user("U"));
    let graph = &mut store.graphs[0];
    apply(graph, &rules, anchor, &Answer::NotFound, at(1));
    settle(graph, &rules);
    apply(graph, &rules, anchor, &Answer::Found(found(7)), at(12));
    let Act::Status { affiliate: 7, status } = Analysis::of(graph, &rules).steps.remove(0).act else {
        panic!("a status change")
    };
    assert_eq!(status, identity::graph::Status::Disabled);
}

/// U had claimed the address of the deleted V. An affiliate that appears at another address of U has to be disabled, so it
/// is searched for.
#[test]
fn an_affiliate_that_appears_late_near_a_tombstone_is_disabled() {
    let rules = with_late_creates(120_000_000);
    let events = [
        identify(1).user("V").email("c@x.io"),
        delete(2).user("V"),
        identify(3).user("U").email("c@x.io"),
        identify(4).user("U").email("a@x.io").with("first_name", "Ann").with("last_name", "Lee"),
        identify(5).user("U").email("b@x.io"),
    ];
    let mut store = store_after(&events);
    let anchor = address("a@x.io");
    let at = |seconds: i64| identity::stamp::Moment(moment(6).0 + seconds * 1_000_000);
    let graph = &mut store.graphs[0];
    apply(graph, &rules, address("b@x.io"), &Answer::Found(found(9)), at(0));
    apply(graph, &rules, anchor, &Answer::CreateUnknown { fields: Vec::new() }, at(0));
    apply(graph, &rules, anchor, &Answer::NotFound, at(1));
    let searched_for = |graph: &identity::Graph| {
        let steps = Analysis::of(graph, &rules).steps;
        steps.iter().any(|step| step.anchor == anchor && step.kind() == StepKind::Search)
    };
    assert!(searched_for(graph));
    assert!(graph.retries[&anchor].due_at > at(1), "not at once");
    apply(graph, &rules, anchor, &Answer::NotFound, at(121));
    assert!(!searched_for(graph), "it cannot appear any more");
    apply(graph, &rules, anchor, &Answer::CreateUnknown { fields: Vec::new() }, at(122));
    apply(graph, &rules, anchor, &Answer::Found(found(7)), at(123));
    let disables = |step: &identity::plan::Step| matches!(step.act, Act::Status { affiliate: 7, .. });
    assert!(Analysis::of(graph, &rules).steps.iter().any(disables));
}

/// A search that found nobody has erased the texts of the create, and the API does not show most fields.
#[test]
fn an_affiliate_that_appears_late_keeps_no_text_that_no_event_states() {
    let rules = with_late_creates(120_000_000);
    let mut store = store_after(&[ann()]);
    let anchor = address("a@x.io");
    let at = |seconds: i64| identity::stamp::Moment(moment(3).0 + seconds * 1_000_000);
    let graph = &mut store.graphs[0];
    apply(graph, &rules, anchor, &Answer::CreateUnknown { fields: vec!["state".into()] }, at(0));
    apply(graph, &rules, anchor, &Answer::NotFound, at(1));
    apply(graph, &rules, anchor, &Answer::Found(found(7)), at(12));
    let Act::Edit { affiliate: 7, fields, .. } = Analysis::of(graph, &rules).steps.remove(0).act else {
        panic!("an edit")
    };
    assert_eq!(fields.get("state").map(|text| text.as_str()), Some(""));
    assert_eq!(fields.get("first_name").map(|text| text.as_str()), Some("Ann"));
}

fn found(id: u64) -> identity::answer::Found {
    identity::answer::Found {
        id,
        code: None,
        status: Some(identity::graph::Status::Active),
        shown: Map::new(),
    }
}

/// "Taken" and "not found" alternate: the attempts continue to count, so that the worker gives up in the end.
#[test]
fn attempts_keep_counting_while_a_taken_address_is_not_found() {
    let rules = with_late_creates(120_000_000);
    let mut store = store_after(&[ann()]);
    let anchor = address("a@x.io");
    let graph = &mut store.graphs[0];
    for attempt in 1..=3 {
        apply(graph, &rules, anchor, &Answer::CreateUnknown { fields: Vec::new() }, moment(4));
        let decide = |attempts, _| {
            assert_eq!(attempts, attempt);
            RetryDecision { due_at: moment(4), give_up: attempts == 3 }
        };
        fail(graph, &rules, anchor, (moment(4), &cause("not_here")), decide);
        if attempt < 3 {
            apply(graph, &rules, anchor, &Answer::NotFound, moment(4));
        }
    }
    assert!(graph.retries[&anchor].given_up);
}
