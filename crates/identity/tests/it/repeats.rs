//! Refused values that are stated again, and the outcome of the event that stated them first.

use identity::answer::{Answer, apply};
use identity::plan::{Act, Analysis, StepKind};
use identity::settle::{End, settle};

use crate::events::{Event, address, identify, moment, rules};
use crate::run::Run;
use crate::store::{GraphStore, ann};
use crate::tiny::{cause, created};

const WEEK: i64 = 7 * 86_400;

/// Thirty events with one refused value: one call is refused, one event dies.
#[test]
fn a_refused_value_that_is_stated_again_is_not_sent_again() {
    let bad = identify(2).user("U").with("company", "bad firm");
    let mut run = Run::of(&[ann(), bad.clone()]);
    let calls = run.calls.len();
    let repeats: Vec<Event> = (3..12).map(|at| identify(at).user("U").with("company", "bad firm")).collect();
    run.continue_with(&repeats);
    assert_eq!(run.calls.len(), calls);
    assert_eq!(run.outcomes(&bad), ["dead refused"]);
    for repeat in &repeats {
        assert_eq!(run.outcomes(repeat).first(), Some(&"remembered refused_value"));
    }
    let other = identify(12).user("U").with("company", "Acme");
    run.continue_with(std::slice::from_ref(&other));
    assert_eq!(run.outcomes(&other), ["updated"]);
}

#[test]
fn each_repeat_of_a_refused_value_names_the_event_whose_dead_letter_counts_it() {
    let bad = identify(2).user("U").with("company", "bad firm");
    let mut run = Run::of(&[ann(), bad.clone()]);
    let graph = &mut run.store.graphs[0];
    let repeats =
        |graph: &mut identity::Graph, event: &Event| identity::fold::identify(graph, &event.statement());
    assert_eq!(repeats(graph, &identify(3).user("U").with("company", "bad firm")), [bad.id()]);
    assert_eq!(
        repeats(graph, &identify(4).user("U").with("company", "bad firm").with("phone", "1")),
        [bad.id()]
    );
    assert!(repeats(graph, &identify(5).user("U").with("company", "Acme")).is_empty());
    assert!(repeats(graph, &identify(6).user("U").with("company", "Acme")).is_empty());
}

#[test]
fn a_refused_value_is_sent_again_after_a_week_after_new_settings_and_by_a_replay() {
    let bad = identify(2).user("U").with("company", "bad firm");
    let is_sent = |store: &GraphStore| {
        let steps = Analysis::of(&store.graphs[0], &rules()).steps;
        steps
            .iter()
            .any(|step| matches!(&step.act, Act::Edit { fields, .. } if fields.contains_key("company")))
    };
    let refused = || {
        let mut run = Run::of(&[ann(), bad.clone()]);
        drop(run.store.absorb(&identify(3).user("U").with("company", "bad firm")));
        assert!(!is_sent(&run.store));
        run.store
    };
    let mut later = refused();
    drop(later.absorb(&Event { number: 90, ..identify(WEEK).user("U").with("company", "bad firm") }));
    assert!(!is_sent(&later), "a week has not passed since it was refused");
    drop(later.absorb(&Event { number: 91, ..identify(WEEK + 60).user("U").with("company", "bad firm") }));
    assert!(is_sent(&later));
    let mut settings = refused();
    identity::fold::retry_refused(&mut settings.graphs[0]);
    assert!(is_sent(&settings));
    let mut operator = refused();
    identity::fold::clear_refusals(&mut operator.graphs[0], bad.id(), &bad.statement().stamp, None);
    assert!(is_sent(&operator), "the letter of the first event stands for the statement of the second");
}

fn creates(run: &Run) -> usize {
    run.calls.iter().filter(|step| step.kind() == StepKind::Create).count()
}

/// Thirty events with one refused address: one of them dies, whichever of them come before the refusal.
#[test]
fn one_dead_letter_counts_every_event_that_states_a_refused_address() {
    // Each states something else besides, so that none is superseded by the next.
    let fields = ["company", "phone", "city", "address1", "zip"];
    let state = |(at, field): (i64, &'static str)| {
        identify(at).user("U").email("bad@x.io").named("Ann").with(field, "1")
    };
    let states: Vec<Event> = (2..).zip(fields).map(state).collect();
    for before in 1..=states.len() {
        let mut run = Run::of(&states[..before]);
        let mut repeats = run.repeats;
        assert_eq!((creates(&run), repeats), (1, before - 1));
        let dead: Vec<_> =
            states[..before].iter().filter(|it| run.outcomes(it) == ["dead refused"]).collect();
        assert_eq!(dead.len(), 1, "{before}");
        for repeat in &states[before..] {
            let named = identity::fold::identify(&mut run.store.graphs[0], &repeat.statement());
            assert_eq!(named, [dead[0].id()]);
            repeats += named.len();
        }
        assert_eq!(repeats, states.len() - 1);
    }
}

