//! Events, written down fast or drawn at random, as the fold takes them and as Segment would send them.

use std::collections::BTreeMap;
use std::fmt;

use identity::eligibility::Rules;
use identity::fold::{AddressClass, Deletion, Name, Statement};
use identity::graph::Lane;
use identity::stamp::{Moment, Stamp};
use identity::{Digest, Map, Text};
use jiff::Timestamp;
use reference::{Accepted, Expected, Payee, Settings, World, expect};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dice::Dice;
use crate::random_traits::add_random_traits;

/// The first second of every history.
const START: i64 = 1_700_000_000;
/// The last second of a random history.
pub(crate) const END: i64 = 12;

/// One event. Its traits have the graph's keys.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) number: u64,
    pub(crate) at: i64,
    pub(crate) key: String,
    /// The second in which Segment received it, which orders equal times. Never before `at`, else it would be the time.
    pub(crate) received: Option<i64>,
    pub(crate) delete: bool,
    pub(crate) engage: bool,
    pub(crate) user: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) anonymous: Option<String>,
    pub(crate) traits: BTreeMap<&'static str, Option<String>>,
}

pub(crate) fn identify(at: i64) -> Event {
    Event {
        number: u64::try_from(at).expect("histories begin at 0"),
        at,
        key: format!("message {at}"),
        received: None,
        delete: false,
        engage: false,
        user: None,
        email: None,
        anonymous: None,
        traits: BTreeMap::new(),
    }
}

pub(crate) fn delete(at: i64) -> Event {
    Event { delete: true, ..identify(at) }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match (self.delete, self.engage) {
            (true, _) => "delete",
            (false, true) => "engage",
            (false, false) => "identify",
        };
        let names = [("user", &self.user), ("email", &self.email), ("anonymous", &self.anonymous)];
        write!(f, "{} {kind} at {} ({:?}) by {:?}:", self.number, self.at, self.received, self.key)?;
        for (kind, name) in names {
            name.iter().try_for_each(|name| write!(f, " {kind} {name}"))?;
        }
        write!(f, " {:?}", self.traits)
    }
}

impl Event {
    pub(crate) fn user(self, user: &str) -> Self {
        Self { user: non_empty(user), ..self }
    }

    pub(crate) fn email(self, email: &str) -> Self {
        Self { email: non_empty(email), ..self }
    }

    pub(crate) fn anonymous(self, anonymous: &str) -> Self {
        Self { anonymous: non_empty(anonymous), ..self }
    }

    pub(crate) fn engage(self) -> Self {
        Self { engage: true, ..self }
    }

    pub(crate) fn named(self, first: &str) -> Self {
        self.with("first_name", first).with("last_name", "Lee")
    }

    pub(crate) fn with(mut self, key: &'static str, value: &str) -> Self {
        self.traits.insert(key, Some(value.to_owned()));
        self
    }

    pub(crate) fn cleared(mut self, key: &'static str) -> Self {
        self.traits.insert(key, None);
        self
    }

    pub(crate) fn id(&self) -> Uuid {
        Uuid::from_u64_pair(0, self.number)
    }

    /// The identifiers that it names, strongest first.
    pub(crate) fn names(&self) -> Vec<Digest> {
        if self.delete { self.deletion().digests() } else { self.statement().digests() }
    }

    fn stamp(&self) -> Stamp {
        let received = self.received.filter(|_| !self.delete).map(moment);
        Stamp { time: moment(self.at), received, key: self.key.as_str().into(), revision: 0 }
    }

    fn shape(&self) -> Option<String> {
        self.user.clone().filter(|user| user.contains('@'))
    }

    pub(crate) fn statement(&self) -> Statement {
        let class = if self.engage { AddressClass::Engage } else { AddressClass::Ordinary };
        let stated = self.email.as_deref().map(|email| (name('b', email), class));
        let by_shape = self.shape().map(|address| (name('b', &address), AddressClass::Shape));
        Statement {
            event: self.id(),
            stamp: self.stamp(),
            lane: if self.engage { Lane::Bulk } else { Lane::Live },
            user: self.user.as_deref().map(|user| name('a', user)),
            address: stated.or(by_shape),
            anonymous: self.anonymous.as_deref().map(|anonymous| name('c', anonymous)),
            traits: self
                .traits
                .iter()
                .map(|(key, value)| ((*key).into(), value.as_deref().map(Text::from)))
                .collect(),
            unusable: None,
        }
    }

    pub(crate) fn deletion(&self) -> Deletion {
        let shape = self.shape().filter(|shape| Some(shape) != self.email.as_ref());
        Deletion {
            event: self.id(),
            stamp: self.stamp(),
            user: self.user.as_deref().map(|user| name('a', user)),
            addresses: self.email.clone().into_iter().chain(shape).map(|it| name('b', &it)).collect(),
            anonymous: self.anonymous.as_deref().map(|anonymous| name('c', anonymous)),
            unusable: None,
        }
    }

