//! The same events result in the same persons, in whatever order and however often they are absorbed.

use std::collections::BTreeMap;

use crate::agreement::{agree, count_recreated};
use crate::dice::{Dice, PropertyResult, for_all};
use crate::events::{Event, address, expected, history, rules};
use crate::store::{Fold, GraphStore, fold};

/// Absorbs events shuffled and with repetitions, erasing after each, and compares the end with the reference.
pub(crate) fn final_state_is_as_expected(events: &[Event], seed: u64, fold: Fold) -> PropertyResult {
    let mut dice = Dice::of(!seed);
    let mut absorbed = events.to_vec();
    dice.shuffle(&mut absorbed);
    for _ in 0..dice.below(4) {
        if !events.is_empty() {
            absorbed.insert(dice.below(absorbed.len() + 1), dice.pick(events));
        }
    }
    let mut store = GraphStore::new(rules(), fold);
    for event in &absorbed {
        store.absorb(event);
    }
    let existed = existing(&mut dice, &mut store);
    agree(&store, &expected(events, &store.rules, &existed, BTreeMap::new()))
}

/// Some affiliates were there before us, and have been found.
fn existing(dice: &mut Dice, store: &mut GraphStore) -> Vec<&'static str> {
    let mut existed = Vec::new();
    for text in ["a@x.io", "b@x.io", "s@x.io"] {
        if dice.percent(15)
            && let Some(graph) = store.graph_with(address(text))
            && let Some(identifier) = graph.identifiers.get_mut(&address(text))
        {
            identifier.existed = true;
            existed.push(text);
        }
    }
    existed
}

#[test]
fn the_fold_agrees_with_the_reference_in_any_order_and_with_any_repetition() {
    for_all(20_000, history, |events, seed| final_state_is_as_expected(events, seed, fold));
}

#[test]
fn random_histories_reach_affiliates_that_come_back_after_a_delete() {
    let count_recreated = (0..2_000).map(|seed| {
        let events = history(&mut Dice::of(seed));
        count_recreated(&expected(&events, &rules(), &[], BTreeMap::new()))
    });
    assert!(count_recreated.sum::<usize>() > 50);
}
