//! Identifiers that link too many others stop linking, and the end is the same in every order.

use std::collections::BTreeMap;

use identity::fold::identify as fold_in;
use identity::graph::{Affiliate, Status};
use identity::plan::Analysis;
use identity::shared::without_shared;
use reference::World;

use crate::agreement::agree;
use crate::dice::{Dice, PropertyResult, for_all};
use crate::events::{END, Event, address, delete, expected_by, identify, rules, settings};
use crate::random_traits::add_random_traits;
use crate::store::{GraphStore, fold};

/// Maximum number of others that an identifier of these histories links.
const FEW: usize = 3;

fn store_of(events: &[Event]) -> GraphStore {
    let mut store = GraphStore::new(rules(), fold).linking(FEW);
    events.iter().for_each(|event| drop(store.absorb(event)));
    store
}

/// People with an address of their own each, who meet at a placeholder address, at a tablet, and under the userId of the
/// till. These shared identifiers are never deleted, nor seen together in a history with deletes: an identifier that a
/// delete covered over a link stays covered when the link is removed, and that depends on the order.
fn history(dice: &mut Dice) -> Vec<Event> {
    let long = 4 + dice.below(24);
    let deletes = dice.percent(60);
    (0..long).map(|number| random(dice, u64::try_from(number).expect("a small number"), deletes)).collect()
}

fn random(dice: &mut Dice, number: u64, deletes: bool) -> Event {
    let at = i64::try_from(dice.below(usize::try_from(END).expect("small"))).expect("small");
    let event = Event { number, key: format!("message {number}"), engage: dice.percent(30), ..identify(at) };
    let person = dice.below(7);
    let (user, own) = (format!("user{person}"), format!("own{person}@x.io"));
    if deletes && dice.percent(15) {
        return Event { delete: true, engage: false, ..event }.user(&user);
    }
    let event = match dice.below(14) {
        0..3 => event.user(&user).email(&own),
        3..6 => event.user(&user).email("any@x.io"),
        6 | 12 => event.user(&user).email(&own).anonymous("tablet"),
        7 => event.email(&own).anonymous("tablet"),
        8 | 13 => event.user("till").email(&own),
        9 if deletes => event.email("any@x.io"),
        9 => event.email("any@x.io").anonymous(dice.pick(&["tablet", "x", ""])),
        10 => event.anonymous("tablet"),
        _ => event.user(&user).anonymous(dice.pick(&["tablet", "x"])),
    };
    add_random_traits(dice, event)
}

fn final_state_is_as_expected(events: &[Event], seed: u64) -> PropertyResult {
    let mut dice = Dice::of(!seed);
    let mut absorbed = events.to_vec();
    dice.shuffle(&mut absorbed);
    for _ in 0..dice.below(4) {
        absorbed.insert(dice.below(absorbed.len() + 1), dice.pick(events));
    }
    let settings = reference::Settings { shared_after: Some(FEW), ..settings(&rules()) };
    agree(&store_of(&absorbed), &expected_by(events, &settings, World::default()))
}

#[test]
fn shared_identifiers_give_the_same_persons_in_any_order_and_with_any_repetition() {
    for_all(6_000, history, final_state_is_as_expected);
}

#[test]
fn random_histories_reach_each_kind_of_shared_identifier() {
    let shared = (0..500).flat_map(|seed| store_of(&history(&mut Dice::of(seed))).graphs);
    let shared = shared.flat_map(|graph| graph.identifiers.into_tuple_vec());
    let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
    shared.filter(|(_, it)| it.is_shared()).for_each(|(_, it)| *kinds.entry(it.kind).or_default() += 1);
    assert!(kinds.len() == 3 && kinds.values().all(|count| *count > 20), "{kinds:?}");
}

fn at_any(number: i64) -> Event {
    identify(number).user(&format!("user{number}")).email("any@x.io").named("Ann")
}

#[test]
fn people_with_one_placeholder_address_are_separated_and_keep_their_own_addresses() {
    let mut events: Vec<Event> = (0..4).map(at_any).collect();
    let before = store_of(&events[..3]);
    assert_eq!(before.graphs.len(), 1, "up to the limit they are one graph");
    events.extend((0..4).map(|number| {
        identify(10 + number).user(&format!("user{number}")).email(&format!("own{number}@x.io"))
    }));
    let store = store_of(&events);
    assert_eq!(store.graphs.len(), 5);
    let persons = store.graphs.iter().map(|graph| Analysis::of(graph, &store.rules).resolution.persons.len());
    assert_eq!(persons.sum::<usize>(), 4);
    let shared = store.graphs.iter().find_map(|graph| graph.identifiers.get(&address("any@x.io")));
    assert_eq!(shared.and_then(|it| it.shared), Some(4));
}

#[test]
fn values_stated_with_an_address_of_a_shared_user_belong_to_that_address() {
    let guest = |number: i64| {
        identify(number).user("till").email(&format!("own{number}@x.io")).named(&format!("Ann{number}"))
    };
    let store = store_of(&(0..4).map(guest).collect::<Vec<_>>());
    for number in 0..4 {
        let name = address(&format!("own{number}@x.io"));
        let graph = store.graphs.iter().find(|graph| graph.identifiers.contains_key(&name)).expect("a graph");
        let stated = graph.identifiers.get(&name).and_then(|it| it.traits.get("first_name"));
        assert_eq!(stated.and_then(|value| value.value.as_deref()), Some(format!("Ann{number}").as_str()));
    }
}

