//! Promises about groups of dead letters and their counts.

use std::collections::BTreeMap;

use super::Engine;
use super::fixtures::{
    ONE, OTHER, at, dead_letter, digest, event, expire, letter, letters, outcome, record, uuid,
};
use crate::groups::{Cause, HOURS, Mender};
use crate::{Changes, DeadLetter, DeadLetterFilter, DeadLetterState, Group, State};

/// A small random number generator: the same seed gives the same acts.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn event(&mut self) -> u128 {
        u128::from(1 + self.below(40))
    }
}

async fn groups(engine: &impl Engine) -> Vec<Group> {
    engine.groups(at(0)).await.expect("grouped")
}

/// Dead letters and persons by group and state, as a scan counts them.
type Scan = BTreeMap<(i64, String, DeadLetterState), u64>;

async fn scanned(engine: &impl Engine) -> Scan {
    let mut scan = Scan::new();
    for letter in letters(engine).await {
        let cause = Cause::of(&letter.class, letter.http_status, letter.field.as_deref(), &letter.cause);
        *scan.entry((letter.connection, cause.key(letter.connection), letter.state)).or_default() += 1;
    }
    scan
}

fn counted(groups: &[Group]) -> Scan {
    let rows = groups.iter().flat_map(|group| {
        let row = |(state, span): (&DeadLetterState, &crate::groups::Span)| {
            ((group.connection, group.key.clone(), *state), span.letters)
        };
        group.states.iter().map(row)
    });
    rows.collect()
}

/// Dead letters with the same cause form one group, with counts, persons, first and last time, a sample, and deaths by hour.
pub async fn dead_letters_are_grouped_by_cause(engine: &impl Engine) {
    for (number, died, person) in [(1, -7_200, 1), (2, -20, 2), (3, -10, 1)] {
        dead_letter(engine, ONE, number, died).await;
        let renewed = DeadLetter { person: Some(digest(person)), ..letter(number, died) };
        record(engine, Changes { connection: ONE, dead_letters: vec![renewed], ..Changes::default() }).await;
    }
    dead_letter(engine, OTHER, 4, 0).await;
    let ids: Vec<i64> = letters(engine).await.iter().map(|letter| letter.id).collect();
    let groups = groups(engine).await;
    assert_eq!(groups.len(), 2, "{groups:?}");
    let group = groups.iter().find(|group| group.connection == ONE).expect("grouped");
    let span = group.states[&DeadLetterState::Open];
    assert_eq!((span.letters, span.first, span.last), (3, at(-7_200), at(-10)));
    assert_eq!((group.people, group.sample, group.states.len()), (2, ids[1], 1));
    let cause = &group.cause;
    assert_eq!(
        (cause.mender, cause.class.as_str(), cause.text.as_str()),
        (Mender::Data, "refused", "cause …")
    );
    assert_eq!(group.hours.iter().sum::<u64>(), 3);
    assert_eq!(group.hours[HOURS - 1] + group.hours[HOURS - 2], 2);

    let picked =
        DeadLetterFilter { groups: Some(vec![group.key.clone()]), limit: 9, ..DeadLetterFilter::default() };
    assert_eq!(engine.dead_letters(&picked).await.expect("listed").len(), 3);
    let data = DeadLetterFilter { menders: Some(vec![Mender::Data]), ..DeadLetterFilter::default() };
    assert_eq!(engine.count_dead_letters(&data).await.expect("counted"), 4);
    let us = DeadLetterFilter { menders: Some(vec![Mender::Us]), ..DeadLetterFilter::default() };
    assert_eq!(engine.count_dead_letters(&us).await.expect("counted"), 0);
}

/// A note stays with its group until it is removed.
pub async fn a_group_has_a_note(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 0).await;
    let key = groups(engine).await.remove(0).key;
    assert!(engine.note_group(&key, Some("asked the shop"), at(5)).await.expect("noted"));
    assert!(engine.note_group(&key, Some("they mend it"), at(6)).await.expect("noted"));
    let note = groups(engine).await.remove(0).note.expect("a note");
    assert_eq!((note.text.as_str(), note.at), ("they mend it", at(6)));
    assert!(!engine.note_group("g000000000000", Some("nobody"), at(7)).await.expect("looked for"));
    assert!(engine.note_group(&key, None, at(8)).await.expect("taken away"));
    assert!(groups(engine).await.remove(0).note.is_none());
}

/// Only dead letters that an older version of the rules classified are classified again.
pub async fn classified_dead_letters_are_not_classified_again(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 0).await;
    assert_eq!(engine.reclassify(10).await.expect("classified"), 0, "the rules are the same");
}

