//! The fewest calls: if everything is absorbed before the first call, exactly those that the final state needs are made.

use std::collections::BTreeMap;

use identity::plan::StepKind;
use reference::least_calls;

use crate::dice::{PropertyResult, for_all};
use crate::events::{Event, expected, history, rules};
use crate::run::Run;

fn count_calls(run: &Run, kind: StepKind) -> usize {
    run.calls.iter().filter(|step| step.kind() == kind).count()
}

fn fewest_calls_are_made(events: &[Event], _seed: u64) -> PropertyResult {
    let mut run = Run::new(rules());
    for event in events {
        run.absorb(event)?;
    }
    run.run_until_idle()?;
    let least = least_calls(&expected(events, &rules(), &[], BTreeMap::new()), &[]);
    let made = [StepKind::Create, StepKind::Edit, StepKind::Status].map(|kind| count_calls(&run, kind));
    if made != [least.creates, least.edits, least.status_changes] {
        return Err(format!("creates, edits and status changes were {made:?}; the least is {least:?}"));
    }
    let mut searches = BTreeMap::new();
    for step in run.calls.iter().filter(|step| step.kind() == StepKind::Search) {
        *searches.entry(step.anchor).or_insert(0) += 1;
    }
    if searches.values().any(|times| *times > 1) {
        return Err(format!("an address was searched for more than once: {searches:?}"));
    }
    let before = run.calls.len();
    run.run_until_idle()?;
    if run.calls.len() > before { Err("delivered traits were sent again".to_owned()) } else { Ok(()) }
}

#[test]
fn events_absorbed_before_the_first_call_need_the_fewest_calls() {
    for_all(3_000, history, fewest_calls_are_made);
}

#[test]
fn a_repeated_history_needs_no_call() {
    for_all(1_000, history, |events, _| {
        let mut run = Run::new(rules());
        for event in events {
            run.absorb(event)?;
        }
        run.run_until_idle()?;
        let before = run.calls.len();
        for event in events {
            run.absorb(&Event { number: event.number + 100, ..event.clone() })?;
        }
        run.run_until_idle()?;
        if run.calls.len() > before { Err(format!("{:#?}", &run.calls[before..])) } else { Ok(()) }
    });
}
