//! Values that exceed a bound are refused one by one, and the rest of the person is processed.

use std::collections::BTreeMap;

use identity::bounds::{Bound, Bounds, shed_events};
use identity::graph::packed::pack;
use identity::graph::{EventState, Graph, Lane, TrackedEvent, TraitValue};
use identity::settle::Settled;
use identity::stamp::{Moment, Stamp};
use identity::{Digest, Text};
use uuid::Uuid;

use crate::dice::{Dice, for_all};
use crate::events::{Event, address, delete, identify, rules};
use crate::store::{GraphStore, fold};

/// The unmapped traits of the random events.
const KEYS: [&str; 12] = [
    "trait:a", "trait:b", "trait:c", "trait:d", "trait:e", "trait:f", "trait:g", "trait:h", "trait:i",
    "trait:j", "trait:k", "trait:l",
];
/// So few that nearly every profile meets the bound.
const FEW: Bounds = Bounds { unmapped_traits: 3, ..Bounds::STANDARD };

/// Events of two users that share addresses and an anonymousId, with names, a mapped trait and many that nothing maps.
fn history(dice: &mut Dice) -> Vec<Event> {
    (0..2 + dice.below(10)).map(|number| random_event(dice, number as u64)).collect()
}

fn random_event(dice: &mut Dice, number: u64) -> Event {
    let at = i64::try_from(dice.below(12)).expect("small");
    let mut event = Event { number, key: format!("message {number}"), ..identify(at) };
    event = event.user(dice.pick(&["U", "V"]));
    if dice.percent(50) {
        event = event.email(dice.pick(&["a@x.io", "b@x.io"]));
    }
    if dice.percent(30) {
        event = event.anonymous("x");
    }
    if dice.percent(50) {
        event = event.named(dice.pick(&["Ann", "Bo"])).with("trait:vip", dice.pick(&["gold", "iron"]));
    }
    for _ in 0..dice.below(8) {
        event = event.with(dice.pick(&KEYS), dice.pick(&["1", "2", "3"]));
    }
    event
}

/// A store that has absorbed the events.
fn store_after(bounds: Bounds, events: &[Event]) -> (GraphStore, Vec<Settled>) {
    let mut store = GraphStore::new(rules(), fold);
    store.bounds = bounds;
    let settled = events.iter().map(|event| store.absorb(event)).collect();
    (store, settled)
}

type KeptValues = BTreeMap<Digest, BTreeMap<Text, TraitValue>>;