/// After any acts the counts equal a scan.
pub async fn counts_equal_a_scan(engine: &impl Engine) {
    let seed: u64 = std::process::id().into();
    let mut dice = Dice(seed);
    let (mut outcomes, mut persons) = (BTreeMap::new(), BTreeMap::new());
    for step in 0..150 {
        let number = dice.event();
        match dice.below(8) {
            0..=2 => die(engine, &mut dice, &mut outcomes, &mut persons, number).await,
            3 => {
                let reopened =
                    Changes { connection: of(number), reopened: vec![uuid(number)], ..Changes::default() };
                record(engine, reopened).await;
            }
            4 => {
                let mut changes = Changes { connection: of(number), ..Changes::default() };
                if dice.below(2) == 0 { &mut changes.resolved } else { &mut changes.discarded }
                    .push(uuid(number));
                record(engine, changes).await;
            }
            5 => {
                let erased =
                    Changes { connection: of(number), erased: vec![uuid(number)], ..Changes::default() };
                if dice.below(4) == 0 {
                    record(engine, erased).await;
                }
            }
            6 => {
                let ids: Vec<i64> = letters(engine).await.iter().map(|letter| letter.id).collect();
                let some: Vec<i64> = ids.into_iter().filter(|_| dice.below(3) == 0).collect();
                let to =
                    [DeadLetterState::Discarded, DeadLetterState::Replaying][usize::from(dice.below(2) == 0)];
                engine.move_dead_letters(&some, DeadLetterState::Open, to).await.expect("moved");
            }
            _ => {
                let before = at(i64::try_from(dice.below(150)).expect("small"));
                expire(engine, at(-1_000_000), before, 3).await;
            }
        }
        check(engine, &persons, &format!("seed {seed}, step {step}")).await;
    }
    engine.reclassify(1_000).await.expect("classified");
    check(engine, &persons, &format!("seed {seed}, at the end")).await;
}

fn of(number: u128) -> i64 {
    if number.is_multiple_of(2) { ONE } else { OTHER }
}

/// Lets an event die, for the first time or again, of one of a few causes.
async fn die(
    engine: &impl Engine,
    dice: &mut Dice,
    outcomes: &mut BTreeMap<u128, u32>,
    persons: &mut BTreeMap<u128, u64>,
    number: u128,
) {
    let nth = outcomes.entry(number).or_insert(0);
    *nth += 1;
    let person = *persons.entry(number).or_insert_with(|| dice.below(5));
    let died = i64::try_from(dice.below(20_000)).expect("small") - 10_000;
    let causes = ["the email is odd", "the affiliate was not changed", "no answer came"];
    let one = usize::try_from(dice.below(3)).expect("small");
    let (cause, class) = (causes[one].to_owned(), ["refused", "refused", "no_answer"][one].to_owned());
    let dies = DeadLetter { cause, class, person: Some(digest(person)), ..letter(number, died) };
    let changes = Changes {
        connection: of(number),
        events: vec![event(number, &[])],
        outcomes: vec![outcome(number, *nth, State::Dead, died)],
        dead_letters: vec![dies],
        ..Changes::default()
    };
    record(engine, changes).await;
}

async fn check(engine: &impl Engine, persons: &BTreeMap<u128, u64>, step: &str) {
    let groups = groups(engine).await;
    let counted = counted(&groups);
    let erased = |letter: &crate::DeadLetterView| letter.cause == "erased by a delete";
    let all = letters(engine).await;
    // An erased dead letter stays in the group of its erased cause.
    if !all.iter().any(erased) {
        assert_eq!(counted, scanned(engine).await, "{step}");
    }
    assert_eq!(counted.values().sum::<u64>(), all.len() as u64, "{step}");
    check_counts(engine, &all, step).await;
    for group in &groups {
        let filter = DeadLetterFilter {
            groups: Some(vec![group.key.clone()]),
            states: Some(vec![DeadLetterState::Open]),
            limit: 1_000,
            ..DeadLetterFilter::default()
        };
        let open = engine.dead_letters(&filter).await.expect("listed");
        let number = |letter: &crate::DeadLetterView| persons[&(letter.event.as_u128() & 0xFFFF)];
        let people: std::collections::BTreeSet<u64> = open.iter().map(number).collect();
        assert_eq!(group.people, people.len() as u64, "{step}: {group:?}");
        let times = open.iter().map(|letter| letter.died_at);
        let span = group.states.get(&DeadLetterState::Open);
        assert_eq!(span.map(|span| (span.first, span.last)), times.clone().min().zip(times.max()), "{step}");
    }
}

/// Checks that counts without groups equal a scan, too.
async fn check_counts(engine: &impl Engine, all: &[crate::DeadLetterView], step: &str) {
    let open = |letter: &&crate::DeadLetterView| letter.state == DeadLetterState::Open;
    for connection in [None, Some(ONE), Some(OTHER)] {
        let is_of = |letter: &&crate::DeadLetterView| connection.is_none_or(|of| of == letter.connection);
        let mut classes: BTreeMap<String, u64> = BTreeMap::new();
        for letter in all.iter().filter(open).filter(is_of) {
            *classes.entry(letter.class.clone()).or_default() += 1;
        }
        let counts = engine.counts(connection, at(0)).await.expect("counted");
        assert_eq!(counts.dead_letters_by_class, classes, "{step}");
        assert_eq!(counts.dead_letters, classes.values().sum::<u64>(), "{step}");
    }
    for (state, mender) in DeadLetterState::ALL.into_iter().zip(Mender::ALL) {
        let filter = DeadLetterFilter {
            connections: Some(vec![ONE]),
            states: Some(vec![state, DeadLetterState::Open]),
            menders: Some(vec![mender, Mender::Data]),
            ..DeadLetterFilter::default()
        };
        let is_picked = |letter: &&crate::DeadLetterView| {
            let is_of = [state, DeadLetterState::Open].contains(&letter.state) && letter.connection == ONE;
            is_of && letter.mender.is_some_and(|it| [mender, Mender::Data].contains(&it))
        };
        let picked = engine.count_dead_letters(&filter).await.expect("counted");
        assert_eq!(picked, all.iter().filter(is_picked).count() as u64, "{step}");
    }
}
