//! The fewest calls: with everything absorbed before the first one, exactly those that the end needs.

use std::collections::BTreeMap;

use identity::plan::StepKind;
use reference::least_calls;

use crate::dice::{PropertyResult, for_all};
use crate::events::{Event, expected, history, rules};
use crate::run::Run;

fn made_calls(run: &Run, kind: StepKind) -> usize {
    run.calls.iter().filter(|step| step.kind() == kind).count()
}

fn only_the_least_goes_out(events: &[Event], _seed: u64) -> PropertyResult {
    let mut run = Run::new(rules());
    for event in events {
        run.absorb(event)?;
    }
    run.run_until_idle()?;
    let least = least_calls(&expected(events, &rules(), &[], BTreeMap::new()), &[]);
    let made = [StepKind::Create, StepKind::Edit, StepKind::Status].map(|kind| made_calls(&run, kind));
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
fn what_is_absorbed_before_the_first_call_takes_the_least_calls() {
    for_all(3_000, history, only_the_least_goes_out);
}

#[test]
fn a_repeated_history_takes_no_call() {
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
