//! The events that Segment sends: random ones about a few people, in all shapes.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::{shapes, times};

/// An event as it was sent, with what the checks need to know of it.
#[derive(Clone, Debug)]
pub(crate) struct SentEvent {
    pub(crate) json: String,
    pub(crate) bulk: bool,
    pub(crate) delete: bool,
    /// The time that an identify states.
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) user: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) anonymous: Option<String>,
    /// Personal words that no other message has.
    pub(crate) words: Vec<String>,
}

/// The people, and the events sent so far.
pub(crate) struct Story {
    dice: Dice,
    pub(crate) users: Vec<String>,
    pub(crate) addresses: Vec<String>,
    pub(crate) anonymous: Vec<String>,
    sent: Vec<SentEvent>,
    tag: u64,
    count: usize,
}

/// Addresses that Segment passes on and Refersion refuses; the second is certain to be refused, so the worker does not send
/// it.
const REFUSED_ADDRESSES: [&str; 2] = [".odd@x.test", "odd@@x.test"];

/// Whether Refersion refuses an address.
pub(crate) fn is_refused(address: &str) -> bool {
    REFUSED_ADDRESSES.contains(&address)
}

impl Story {
    pub(crate) fn new(dice: Dice, tag: u64) -> Self {
        let some = |most: u64, name: &dyn Fn(u64) -> String| (0..=dice.below(most)).map(name).collect();
        let mut users: Vec<String> =
            some(4, &|n| if n == 3 { "shape@x.test".to_owned() } else { format!("user-{n}") });
        if dice.per_mille(100) {
            users.push(shapes::LARGE_ID.to_owned());
        }
        let mut addresses: Vec<String> = some(5, &|n| format!("ad{n}@x.test"));
        if dice.per_mille(150) {
            addresses.push((*dice.pick(&REFUSED_ADDRESSES)).to_owned());
        }
        let anonymous = some(3, &|n| format!("anon-{n}"));
        Self { dice, users, addresses, anonymous, sent: Vec::new(), tag, count: 0 }
    }

    /// The next event, at `now`.
    pub(crate) fn next(&mut self, now: Timestamp) -> SentEvent {
        self.count += 1;
        let sent = match self.dice.below(100) {
            0..48 => self.with_odd_text(now, false),
            48..70 => self.with_odd_text(now, true),
            70..80 => self.delete(now),
            80..90 if !self.sent.is_empty() => self.dice.pick(&self.sent).clone(),
            90..93 => self.unreadable(),
            93..95 => self.disabled_by_integrations(now),
            95..97 => self.of_nobody(),
            _ => self.identify(now, false),
        };
        self.sent.push(sent.clone());
        sent
    }

    fn word(&self, kind: &str) -> String {
        format!("{kind}{}x{}q", self.tag, self.count)
    }

    fn identify(&mut self, now: Timestamp, engage: bool) -> SentEvent {
        let dice = self.dice.clone();
        let (mut user, mut address) = (dice.maybe(&self.users), dice.maybe(&self.addresses));
        let mut anonymous = dice.maybe(&self.anonymous);
        if engage {
            // One call for each identifier of a profile.
            match dice.below(4) {
                0 => (user, address, anonymous) = (Some(dice.pick(&self.users).clone()), None, None),
                1 => (address, anonymous) = (Some(dice.pick(&self.addresses).clone()), None),
                2 => (user, address, anonymous) = (None, Some(dice.pick(&self.addresses).clone()), None),
                _ => (user, address, anonymous) = (None, None, Some(dice.pick(&self.anonymous).clone())),
            }
        }
        if user.is_none() && address.is_none() && anonymous.is_none() {
            user = Some(dice.pick(&self.users).clone());
        }
        let mut words = Vec::new();
        let mut traits = if engage { self.flags() } else { self.traits(&mut words) };
        if let Some(address) = &address {
            let shown = if dice.per_mille(200) { address.to_uppercase() } else { address.clone() };
            traits.insert("email".into(), json!(shown));
        }
        let times = times::draw(&dice, now);
        let mut event = json!({ "type": "identify", "messageId": self.word("m"), "traits": traits });
        put(&mut event, "userId", user.as_deref());
        put(&mut event, "anonymousId", anonymous.as_deref());
        for (key, time) in times.members {
            event[key] = time;
        }
        if engage {
            event["context"] = json!({ "personas": { "computation_key": "vip" } });
            event["integrations"] = json!({ "All": false, "Refersion": true });
        }
        if dice.per_mille(400) {
            shapes::reshape(&dice, &mut event);
        }
        let json = event.to_string();
        SentEvent {
            json,
            bulk: engage,
            delete: false,
            timestamp: times.stated,
            user,
            address,
            anonymous,
            words,
        }
    }

    fn flags(&self) -> Map<String, Value> {
        let key = if self.dice.per_mille(800) { "vip" } else { "churned" };
        Map::from_iter([(key.to_owned(), json!(self.dice.below(2) == 0))])
    }

