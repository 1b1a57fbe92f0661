//! Chance from a seed, so that every failure can be reproduced.

use std::fmt::Debug;

/// A small generator (splitmix64): good enough to mix histories, and the same on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("a number below a usize is one")
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

/// The result of a property for the events of a seed: `Err` names what is wrong.
pub(crate) type PropertyResult = Result<(), String>;

/// Runs `cases` seeds, or those that the environment asks for. `make` draws the events, `holds` judges them; it also gets
/// the seed, for its own random choices.
pub(crate) fn for_all<T: Clone + Debug>(
    cases: u64,
    make: impl Fn(&mut Dice) -> Vec<T>,
    holds: impl Fn(&[T], u64) -> PropertyResult,
) {
    for seed in seeds(cases) {
        let events = make(&mut Dice::of(seed));
        if holds(&events, seed).is_err() {
            let least = fewest(events, |events| holds(events, seed).is_err());
            let why = holds(&least, seed).expect_err("the fewest events still fail");
            panic!("PEOPLE_SEED={seed}: {why}\nthe fewest events that fail so: {least:#?}");
        }
    }
}

/// The seeds to run.
pub(crate) fn seeds(cases: u64) -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("PEOPLE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PEOPLE_CASES").unwrap_or(cases),
    }
}

/// Leaves out one event after the other as long as it still fails.
fn fewest<T: Clone>(mut events: Vec<T>, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut at = 0;
    while at < events.len() {
        let mut fewer = events.clone();
        fewer.remove(at);
        if fails(&fewer) {
            events = fewer;
            at = 0;
        } else {
            at += 1;
        }
    }
    events
}
