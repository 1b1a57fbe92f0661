//! The events that Segment sends: random events about some people, in all shapes that matter for identity resolution.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::dice::Dice;

/// Values that are longer than this are refused by Refersion, in characters.
pub const LONGEST_TEXT: usize = 255;

/// One message as Segment sends it, maybe several times.
#[derive(Clone, Debug)]
pub struct Message {
    /// The index of the connection that it is for.
    pub account: usize,
    /// Segment's message id: no other message has it.
    pub id: String,
    /// The body.
    pub json: String,
}

/// The people of one connection, and the messages sent about them.
pub struct Messages {
    dice: Dice,
    account: usize,
    people: usize,
    sent: Vec<Message>,
    count: usize,
}

/// How many of the latest messages may be sent again.
const REMEMBERED: usize = 200;

impl Messages {
    /// Draws messages about this number of people from `dice`.
    #[must_use]
    pub fn new(dice: Dice, account: usize, people: usize) -> Self {
        Self { dice, account, people, sent: Vec::new(), count: 0 }
    }

    /// Every address that the messages may name.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let addresses = |person| [self.address(person, false), self.address(person, true)];
        (0..self.people).flat_map(addresses).collect()
    }

    fn address(&self, person: usize, second: bool) -> String {
        let which = if second { "new." } else { "" };
        format!("{which}p{person}@shop{}.test", self.account)
    }

    fn user(&self, person: usize) -> String {
        format!("user-{}-{person}", self.account)
    }

    fn anonymous(&self, person: usize) -> String {
        format!("anon-{}-{person}", self.account)
    }

    /// The next message, sent at `now`.
    pub fn next(&mut self, now: Timestamp) -> Message {
        if self.sent.len() > 10 && self.dice.percent(5) {
            let index = self.dice.index(self.sent.len());
            return self.sent[index].clone();
        }
        self.count += 1;
        let id = format!("m{}-{}", self.account, self.count);
        let person = self.dice.index(self.people);
        let mut event = match self.dice.between(1, 100) {
            1..=50 => self.identify(person),
            51..=58 => self.address_alone(person),
            59..=82 => self.flag(person),
            83..=87 => self.sighting(person),
            88..=92 => self.other_user(person),
            93..=96 => self.refused(person),
            _ => self.delete(person),
        };
        event["messageId"] = json!(id);
        event["timestamp"] = json!(self.when(now).to_string());
        let message = Message { account: self.account, id, json: event.to_string() };
        if self.sent.len() < REMEMBERED {
            self.sent.push(message.clone());
        } else {
            let index = self.dice.index(REMEMBERED);
            self.sent[index] = message.clone();
        }
        message
    }

    /// Some events come late.
    fn when(&mut self, now: Timestamp) -> Timestamp {
        let late = if self.dice.percent(30) { self.dice.between(0, 30_000) } else { 0 };
        now - SignedDuration::from_millis(i64::try_from(late).expect("some seconds"))
    }

    fn identify(&mut self, person: usize) -> Value {
        let second = self.dice.percent(10);
        let mut event = json!({
            "type": "identify",
            "userId": self.user(person),
            "traits": { "email": self.address(person, second), "name": format!("Ann Lee{person}") },
        });
        self.add_traits(&mut event);
        event
    }

    /// Traits that change now and then.
    fn add_traits(&mut self, event: &mut Value) {
        let word = self.dice.between(1, 9);
        let traits = &mut event["traits"];
        if self.dice.percent(60) {
            traits["address"] = json!({ "city": format!("City{word}"), "country": "USA" });
        }
        if self.dice.percent(40) {
            traits["company"] = json!(format!("Firm{word}"));
        }
        if self.dice.percent(40) {
            traits["plan"] = json!(*self.dice.pick(&["gold", "silver", "free"]));
        }
        if self.dice.percent(5) {
            traits["phone"] = Value::Null;
        }
    }

    fn address_alone(&mut self, person: usize) -> Value {
        let second = self.dice.percent(20);
        let mut event = json!({
            "type": "identify",
            "traits": { "email": self.address(person, second), "first_name": "Bo", "last_name": format!("Wu{person}") },
        });
        self.add_traits(&mut event);
        event
    }

    /// An Engage audience: one call for one identifier, in the bulk lane.
    fn flag(&mut self, person: usize) -> Value {
        let mut event = json!({
            "type": "identify",
            "traits": { "vip": self.dice.percent(50) },
            "context": { "personas": { "computation_key": "vip" } },
        });
        match self.dice.between(1, 3) {
            1 => event["traits"]["email"] = json!(self.address(person, false)),
            2 => event["anonymousId"] = json!(self.anonymous(person)),
            _ => event["userId"] = json!(self.user(person)),
        }
        event
    }

    fn sighting(&mut self, person: usize) -> Value {
        let mut event = self.identify(person);
        event["anonymousId"] = json!(self.anonymous(person));
        event
    }

    /// Two users who share an address.
    fn other_user(&mut self, person: usize) -> Value {
        let mut event = self.identify(person);
        event["userId"] = json!(format!("other-{}-{person}", self.account));
        event
    }

    fn refused(&mut self, person: usize) -> Value {
        let mut event = self.identify(person);
        event["traits"]["company"] = json!("x".repeat(LONGEST_TEXT + 1));
        event
    }

    fn delete(&mut self, person: usize) -> Value {
        let mut event = json!({ "type": "delete", "userId": self.user(person) });
        if self.dice.percent(50) {
            event["email"] = json!(self.address(person, false));
        }
        event
    }
}
