//! The script of the demo: every request that is sent, act by act, determined by the seed.

use std::collections::BTreeSet;

use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::cast::{Person, Story, cast};
use super::{engage, oddities, says};

/// A request to the door.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) body: Bytes,
    /// What finds its event again, if the door should take it.
    pub(super) message_id: Option<String>,
    /// It belongs to an audience sync.
    pub(super) bulk: bool,
    pub(super) wrong_key: bool,
}

/// Requests that may overtake each other. The next act begins when all are answered.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) title: &'static str,
    pub(super) calls: Vec<Call>,
}

/// What is sent, and what the demo knows about it beforehand.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) acts: Vec<Act>,
    /// Values that were chosen because Refersion refuses them: field and value.
    pub(super) refused: BTreeSet<(String, String)>,
}

impl Call {
    pub(super) fn of(event: &Value) -> Self {
        Self {
            body: event.to_string().into(),
            message_id: event["messageId"].as_str().map(str::to_owned),
            bulk: event["context"]["personas"].is_object(),
            wrong_key: false,
        }
    }

    pub(super) fn refused(body: &str) -> Self {
        Self { body: body.to_owned().into(), message_id: None, bulk: false, wrong_key: false }
    }

    pub(super) fn with_the_wrong_key(self) -> Self {
        Self { wrong_key: true, ..self }
    }
}

/// Writes the script. Everything was said in the month before `now`, deletes apart.
pub(super) fn write(seed: u64, members: usize, now: Timestamp) -> Script {
    let people = cast(seed, members);
    // Another stream than the cast's.
    let mut writer = Writer { now, dice: StdRng::seed_from_u64(!seed) };
    let acts = vec![
        writer.sign_ups(&people),
        writer.audience(&people),
        writer.changes(&people),
        writer.returns(&people),
    ];
    Script { acts, refused: refused(&people) }
}

struct Writer {
    now: Timestamp,
    dice: StdRng,
}

impl Writer {
    fn day(&mut self, day: i64) -> Timestamp {
        let within = SignedDuration::from_millis(self.dice.random_range(0..86_400_000));
        self.now - SignedDuration::from_hours(24 * (31 - day)) + within
    }

    fn act(&mut self, title: &'static str, mut calls: Vec<Call>) -> Act {
        calls.shuffle(&mut self.dice);
        Act { title, calls }
    }

    /// Days 1 to 20: browsers come by, people sign up.
    fn sign_ups(&mut self, people: &[Person]) -> Act {
        let mut calls = oddities::bad_calls(people.len());
        for person in people {
            let day = self.dice.random_range(5..20);
            let at = self.day(day);
            calls.push(Call::of(&says::sign_up(person, Some(at), &mut self.dice)));
            if let Some(anonymous) = &person.anonymous {
                let before = at - SignedDuration::from_mins(self.dice.random_range(1..600));
                calls.push(Call::of(&says::visit(anonymous, before, &mut self.dice)));
            }
        }
        self.act("people sign up", calls)
    }

    /// Day 25: everybody enters an audience.
    fn audience(&mut self, people: &[Person]) -> Act {
        let mut calls = Vec::new();
        for person in people {
            let at = self.day(25);
            calls.extend(engage::calls(person, true, at, &mut self.dice).iter().map(Call::of));
        }
        self.act("an Engage audience is synced", calls)
    }

    /// Days 26 to 29, and what comes late: exits, flips, moves, second accounts, repeats, deletes.
    fn changes(&mut self, people: &[Person]) -> Act {
        let mut calls = Vec::new();
        for person in people {
            if self.dice.random_bool(0.1) {
                let at = self.day(26);
                calls.extend(engage::calls(person, false, at, &mut self.dice).iter().map(Call::of));
                if self.dice.random_bool(0.3) {
                    let at = self.day(27);
                    calls.extend(engage::calls(person, true, at, &mut self.dice).iter().map(Call::of));
                }
            }
            calls.extend(self.of_a_story(person).iter().map(Call::of));
        }
        let repeated: Vec<Call> = calls.iter().filter(|_| self.dice.random_bool(0.1)).cloned().collect();
        calls.extend(repeated);
        self.act("people change, leave, and are forgotten", calls)
    }

    fn of_a_story(&mut self, person: &Person) -> Vec<Value> {
        let late = self.day(28);
        let dice = &mut self.dice;
        match person.story {
            Story::Quiet | Story::HasALongCompany | Story::HasAnOddAddress => Vec::new(),
            Story::Moves => {
                let email = format!("moved.{}", person.email);
                vec![says::later(&person.user, json!({ "email": email }), late, dice)]
            }
            Story::SignsUpTwice => {
                let twin = Person { user: format!("second-{:07}", person.number), ..person.clone() };
                vec![says::sign_up(&twin, Some(late), dice)]
            }
            Story::IsHeardOfLate => {
                let before_the_sign_up = self.day(2);
                vec![says::change_of_plan(person, before_the_sign_up, &mut self.dice)]
            }
            Story::IsForgotten | Story::IsForgottenAndReturns => {
                vec![says::delete(&person.user, None, self.now, dice)]
            }
            Story::IsForgottenByAddress => {
                let unknown = format!("unknown-{:07}", person.number);
                vec![says::delete(&unknown, Some(&person.email), self.now, dice)]
            }
        }
    }

    /// Some of those who were forgotten sign up anew. These events say no time: they hold from when they come.
    fn returns(&mut self, people: &[Person]) -> Act {
        let returning = people.iter().filter(|person| person.story == Story::IsForgottenAndReturns);
        let calls = returning.map(|person| Call::of(&says::sign_up(person, None, &mut self.dice))).collect();
        self.act("some come back", calls)
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

    fn script(seed: u64) -> Script {
        write(seed, 1_000, "2026-01-31T00:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn the_seed_decides_every_request() {
        let bodies = |seed| {
            let acts = script(seed).acts;
            acts.into_iter().flat_map(|act| act.calls).map(|call| call.body).collect::<Vec<_>>()
        };
        assert_eq!(bodies(5), bodies(5));
        assert_ne!(bodies(5), bodies(6));
    }

    #[test]
    fn every_member_enters_the_audience_and_some_by_several_names() {
        let script = script(1);
        let entries = &script.acts[1].calls;
        assert!(entries.iter().all(|call| call.bulk && call.message_id.is_some()));
        assert!(entries.len() > 1_300, "{}", entries.len());
    }

    #[test]
    fn what_refersion_refuses_is_known_beforehand() {
        let fields: BTreeSet<String> = script(1).refused.into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, BTreeSet::from(["company".to_owned(), "email".to_owned()]));
    }
}