#[test]
fn a_delete_of_a_shared_address_deletes_none_of_the_persons_that_used_it() {
    let mut events: Vec<Event> = (0..4).map(at_any).collect();
    events.push(identify(5).user("user1").email("own1@x"));
    events.push(delete(9).email("any@x.io"));
    let store = store_of(&events);
    for graph in &store.graphs {
        let analysis = Analysis::of(graph, &store.rules);
        let tombstones: Vec<_> = analysis.tombstones.all().map(|(identifier, _)| identifier).collect();
        assert!(tombstones.is_empty() || tombstones == [address("any@x.io")], "{tombstones:?}");
    }
}

#[test]
fn persons_covered_by_a_delete_stay_covered_after_the_address_is_shared() {
    let mut events: Vec<Event> = (0..3).map(at_any).collect();
    events.push(delete(3).email("any@x.io"));
    events.push(at_any(4));
    events.push(identify(2).user("user1").email("own1@x").named("Ann"));
    let store = store_of(&events);
    let persons = store.graphs.iter().flat_map(|graph| {
        let analysis = Analysis::of(graph, &store.rules);
        analysis
            .resolution
            .persons
            .into_iter()
            .filter(|person| person.is_eligible)
            .map(|it| it.address)
            .collect::<Vec<_>>()
    });
    assert_eq!(persons.count(), 0, "an older statement about somebody who was covered does not count");
}

/// One affiliate at the placeholder address; `holder`, if there is one, states an own address next.
fn with_affiliate(holder: Option<&str>) -> GraphStore {
    let mut store = store_of(&(0..3).map(at_any).collect::<Vec<_>>());
    let affiliate =
        Affiliate { id: Some(7), status: Some(Status::Active), ..Affiliate::at(address("any@x.io")) };
    store.graphs[0].affiliates.push(affiliate);
    if let Some(own) = holder {
        drop(store.absorb(&identify(8).user("user2").email(own)));
    }
    drop(store.absorb(&at_any(4)));
    store
}

#[test]
fn an_affiliate_at_a_shared_address_is_left_over_and_not_touched() {
    let store = with_affiliate(None);
    for graph in &store.graphs {
        let steps = Analysis::of(graph, &store.rules).steps;
        assert!(
            graph.affiliates.is_empty() || (steps.is_empty() && graph.identifiers.len() == 1),
            "{steps:?}"
        );
    }
    assert_eq!(store.graphs.iter().flat_map(|graph| &graph.affiliates).count(), 1);
}

#[test]
fn an_affiliate_moves_with_its_person_when_the_graph_is_split() {
    let mut store = GraphStore::new(rules(), fold).linking(FEW);
    for number in 0..3 {
        drop(store.absorb(&at_any(number)));
    }
    let affiliate =
        Affiliate { id: Some(7), status: Some(Status::Active), ..Affiliate::at(address("any@x.io")) };
    store.graphs[0].affiliates.push(affiliate);
    for number in 0..3 {
        drop(store.absorb(
            &identify(5 + number).user(&format!("user{number}")).email(&format!("own{number}@x.io")),
        ));
    }
    drop(store.absorb(&identify(8).user("user4").email("own4@x.io")));
    drop(store.absorb(&identify(9).user("user4").engage().email("any@x.io")));
    let owner = store.graphs.iter().find(|graph| !graph.affiliates.is_empty()).expect("it is kept");
    assert!(owner.identifiers.len() > 1, "{owner:#?}");
    assert!(owner.affiliates[0].address_unknown, "a call may be under way");
}

#[test]
fn an_event_is_absorbed_without_its_shared_identifiers() {
    let resolve = |event: Event, shared: &[&str]| {
        let statement = event.statement();
        let shared: Vec<_> = shared
            .iter()
            .map(|name| if name.contains('@') { address(name) } else { identify(0).user(name).names()[0] })
            .collect();
        without_shared(&statement, |name| shared.contains(&name))
            .map(|without| without.statement.map(|it| it.digests().len()))
    };
    let all = || identify(1).user("U").email("a@x").anonymous("x");
    assert_eq!(resolve(all(), &[]), None, "it is as it was");
    assert_eq!(resolve(all(), &["a@x"]), Some(Some(2)), "the user with the anonymousId");
    assert_eq!(resolve(all(), &["U"]), Some(Some(1)), "the address alone");
    assert_eq!(resolve(all(), &["U", "a@x"]), Some(None));
    assert_eq!(resolve(identify(1).email("a@x").anonymous("x"), &["a@x"]), Some(None));
}

#[test]
fn the_reference_counts_100_others_unless_configured_otherwise() {
    let events: Vec<Event> = (0..101).map(at_any).collect();
    let expected = |events: &[Event]| expected_by(events, &settings(&rules()), World::default());
    assert_eq!(expected(&events[..100]).affiliates.len(), 1);
    assert_eq!(expected(&events).affiliates.len(), 0);
    assert_eq!(identity::shared::SHARED_AFTER, 100);
    let mut graph = identity::Graph::default();
    fold_in(&mut graph, &at_any(1).statement());
    assert!(
        identity::shared::split_graph(&mut graph, 1, &rules()).is_none(),
        "one other is not more than one"
    );
}
