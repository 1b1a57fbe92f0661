//! The scenario of the demo: every request, phase by phase, determined by the seed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::people::{Person, Story, people};
use super::{bodies, engage, invalid};

/// A request to the ingest endpoint.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) body: String,
    /// The message id, if the event should be accepted.
    pub(super) message_id: Option<String>,
    /// It belongs to an audience sync.
    pub(super) bulk: bool,
    pub(super) wrong_key: bool,
}

/// Requests that are sent concurrently. The next phase begins when all are answered.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) title: &'static str,
    pub(super) calls: Vec<Call>,
}

/// All requests, and the values that Refersion will refuse.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) phases: Vec<Phase>,
    /// Values that were chosen because Refersion refuses them: field and value.
    pub(super) refused: BTreeSet<(String, String)>,
}

impl Call {
    pub(super) fn of(event: &Value) -> Self {
        Self {
            body: event.to_string(),
            message_id: event["messageId"].as_str().map(str::to_owned),
            bulk: event["context"]["personas"].is_object(),
            wrong_key: false,
        }
    }

    pub(super) fn refused(body: &str) -> Self {
        Self { body: body.to_owned(), message_id: None, bulk: false, wrong_key: false }
    }

    pub(super) fn with_wrong_key(self) -> Self {
        Self { wrong_key: true, ..self }
    }
}

/// Writes the scenario. All events but deletes are dated in the month before `now`.
pub(super) fn write(seed: u64, members: usize, now: Timestamp) -> Scenario {
    let people = people(seed, members);
    // A different random stream than that of `people`.
    let mut writer = Writer { now, rng: StdRng::seed_from_u64(!seed) };
    let phases = vec![
        writer.sign_ups(&people),
        writer.audience(&people),
        writer.changes(&people),
        writer.returns(&people),
    ];
    Scenario { phases, refused: refused(&people) }
}

struct Writer {
    now: Timestamp,
    rng: StdRng,
}

impl Writer {
    fn day(&mut self, day: i64) -> Timestamp {
        let within = SignedDuration::from_millis(self.rng.random_range(0..86_400_000));
        self.now - SignedDuration::from_hours(24 * (31 - day)) + within
    }

    fn phase(&mut self, title: &'static str, mut calls: Vec<Call>) -> Phase {
        calls.shuffle(&mut self.rng);
        Phase { title, calls }
    }

    /// Days 1 to 20: browsers come by, people sign up.
    fn sign_ups(&mut self, people: &[Person]) -> Phase {
        let mut calls = invalid::requests(people.len());
        for person in people {
            let day = self.rng.random_range(5..20);
            let at = self.day(day);
            calls.push(Call::of(&bodies::sign_up(person, Some(at), &mut self.rng)));
            if let Some(anonymous) = &person.anonymous {
                let before = at - SignedDuration::from_mins(self.rng.random_range(1..600));
                calls.push(Call::of(&bodies::visit(anonymous, before, &mut self.rng)));
            }
        }
        self.phase("people sign up", calls)
    }

    /// Day 25: all people enter an audience.
    fn audience(&mut self, people: &[Person]) -> Phase {
        let mut calls = Vec::new();
        for person in people {
            let at = self.day(25);
            calls.extend(engage::calls(person, true, at, &mut self.rng).iter().map(Call::of));
        }
        self.phase("an Engage audience is synced", calls)
    }

    /// Days 26 to 29, and late events: exits, flips, moves, second accounts, repeats, deletes.
    fn changes(&mut self, people: &[Person]) -> Phase {
        let mut calls = Vec::new();
        for person in people {
            if self.rng.random_bool(0.1) {
                let at = self.day(26);
                calls.extend(engage::calls(person, false, at, &mut self.rng).iter().map(Call::of));
                if self.rng.random_bool(0.3) {
                    let at = self.day(27);
                    calls.extend(engage::calls(person, true, at, &mut self.rng).iter().map(Call::of));
                }
            }
            calls.extend(self.story_events(person).iter().map(Call::of));
        }
        let repeated: Vec<Call> = calls.iter().filter(|_| self.rng.random_bool(0.1)).cloned().collect();
        calls.extend(repeated);
        self.phase("people change, leave, and are forgotten", calls)
    }

    fn story_events(&mut self, person: &Person) -> Vec<Value> {
        let late = self.day(28);
        let rng = &mut self.rng;
        match person.story {
            Story::Quiet | Story::HasALongCompany | Story::HasAnOddAddress => Vec::new(),
            Story::Moves => {
                let email = format!("moved.{}", person.email);
                vec![bodies::later(&person.user, json!({ "email": email }), late, rng)]
            }
            Story::SignsUpTwice => {
                let twin = Person { user: format!("second-{:07}", person.number), ..person.clone() };
                vec![bodies::sign_up(&twin, Some(late), rng)]
            }
            Story::IsHeardOfLate => {
                let before_the_sign_up = self.day(2);
                vec![bodies::change_of_plan(person, before_the_sign_up, &mut self.rng)]
            }
            Story::IsForgotten | Story::IsForgottenAndReturns => {
                vec![bodies::delete(&person.user, None, self.now, rng)]
            }
            Story::IsForgottenByAddress => {
                let unknown = format!("unknown-{:07}", person.number);
                vec![bodies::delete(&unknown, Some(&person.email), self.now, rng)]
            }
        }
    }

    /// Some deleted people sign up again. These events carry no time, so they count from their arrival.
    fn returns(&mut self, people: &[Person]) -> Phase {
        let returning = people.iter().filter(|person| person.story == Story::IsForgottenAndReturns);
        let calls = returning.map(|person| Call::of(&bodies::sign_up(person, None, &mut self.rng))).collect();
        self.phase("some come back", calls)
    }
}

fn refused(people: &[Person]) -> BTreeSet<(String, String)> {
    let of = |person: &Person| match person.story {
        Story::HasALongCompany => person.company.clone().map(|company| ("company".to_owned(), company)),
        Story::HasAnOddAddress => Some(("email".to_owned(), person.email.clone())),
        _ => None,
    };
    people.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(seed: u64) -> Scenario {
        write(seed, 1_000, "2026-01-31T00:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn the_seed_decides_every_request() {
        let bodies = |seed| {
            let phases = scenario(seed).phases;
            phases.into_iter().flat_map(|phase| phase.calls).map(|call| call.body).collect::<Vec<_>>()
        };
        assert_eq!(bodies(5), bodies(5));
        assert_ne!(bodies(5), bodies(6));
    }

    #[test]
    fn every_member_enters_the_audience_and_some_by_several_names() {
        let scenario = scenario(1);
        let entries = &scenario.phases[1].calls;
        assert!(entries.iter().all(|call| call.bulk && call.message_id.is_some()));
        assert!(entries.len() > 1_300, "{}", entries.len());
    }

    #[test]
    fn refused_events_are_predicted() {
        let fields: BTreeSet<String> = scenario(1).refused.into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, BTreeSet::from(["company".to_owned(), "email".to_owned()]));
    }
}
