//! Faults planted in the fold and in identity resolution: the comparison with the reference model has to find each of them.

use identity::fold::delete;
use identity::tombstones::Tombstones;

use crate::dice::Dice;
use crate::events::{Event, history};
use crate::order::final_state_is_as_expected;
use crate::store::{Fold, fold};

/// Number of histories that is enough to catch each fault.
const HISTORIES: u64 = 3_000;

fn is_caught(fault: Fold) -> bool {
    (0..HISTORIES).any(|seed| final_state_is_as_expected(&history(&mut Dice::of(seed)), seed, fault).is_err())
}

#[test]
fn a_fold_by_order_of_absorption_is_caught() {
    assert!(is_caught(|graph, event| {
        let stated = event.statement().traits;
        if let Some(profile) = graph.identifiers.get_mut(&event.names()[0])
            && !event.delete
        {
            profile.traits.retain(|key, _| !stated.contains_key(key));
        }
        fold(graph, event);
    }));
}

#[test]
fn a_fold_without_message_keys_is_caught() {
    assert!(is_caught(|graph, event| fold(graph, &Event { key: String::new(), ..event.clone() })));
}

#[test]
fn a_covered_event_that_leaves_no_claim_is_caught() {
    assert!(is_caught(|graph, event| {
        let tombstones = Tombstones::of(graph);
        let statement = event.statement();
        if event.delete || !tombstones.covers(event.names()[0], statement.stamp.time) {
            fold(graph, event);
        }
    }));
}

#[test]
fn sightings_before_the_last_that_are_forgotten_are_caught() {
    assert!(is_caught(|graph, event| {
        fold(graph, event);
        let all = graph.sightings.clone();
        let is_last = |one: &identity::graph::Sighting| {
            !all.iter().any(|it| it.anonymous == one.anonymous && it.span.last > one.span.last)
        };
        graph.sightings.retain(is_last);
    }));
}

#[test]
fn an_inherited_tombstone_that_counts_as_named_is_caught() {
    assert!(is_caught(|graph, event| {
        fold(graph, event);
        let tombstones = Tombstones::of(graph);
        for (name, identifier) in &mut graph.identifiers {
            identifier.named = tombstones.on(*name);
        }
    }));
}

#[test]
fn a_late_claim_that_passes_on_no_tombstone_is_caught() {
    assert!(is_caught(|graph, event| {
        let named = event.names().iter().filter_map(|name| graph.identifiers.get(name)?.named).max();
        let is_late = named.is_some_and(|named| named >= event.statement().stamp.time);
        let alone = Event { email: None, ..event.clone() };
        fold(graph, if is_late && !event.delete && event.user.is_some() { &alone } else { event });
    }));
}

#[test]
fn a_claim_that_keeps_only_its_last_time_is_caught() {
    assert!(is_caught(|graph, event| {
        fold(graph, event);
        for claim in &mut graph.claims {
            let spans = [&mut claim.ordinary, &mut claim.engage, &mut claim.shape];
            spans.into_iter().flatten().for_each(|span| span.first = span.last.clone());
        }
    }));
}

#[test]
fn engage_taken_for_an_ordinary_source_is_caught() {
    assert!(is_caught(|graph, event| fold(graph, &Event { engage: false, ..event.clone() })));
}

#[test]
fn a_delete_that_loses_at_equal_times_is_caught() {
    assert!(is_caught(|graph, event| {
        if !event.delete {
            return fold(graph, event);
        }
        let mut deletion = event.deletion();
        deletion.stamp.time.0 -= 1;
        delete(graph, &deletion);
    }));
}

#[test]
fn the_right_fold_is_not_caught() {
    assert!(!is_caught(fold));
}