#[test]
fn a_refused_address_that_is_stated_again_waits_without_a_call_or_a_death() {
    let bad = identify(2).user("U").email("bad@x.io").named("Ann");
    let mut run = Run::of(std::slice::from_ref(&bad));
    let calls = run.calls.len();
    let again = identify(3).user("U").email("bad@x.io").with("trait:flag", "true");
    let sooner = identify(1).user("U").email("bad@x.io").named("Ann");
    run.continue_with(&[again.clone(), sooner.clone()]);
    assert_eq!(run.calls.len(), calls);
    assert_eq!(run.outcomes(&again), ["remembered refused_value"]);
    assert!(!run.outcomes(&sooner)[0].starts_with("dead"), "{:?}", run.outcomes(&sooner));
    let graph = &mut run.store.graphs[0];
    assert!(identity::fold::identify(graph, &bad.statement()).is_empty(), "a retry repeats nothing");
    assert!(
        identity::fold::identify(graph, &identify(5).user("U").email("good@x.io").statement()).is_empty()
    );
}

#[test]
fn a_refused_address_stated_after_a_week_is_sent_again_and_opens_no_second_dead_letter() {
    let bad = identify(2).user("U").email("bad@x.io").named("Ann");
    let refused = || {
        let run = Run::of(std::slice::from_ref(&bad));
        assert_eq!((creates(&run), run.outcomes(&bad)), (1, vec!["dead refused"]));
        run
    };
    let stated =
        |number, at| Event { number, ..identify(at).user("U").email("bad@x.io").with("company", "Acme") };
    let (early, late) = (stated(90, WEEK), stated(91, WEEK + 60));
    let mut run = refused();
    run.continue_with(&[early.clone(), identify(WEEK + 60).user("U").with("company", "Acme")]);
    assert_eq!(creates(&run), 1, "no event has stated the address after a week");
    run.now = moment(WEEK + 61);
    run.continue_with(std::slice::from_ref(&late));
    assert_eq!(creates(&run), 2);
    for repeat in [&early, &late] {
        assert!(run.outcomes(repeat).iter().all(|outcome| !outcome.starts_with("dead")), "{repeat:?}");
    }
    run.continue_with(&[stated(92, WEEK + 120)]);
    assert_eq!(creates(&run), 2, "the second refusal holds for a week as well");
    let packed = identity::graph::packed::pack(&run.store.graphs[0]);
    let mut kept = identity::graph::packed::unpack(&packed).expect("what was packed");
    assert_eq!(kept, run.store.graphs[0]);
    drop(identity::fold::identify(&mut kept, &stated(93, 3 * WEEK).statement()));
    let sends = |graph: &identity::Graph| {
        Analysis::of(graph, &rules()).steps.iter().any(|step| step.kind() == StepKind::Create)
    };
    assert!(sends(&kept), "the time of the refusal is kept");
    // An earlier program did not note the time.
    let mut earlier = run.store.graphs[0].clone();
    earlier.identifiers.iter_mut().for_each(|(_, it)| it.refused_at = None);
    assert!(!sends(&earlier));
    drop(identity::fold::identify(&mut earlier, &stated(94, WEEK + 180).statement()));
    assert!(sends(&earlier));
}

/// When an operator has replayed the event that died because of an address, the next refusal opens the same dead letter
/// again.
#[test]
fn a_replayed_event_dies_again_of_its_address_even_if_newer_events_state_it() {
    let bad = identify(2).user("U").email("bad@x.io").named("Ann");
    let mut run = Run::of(std::slice::from_ref(&bad));
    let graph = &mut run.store.graphs[0];
    identity::fold::clear_refusals(graph, bad.id(), &bad.statement().stamp, Some(address("bad@x.io")));
    drop(identity::fold::identify(graph, &bad.statement()));
    drop(identity::fold::identify(graph, &identify(3).user("U").email("bad@x.io").statement()));
    let causes = identity::Map::from_iter([("email".into(), cause("refused"))]);
    let answer = Answer::Refused { causes, email: Some(address("bad@x.io")), texts: identity::Map::new() };
    let deaths = apply(graph, &rules(), address("bad@x.io"), &answer, moment(4));
    let of: Vec<_> = deaths.iter().map(|it| (it.event, it.number, it.repeats)).collect();
    assert_eq!(of, [(bad.id(), 2, 1)]);
}

/// A dead letter is resolved only if Refersion holds its value.
#[test]
fn a_dead_event_is_delivered_only_with_its_own_value() {
    let bad = ann().with("first_name", "bad name");
    let mut run = Run::of(std::slice::from_ref(&bad));
    drop(run.store.absorb(&identify(3).user("U").with("first_name", "Ann")));
    let graph = &mut run.store.graphs[0];
    let made = created(&[("first_name", "Ann"), ("last_name", "Lee")]);
    drop(apply(graph, &rules(), address("a@x.io"), &made, moment(4)));
    let settled = settle(graph, &rules());
    let delivered: Vec<_> =
        settled.ended.iter().map(|it| (it.event == bad.id(), it.end, it.delivered)).collect();
    assert_eq!(delivered, [(true, End::Created, false), (false, End::Created, true)]);
}
