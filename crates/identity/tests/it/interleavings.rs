//! Absorbing, calls, lost answers, refused values and deletes in any interleaving end as the reference says.

use identity::graph::Status;

use crate::dice::{Dice, Verdict, for_all};
use crate::play::Play;
use crate::story::{Event, history, rules};
use crate::tiny::Luck;

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

fn luck(dice: &mut Dice) -> Luck {
    dice.pick(&[Luck::Fine, Luck::Fine, Luck::LostBefore, Luck::LostAfter, Luck::TurnedAway])
}

fn play(events: &[Event], seed: u64) -> Verdict {
    let mut dice = Dice::of(!seed);
    let mut play = Play::new(rules());
    play.town.rules.scrub = dice.percent(20);
    play.town.rules.active = dice.percent(80);
    play.tiny.active = play.town.rules.active;
    for email in ["a@x.io", "b@x.io", "s@x.io"] {
        if dice.percent(10) {
            play.tiny.put(email, dice.pick(&[Status::Active, Status::Pending, Status::Disabled]), "Old Firm");
        }
    }
    let mut coming = events.to_vec();
    dice.shuffle(&mut coming);
    let again = coming.iter().filter(|_| dice.percent(10)).cloned().collect::<Vec<_>>();
    // Segment's retry of a message is another event with the same words.
    coming.extend(again.into_iter().map(|event| Event { number: event.number + 100, ..event }));
    while !coming.is_empty() || play.flights() > 0 {
        match dice.below(3) {
            0 if !coming.is_empty() => play.absorb(&coming.remove(0))?,
            1 if !play.town.graphs.is_empty() => {
                let graph = dice.below(play.town.graphs.len());
                play.send(graph, || (luck(&mut dice), dice.percent(50)))?;
            }
            _ if play.flights() > 0 => {
                let flight = dice.below(play.flights());
                play.land(flight, luck(&mut dice))?;
            }
            _ => {}
        }
    }
    play.rest()
}

#[test]
fn whatever_comes_in_between_the_account_ends_as_the_reference_says() {
    for_all(6_000, with_refusals, play);
}