    fn traits(&self, words: &mut Vec<String>) -> Map<String, Value> {
        let dice = &self.dice;
        let mut traits = Map::new();
        let mut text = |kind: &str, common: &[&str]| {
            if dice.per_mille(30) {
                return json!("x".repeat(300));
            }
            if dice.per_mille(60) {
                return Value::Null;
            }
            if dice.below(2) == 0 {
                return json!(*dice.pick(common));
            }
            let word = self.word(kind);
            words.push(word.clone());
            json!(word)
        };
        if dice.per_mille(500) {
            let name = *dice.pick(&["first_name", "firstName", "First Name"]);
            traits.insert(name.into(), text("fn", &["Ann", "Bo"]));
            traits.insert("last_name".into(), text("ln", &["Lee", "Wu"]));
        } else if dice.per_mille(300) {
            traits.insert("name".into(), json!(*dice.pick(&["Ann Lee", "Cher", "Bo van Dam"])));
        }
        if dice.per_mille(500) {
            let country =
                *dice.pick(&["USA", "Germany", "CH", "Narnia", "Alemania", "DEU", "日本", "Zypern"]);
            traits.insert(
                "address".into(),
                json!({ "city": text("ci", &["Bern", "Rome"]), "country": country }),
            );
        }
        for (chance, name) in [(250, "company"), (250, "phone"), (300, "plan"), (200, "tier")] {
            if dice.per_mille(chance) {
                traits.insert(name.into(), text(&name[..2], &["gold", "0123"]));
            }
        }
        if dice.per_mille(300) {
            traits.insert("payout".into(), self.payout(words));
        }
        traits
    }

    /// An address for payments: mostly one that no other message has, so that its sender is known by it.
    fn payout(&self, words: &mut Vec<String>) -> Value {
        match self.dice.below(10) {
            0 => Value::Null,
            1 => json!("shared@pay.test"),
            _ => {
                let word = format!("{}@pay.test", self.word("pay"));
                words.push(word.clone());
                json!(word)
            }
        }
    }

    fn delete(&mut self, _now: Timestamp) -> SentEvent {
        let dice = self.dice.clone();
        let (mut user, address) = (dice.maybe(&self.users), dice.maybe(&self.addresses));
        let anonymous = if dice.per_mille(150) { dice.maybe(&self.anonymous) } else { None };
        if dice.per_mille(50) {
            user = Some(self.word("stranger"));
        }
        if user.is_none() && address.is_none() && anonymous.is_none() {
            user = Some(dice.pick(&self.users).clone());
        }
        let mut event = json!({ "type": "delete", "messageId": self.word("m") });
        put(&mut event, "userId", user.as_deref());
        put(&mut event, "email", address.as_deref());
        put(&mut event, "anonymousId", anonymous.as_deref());
        if user.is_none() && dice.per_mille(100) {
            event["userId"] = shapes::junk(&dice);
        }
        let json = event.to_string();
        SentEvent {
            json,
            bulk: false,
            delete: true,
            timestamp: None,
            user,
            address,
            anonymous,
            words: Vec::new(),
        }
    }

    fn unreadable(&self) -> SentEvent {
        let json = match self.dice.below(3) {
            0 => json!({ "type": "track", "event": "x" }),
            1 => json!({ "type": "identify", "traits": {} }),
            _ => json!([1, 2]),
        };
        SentEvent { json: json.to_string(), ..nobody() }
    }

    /// An identify with features that only raw JSON can have.
    fn with_odd_text(&mut self, now: Timestamp, engage: bool) -> SentEvent {
        let sent = self.identify(now, engage);
        let json = shapes::with_large_number(&self.dice, sent.json);
        let json = shapes::with_key_twice(&self.dice, json);
        SentEvent { json: shapes::with_large_id(&self.dice, json), ..sent }
    }

    /// An event whose identifiers name nobody. It contains nothing personal.
    fn of_nobody(&self) -> SentEvent {
        let kind = if self.dice.below(3) == 0 { "delete" } else { "identify" };
        let json = json!({ "type": kind, "messageId": self.word("m"), "userId": shapes::junk(&self.dice),
            "traits": { "plan": "gold" } });
        SentEvent { json: json.to_string(), ..nobody() }
    }

    fn disabled_by_integrations(&mut self, now: Timestamp) -> SentEvent {
        let sent = self.identify(now, false);
        let mut event: Value = serde_json::from_str(&sent.json).expect("it was JSON a moment ago");
        event["integrations"] = json!({ "Refersion": false });
        SentEvent { json: event.to_string(), ..nobody() }
    }
}

fn nobody() -> SentEvent {
    SentEvent {
        json: String::new(),
        bulk: false,
        delete: false,
        timestamp: None,
        user: None,
        address: None,
        anonymous: None,
        words: Vec::new(),
    }
}

fn put(event: &mut Value, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        event[key] = json!(text);
    }
}