    fn json(&self) -> Value {
        let mut json = json!({"messageId": self.key, "userId": self.user, "anonymousId": self.anonymous});
        if self.delete {
            json["type"] = "delete".into();
            json["email"] = self.email.clone().into();
            return json;
        }
        json["type"] = "identify".into();
        json["timestamp"] = second(self.at).to_string().into();
        json["receivedAt"] = self.received.map(|at| second(at).to_string()).into();
        json["traits"] = json!({"email": self.email});
        for (key, value) in &self.traits {
            json["traits"][key.trim_start_matches("trait:")] = value.clone().into();
        }
        if self.engage {
            json["context"] = json!({"personas": {}});
        }
        json
    }
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).expect("histories are short")
}

pub(crate) fn moment(at: i64) -> Moment {
    second(at).into()
}

/// A digest that can be read, and that sorts as the reference sorts names: users, addresses, anonymousIds, by text.
fn name(kind: char, text: &str) -> Name {
    let mut digest = [0; 16];
    let bytes = format!("{kind}{text}").into_bytes();
    digest[..bytes.len()].copy_from_slice(&bytes);
    let sealed = format!("sealed {text}");
    Name::new(Digest(digest), move || sealed.clone())
}

pub(crate) fn address(text: &str) -> Digest {
    name('b', text).digest
}

/// The name behind a digest of these tests.
pub(crate) fn text_of(digest: Digest) -> String {
    let bytes = digest.0[1..].iter().take_while(|byte| **byte != 0).copied().collect();
    String::from_utf8(bytes).expect("names of tests are text")
}

/// The payee behind a digest of these tests.
pub(crate) fn payee_of(digest: Digest) -> Payee {
    let name = text_of(digest);
    match digest.0[0] {
        b'a' => Payee::User(name),
        b'b' => Payee::Address(name),
        _ => Payee::Anonymous(name),
    }
}

/// A name is all that a create needs; `flag` and `vip` have the custom fields 1 and 2.
pub(crate) fn rules() -> Rules {
    Rules {
        require_address: false,
        one_word_last_name: Some("-".to_owned()),
        custom_fields: Map::from_iter([
            ("trait:flag".to_owned(), "custom:1".into()),
            ("trait:vip".to_owned(), "custom:2".into()),
        ]),
        paypal_trait: Some("trait:pay".to_owned()),
        active: true,
        scrub: false,
        late_creates: 0,
        suspended: Vec::new(),
        audiences: identity::audiences::Watched::default(),
    }
}

/// The same settings for the reference.
pub(crate) fn settings(rules: &Rules) -> Settings {
    let plain = |key: &String| key.trim_start_matches("trait:").to_owned();
    Settings {
        require_address: rules.require_address,
        new_status_active: rules.active,
        one_word_last_name: rules.one_word_last_name.clone(),
        custom_fields: rules.custom_fields.iter().map(|(key, field)| (plain(key), id_of(field))).collect(),
        paypal_trait: rules.paypal_trait.as_ref().map(plain),
        ..Settings::default()
    }
}

fn id_of(field: &str) -> u64 {
    field.trim_start_matches("custom:").parse().expect("a custom field has a number")
}

pub(crate) fn expected(
    events: &[Event],
    rules: &Rules,
    existed: &[&str],
    payees: BTreeMap<String, Payee>,
) -> Expected {
    let existed = existed.iter().map(|address| (*address).to_owned()).collect();
    expected_by(events, &settings(rules), World { existed, payees })
}

/// The state that the reference model expects under its own settings.
pub(crate) fn expected_by(events: &[Event], settings: &Settings, world: World) -> Expected {
    let texts: Vec<_> = events.iter().map(|event| (second(event.at), event.json().to_string())).collect();
    let accepted =
        texts.iter().map(|(at, json)| Accepted { received_at: *at, json: json.as_bytes(), revision: 0 });
    expect(accepted, settings, &world)
}

/// Up to fourteen events among few identifiers, so that they meet. Every identify has a value that no other has.
pub(crate) fn history(dice: &mut Dice) -> Vec<Event> {
    let long = 1 + dice.below(14);
    let events = (0..long).map(|number| random(dice, u64::try_from(number).expect("a small number")));
    events
        .filter(|event| event.user.is_some() || event.email.is_some() || event.anonymous.is_some())
        .collect()
}

fn random(dice: &mut Dice, number: u64) -> Event {
    let at = i64::try_from(dice.below(usize::try_from(END).expect("small"))).expect("small");
    let shared = dice.percent(20);
    let key = if shared { "shared".to_owned() } else { format!("message {number}") };
    let received = dice.percent(50).then(|| at + if dice.percent(50) { 0 } else { 1 });
    let (delete, engage) = (dice.percent(15), dice.percent(40));
    let event = Event { number, key, received, delete, engage, ..identify(at) }
        .user(dice.pick(&["U", "V", "s@x.io", "", ""]))
        .email(dice.pick(&["a@x.io", "b@x.io", "s@x.io", "", ""]))
        .anonymous(dice.pick(&["x", "y", "", "", ""]));
    if event.delete { event } else { add_random_traits(dice, event) }
}
