//! The fewest calls: with everything absorbed before the first one, exactly those that the end needs.

use std::collections::BTreeMap;

use identity::plan::StepKind;
use reference::least_calls;

use crate::dice::{Verdict, for_all};
use crate::play::Play;
use crate::story::{Event, expected, history, rules};

fn made_calls(play: &Play, kind: StepKind) -> usize {
    play.calls.iter().filter(|step| step.kind() == kind).count()
}

fn only_the_least_goes_out(events: &[Event], _seed: u64) -> Verdict {
    let mut play = Play::new(rules());
    for event in events {
        play.absorb(event)?;
    }
    play.rest()?;
    let least = least_calls(&expected(events, &rules(), &[], BTreeMap::new()), &[]);
    let made = [StepKind::Create, StepKind::Edit, StepKind::Status].map(|kind| made_calls(&play, kind));
    if made != [least.creates, least.edits, least.status_changes] {
        return Err(format!("creates, edits and status changes were {made:?}; the least is {least:?}"));
    }
    let mut searches = BTreeMap::new();
    for step in play.calls.iter().filter(|step| step.kind() == StepKind::Search) {
        *searches.entry(step.anchor).or_insert(0) += 1;
    }
    if searches.values().any(|times| *times > 1) {
        return Err(format!("an address was searched for more than once: {searches:?}"));
    }
    let before = play.calls.len();
    play.rest()?;
    if play.calls.len() > before { Err("what is told was told again".to_owned()) } else { Ok(()) }
}

#[test]
fn what_is_absorbed_before_the_first_call_takes_the_least_calls() {
    for_all(3_000, history, only_the_least_goes_out);
}

#[test]
fn a_repeated_history_takes_no_call() {
    for_all(1_000, history, |events, _| {
        let mut play = Play::new(rules());
        for event in events {
            play.absorb(event)?;
        }
        play.rest()?;
        let before = play.calls.len();
        for event in events {
            play.absorb(&Event { number: event.number + 100, ..event.clone() })?;
        }
        play.rest()?;
        if play.calls.len() > before { Err(format!("{:#?}", &play.calls[before..])) } else { Ok(()) }
    });
}