/// Every value that is kept.
fn kept(store: &GraphStore) -> KeptValues {
    let identifiers = store.graphs.iter().flat_map(|graph| graph.identifiers.iter());
    let traits = |traits: &identity::Map<Text, TraitValue>| {
        traits.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    identifiers.map(|(digest, identifier)| (*digest, traits(&identifier.traits))).collect()
}

fn unmapped(store: &GraphStore, traits: &BTreeMap<Text, TraitValue>) -> usize {
    traits.keys().filter(|key| !store.rules.is_mapped(key)).count()
}

#[test]
fn the_same_values_stay_within_the_bound_in_any_order_and_with_any_repetition() {
    for_all(3_000, history, |events, seed| {
        let mut dice = Dice::of(!seed);
        let mut others = events.to_vec();
        for _ in 0..dice.below(4) {
            others.push(dice.pick(events));
        }
        dice.shuffle(&mut others);
        let (one, other) = (store_after(FEW, events).0, store_after(FEW, &others).0);
        let values = kept(&one);
        if let Some(traits) = values.values().find(|traits| unmapped(&one, traits) > FEW.unmapped_traits) {
            return Err(format!("more than the bound: {traits:?}"));
        }
        if values == kept(&other) { Ok(()) } else { Err(format!("{values:?}\nbut {:?}", kept(&other))) }
    });
}

#[test]
fn random_histories_reach_the_bound() {
    let refused = (0..500).map(|seed| {
        let (_, settled) = store_after(FEW, &history(&mut Dice::of(seed)));
        settled.iter().map(|settled| settled.shed.values).sum::<usize>()
    });
    assert!(refused.sum::<usize>() > 500);
}

#[test]
fn an_event_with_one_value_too_many_ends_and_names_the_value() {
    let first = identify(1).user("U").email("a@x.io").with("trait:a", "1").with("trait:b", "1");
    let second = identify(2).user("U").with("trait:c", "1").with("trait:d", "1");
    let (mut store, settled) = store_after(FEW, &[first, second.clone()]);
    let [refused] = &settled[1].shed.refused[..] else { panic!("one event: {settled:?}") };
    assert_eq!((refused.event, refused.number, refused.values), (second.id(), 1, 1));
    assert_eq!((refused.bound, refused.key.as_deref()), (Bound::UnmappedTraits, Some("trait:d")));
    let graph = store.graph_with(address("a@x.io")).expect("a graph");
    assert!(graph.event_mut(second.id()).is_none(), "it is kept no longer");
    assert_eq!(graph.identifiers.values().map(|it| it.traits.len()).sum::<usize>(), 3);
}

/// A person with many statements under three identifiers.
fn long_history(seed: u64) -> Vec<Event> {
    let mut dice = Dice::of(seed);
    (0..60)
        .map(|number| {
            let long = format!("{number} {}", "x".repeat(200 + dice.below(100)));
            let mut event = random_event(&mut dice, number).named("Ann");
            event.traits.extend(KEYS.map(|key| (key, Some(long.clone()))));
            event
        })
        .collect()
}

#[test]
fn the_packed_bytes_are_bounded_and_standard_traits_stay_longest() {
    let bounds = Bounds { bytes: 1_400, events: 8, ..Bounds::STANDARD };
    for seed in 0..40 {
        let (store, settled) = store_after(bounds, &long_history(seed));
        for graph in &store.graphs {
            assert!(pack(graph).len() <= bounds.bytes, "seed {seed}: {} bytes", pack(graph).len());
            assert!(graph.events.len() <= bounds.events, "seed {seed}");
        }
        assert!(settled.iter().any(|settled| settled.shed.values > 0), "seed {seed}");
        let names = |graph: &Graph| graph.identifiers.values().any(|it| it.traits.contains_key("first_name"));
        assert!(store.graphs.iter().all(names), "seed {seed}");
    }
}

#[test]
fn a_graph_above_the_bounds_shrinks_with_its_next_event() {
    let (mut store, _) = store_after(Bounds::STANDARD, &long_history(1));
    let before: usize = store.graphs.iter().map(|graph| pack(graph).len()).sum();
    store.bounds = Bounds { unmapped_traits: 2, bytes: 1_400, ..Bounds::STANDARD };
    assert!(before > store.bounds.bytes, "{before} bytes");
    store.absorb(&Event { number: 99, ..identify(3).user("V").anonymous("x").named("Bo") });
    let touched = store.graphs.last().expect("the graph that was touched");
    assert!(pack(touched).len() <= store.bounds.bytes);
}

#[test]
fn deletes_that_wait_are_bounded_too_and_their_tombstones_stay() {
    let bounds = Bounds { events: 5, ..Bounds::STANDARD };
    let mut events = vec![identify(0).user("U").email("a@x.io").named("Ann")];
    events.extend((1..20).map(|at| delete(at).user("U")));
    let (store, settled) = store_after(bounds, &events);
    assert!(store.graphs[0].events.len() <= bounds.events);
    let refused = settled.iter().flat_map(|settled| &settled.shed.refused);
    assert!(refused.clone().count() > 0 && refused.clone().all(|refused| refused.bound == Bound::Events));
    let named = store.graphs[0].identifiers.values().filter_map(|identifier| identifier.named).max();
    assert_eq!(named, Some(crate::events::moment(19)));
}

/// The standard bounds, as they are: 500 traits that settings map, stated under hundreds of anonymousIds with long values.
#[test]
fn distinct_custom_traits_of_one_person_are_bounded_over_all_profiles() {
    let name = |number: usize| -> &'static str { format!("trait:made up {number:06}").leak() };
    let mapped: Vec<&str> = (0..500).map(name).collect();
    let mut store = GraphStore::new(rules(), fold);
    store.rules.custom_fields = mapped.iter().map(|key| ((*key).to_owned(), "custom:9".into())).collect();
    let mut shed = 0;
    for profile in 0..120 {
        let mut event = identify(1).user("U").email("a@x.io").named("Ann");
        event = Event { number: profile, key: format!("message {profile}"), ..event };
        shed += store.absorb(&event.clone().anonymous(&format!("x{profile}"))).shed.values;
        let mut alone = Event { number: 1_000 + profile, user: None, email: None, ..event };
        alone = alone.anonymous(&format!("x{profile}"));
        let long = |key: &&'static str| (*key, Some(format!("{profile} {key} {}", "y".repeat(60))));
        alone.traits = mapped.iter().map(long).collect();
        let first = usize::try_from(profile).expect("small") * 100;
        alone.traits.extend((first..first + 100).map(|number| (name(1_000 + number), Some("v".to_owned()))));
        shed += store.absorb(&alone).shed.values;
        let [graph] = &store.graphs[..] else { panic!("one person: {}", store.graphs.len()) };
        assert!(pack(graph).len() <= Bounds::STANDARD.bytes, "{} bytes", pack(graph).len());
    }
    assert!(shed > 10_000, "{shed} of 72,000 values were refused");
    let user = store.graph_with(address("a@x.io")).expect("the person");
    assert!(user.identifiers.values().any(|it| it.traits.contains_key("first_name")), "its name stays");
}

/// An event that died has a dead letter, also while it is remembered after a replay. A delete finds the letter only through
/// the graph.
#[test]
fn a_dead_event_is_erased_when_its_graph_drops_it() {
    let kept = |number: u64, state: EventState, outcomes: u32| TrackedEvent {
        event: Uuid::from_u128(number.into()),
        state,
        outcomes,
        delete: false,
        identifier: address("a@x.io"),
        address: None,
        keys: Vec::new(),
        stamp: Stamp {
            time: Moment(i64::try_from(number).expect("small")),
            received: None,
            key: "m".into(),
            revision: 0,
        },
        lane: Lane::Live,
        sent_by: None,
        unusable: None,
        refused_key: None,
        unmatched: false,
    };
    let mut events = vec![
        kept(1, EventState::Pending, 0),
        kept(2, EventState::Remembered, 1),
        kept(3, EventState::Remembered, 2),
        kept(4, EventState::Dead, 1),
    ];
    let (refused, erased) = shed_events(&mut events, &Bounds { events: 1, ..Bounds::STANDARD });
    assert!(refused.is_empty());
    assert_eq!(erased, [3, 4].map(Uuid::from_u128));
    assert_eq!(events.iter().map(|kept| kept.event.as_u128()).collect::<Vec<_>>(), [1]);
}
