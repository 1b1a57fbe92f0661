//! Random histories: the expected state does not depend on order and repetition, and no deleted value reappears.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use reference::{Expected, Settings, World};

use crate::story::{Event, delete, expect_with, identify, settings};

const USERS: [&str; 4] = ["U", "V", "s@x.io", ""];
const ADDRESSES: [&str; 4] = ["a@x.io", "b@x.io", "s@x.io", ""];
const ANONYMOUS: [&str; 3] = ["x", "y", ""];
/// The last second of a random history.
const END: i64 = 12;

fn event() -> impl Strategy<Value = Event> {
    let who = (select(&USERS[..]), select(&ADDRESSES[..]), select(&ANONYMOUS[..]));
    let what = (0..8u8, any::<bool>(), select(&["", "Ann Lee", "Bob", "Vic Orr"][..]), 0..4u8);
    (0..END, who, what, any::<u32>()).prop_map(
        |(at, (user, address, anonymous), (kind, engage, name, value), word)| {
            let event = if kind == 0 {
                delete(at)
            } else {
                identify(at).named(name).with("flag", format!("{value}"))
            };
            // A value that occurs in one event only, to trace it, and a message id that several events may share.
            let event = if kind == 0 { event } else { event.with("vip", format!("word {word}")) };
            let event = if kind == 1 { event.set("messageId", "shared") } else { event };
            let event = if engage && kind > 0 { event.engage() } else { event };
            event.user(user).email(address).anonymous(anonymous)
        },
    )
}

/// Up to 13 events among few identifiers, so that they are often connected.
fn history() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 1..14)
}

fn world() -> impl Strategy<Value = World> {
    prop::collection::btree_set(select(&ADDRESSES[..3]), 0..2).prop_map(|existed| World {
        existed: existed.into_iter().map(String::from).collect(),
        ..World::default()
    })
}

fn expected(events: &[Event], world: &World) -> Expected {
    expect_with(events, &settings(), world)
}

/// All expected values of the trait that differs in each event.
fn words(expected: &Expected) -> Vec<&String> {
    expected.affiliates.values().filter_map(|affiliate| affiliate.custom_fields.get(&2)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_expected_state_is_the_same_in_any_order_and_with_any_repetition(
        (events, shuffled) in history().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        repeats in prop::collection::vec((any::<Index>(), any::<Index>()), 0..5),
        world in world(),
    ) {
        let mut repeated = shuffled;
        for (from, to) in repeats {
            repeated.insert(to.index(repeated.len()), from.get(&events).clone());
        }
        let (once, again) = (expected(&events, &world), expected(&repeated, &world));
        let counted = |one: Expected| Expected { unreadable: 0, skipped: 0, ..one };
        prop_assert_eq!(counted(once), counted(again));
    }

    #[test]
    fn after_deletes_of_all_identifiers_no_affiliate_is_expected(mut events in history(), world in world()) {
        for name in 0..4 {
            let anonymous = ANONYMOUS[name.min(2)];
            events.push(delete(END).user(USERS[name]).email(ADDRESSES[name]).anonymous(anonymous));
        }
        let expected = expected(&events, &world);
        prop_assert!(expected.affiliates.is_empty());
        prop_assert_eq!(expected.persons_waiting, 0);
        prop_assert_eq!(expected.forbidden.len(), 3);
    }

    #[test]
    fn no_value_of_a_deleted_user_is_expected_anywhere(events in history(), world in world()) {
        let mut with_delete = events.clone();
        with_delete.push(delete(END).user("U"));
        let expected = expected(&with_delete, &world);
        for event in events.iter().filter(|event| event.json["userId"] == "U") {
            let word = event.json["traits"]["vip"].as_str().unwrap_or_default().to_owned();
            prop_assert!(!words(&expected).contains(&&word));
        }
    }

    #[test]
    fn no_value_is_expected_in_two_affiliates(events in history(), world in world()) {
        let expected = expected(&events, &world);
        let words = words(&expected);
        let distinct: std::collections::BTreeSet<_> = words.iter().collect();
        prop_assert_eq!(words.len(), distinct.len());
    }

    #[test]
    fn no_address_is_both_expected_and_forbidden(events in history(), world in world()) {
        let expected = expected(&events, &world);
        prop_assert!(expected.forbidden.iter().all(|address| !expected.affiliates.contains_key(address)));
    }

    #[test]
    fn any_bytes_are_handled(json in prop::collection::vec(any::<u8>(), 0..200)) {
        let event = reference::Accepted { received_at: jiff::Timestamp::UNIX_EPOCH, json: &json, revision: 0 };
        let expected = reference::expect([event], &Settings::default(), &World::default());
        prop_assert!(expected.affiliates.is_empty());
    }
}
