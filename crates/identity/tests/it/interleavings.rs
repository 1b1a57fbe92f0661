//! Absorbing, calls, lost answers, refused values and deletes in any interleaving end as the reference model expects.

use identity::graph::Status;

use crate::dice::{Dice, PropertyResult, for_all};
use crate::events::{Event, history, rules};
use crate::run::Run;
use crate::tiny::CallEnd;

/// Some histories have values, or an address, that Refersion refuses.
fn with_refusals(dice: &mut Dice) -> Vec<Event> {
    let mut events = history(dice);
    if dice.percent(50) {
        return events;
    }
    for event in events.iter_mut().filter(|event| !event.delete) {
        if dice.percent(20) {
            let key = dice.pick(&["first_name", "company", "trait:flag", "trait:vip"]);
            event.traits.insert(key, Some(format!("bad-{}-", event.number)));
        }
        if dice.percent(10) {
            event.email = Some("bad@x.io".to_owned());
        }
    }
    events
}

fn call_end(dice: &mut Dice) -> CallEnd {
    dice.pick(&[
        CallEnd::Answered,
        CallEnd::Answered,
        CallEnd::RequestLost,
        CallEnd::AnswerLost,
        CallEnd::Rejected,
    ])
}

fn run(events: &[Event], seed: u64) -> PropertyResult {
    let mut dice = Dice::of(!seed);
    let mut run = Run::new(rules());
    run.store.rules.scrub = dice.percent(20);
    run.store.rules.active = dice.percent(80);
    run.tiny.active = run.store.rules.active;
    for email in ["a@x.io", "b@x.io", "s@x.io"] {
        if dice.percent(10) {
            run.tiny.put(email, dice.pick(&[Status::Active, Status::Pending, Status::Disabled]), "Old Firm");
        }
    }
    let mut coming = events.to_vec();
    dice.shuffle(&mut coming);
    let again = coming.iter().filter(|_| dice.percent(10)).cloned().collect::<Vec<_>>();
    // Segment's retry of a message is another event with the same words.
    coming.extend(again.into_iter().map(|event| Event { number: event.number + 100, ..event }));
    while !coming.is_empty() || run.open_calls() > 0 {
        match dice.below(3) {
            0 if !coming.is_empty() => run.absorb(&coming.remove(0))?,
            1 if !run.store.graphs.is_empty() => {
                let graph = dice.below(run.store.graphs.len());
                run.send(graph, || (call_end(&mut dice), dice.percent(50)))?;
            }
            _ if run.open_calls() > 0 => {
                let open_call = dice.below(run.open_calls());
                run.end_call(open_call, call_end(&mut dice))?;
            }
            _ => {}
        }
    }
    run.run_until_idle()
}

#[test]
fn in_any_interleaving_the_account_ends_as_the_reference_model_expects() {
    for_all(6_000, with_refusals, run);
}
