//! Events that A sends: valid, and chosen to be expensive. All of them are drawn from the seed.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::system::A;
use crate::dice::Dice;
use crate::messages::Message;

/// One family of expensive events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crafted {
    /// Events of 30 kB, which is within Segment's own limit, with 2,700 trait names each.
    Names {
        /// Whether one of the names is mapped to a custom field.
        mapped: bool,
    },
    /// Events near the endpoint's own limit, with 40,000 trait names each.
    MoreNames,
    /// One person with other traits in each event, 100 MB in all.
    PersonWithoutEnd,
    /// Some values of tens of kilobytes in each event, all about one person.
    LargeValues,
    /// Objects and arrays within each other, wide and deep.
    Nested,
    /// One person with hundreds of identifiers, each with a profile of its own.
    LargeProfiles,
    /// A shop's tablets: a few anonymousIds that are seen with every customer.
    Tablets,
    /// Message ids of 100 kB.
    LongMessageIds,
    /// Persons without end, with values that do not compress.
    Persons,
    /// A value that Refersion refuses, which makes a dead letter.
    Refused,
}

/// Names of an event within Segment's limit.
const NAMES: usize = 2_700;
/// Names of an event near the endpoint's limit (`ingest.max_body`, 512 KiB).
const MORE_NAMES: usize = 40_000;
/// Bytes of an event near that limit.
const LARGE_EVENT: usize = 400_000;
/// Bytes of one trait of the person without end.
const SMALL_VALUE: usize = 200;
/// Bytes of one large value.
const LARGE_VALUE: usize = 45_000;
/// Bytes of one identifier's profile.
const PROFILE: usize = 25_000;
/// Customers of one tablet, each with a user id and an address: with the tablet itself 499 identifiers, one less than
/// the most that a graph may hold.
const CUSTOMERS: usize = 249;
/// Traits of each of the persons without end, and bytes of their values.
const PERSON_TRAITS: usize = 20;
const PERSON_VALUE: usize = 1_400;
/// Bytes of a long message id.
pub const LONG_ID: usize = 100_000;
/// Characters that Refersion refuses: its limit is 255.
const REFUSED: usize = 256;

impl Crafted {
    /// How many events the long form sends.
    #[must_use]
    pub fn events(self) -> usize {
        match self {
            Self::Names { .. } | Self::LargeValues | Self::Nested => 100,
            Self::MoreNames => 36,
            Self::PersonWithoutEnd => 250,
            Self::LargeProfiles => 960,
            Self::Tablets => 4_980,
            Self::LongMessageIds => 150,
            Self::Persons => 100_000,
            Self::Refused => 20,
        }
    }

    /// `count` events, drawn from `dice`.
    pub fn stream(self, dice: &Dice, count: usize) -> impl Iterator<Item = Message> + Send + use<> {
        let mut dice = dice.named("crafted");
        let mut order: Vec<usize> = (0..count).collect();
        if self == Self::Tablets {
            shuffle(&mut dice, &mut order);
        }
        order.into_iter().map(move |number| self.message(&mut dice, number))
    }

    fn message(self, dice: &mut Dice, number: usize) -> Message {
        let mut event = match self {
            Self::Names { mapped } => identify(dice.between(0, 99), names(dice, NAMES, 6, mapped)),
            Self::MoreNames => identify(dice.between(0, 99), names(dice, MORE_NAMES, 7, false)),
            Self::PersonWithoutEnd => identify(0, texts(dice, LARGE_EVENT / SMALL_VALUE, SMALL_VALUE)),
            Self::LargeValues => identify(0, texts(dice, LARGE_EVENT / LARGE_VALUE, LARGE_VALUE)),
            Self::Nested => identify(dice.between(0, 9), nested(dice)),
            Self::LargeProfiles => large_profile(dice, number),
            Self::Tablets => tablet(dice, number),
            Self::LongMessageIds => identify(number as u64, Map::new()),
            Self::Persons => identify(number as u64, texts(dice, PERSON_TRAITS, PERSON_VALUE)),
            Self::Refused => {
                identify(number as u64, Map::from_iter([("company".to_owned(), json!(word(dice, REFUSED)))]))
            }
        };
        let id = match self {
            Self::LongMessageIds => format!("a-{number}-{}", word(dice, LONG_ID)),
            _ => format!("a-{number}-{}", word(dice, 8)),
        };
        event["messageId"] = json!(id);
        event["timestamp"] = json!(Timestamp::now().to_string());
        Message { account: A, id, json: event.to_string() }
    }
}

fn identify(person: u64, mut traits: Map<String, Value>) -> Value {
    traits.insert("email".to_owned(), json!(format!("a{person}@crafted.test")));
    traits.insert("name".to_owned(), json!(format!("Ann Lee{person}")));
    json!({ "type": "identify", "userId": format!("a-user-{person}"), "traits": traits })
}

fn names(dice: &mut Dice, count: usize, length: usize, mapped: bool) -> Map<String, Value> {
    let mut traits = Map::new();
    while traits.len() < count {
        traits.insert(word(dice, length), json!(dice.between(0, 9)));
    }
    if mapped {
        traits.insert("plan".to_owned(), json!(word(dice, 5)));
    }
    traits
}

fn texts(dice: &mut Dice, count: usize, length: usize) -> Map<String, Value> {
    (0..count).map(|_| (word(dice, 10), json!(word(dice, length)))).collect()
}

/// Some branches, each a chain of random depth, with random widths on the way. Segment's reader takes 127 levels.
fn nested(dice: &mut Dice) -> Map<String, Value> {
    let mut traits = Map::new();
    for _ in 0..dice.between(20, 200) {
        let mut value = json!(word(dice, 20));
        for _ in 0..dice.between(2, 100) {
            value = if dice.percent(30) {
                let width = dice.between(1, 4);
                Value::Array(
                    (0..width).map(|place| if place == 0 { value.clone() } else { json!(place) }).collect(),
                )
            } else {
                json!({ word(dice, 6): value, word(dice, 6): dice.between(0, 9) })
            };
        }
        traits.insert(word(dice, 8), value);
    }
    traits
}

/// In pairs: a profile under an identifier of its own, then the event that links it to the person.
fn large_profile(dice: &mut Dice, number: usize) -> Value {
    let anonymous = format!("a-device-{}", number / 2);
    if number.is_multiple_of(2) {
        return json!({
            "type": "identify",
            "anonymousId": anonymous,
            "traits": texts(dice, PROFILE / SMALL_VALUE, SMALL_VALUE),
        });
    }
    let mut event = identify(0, Map::new());
    event["anonymousId"] = json!(anonymous);
    event
}

fn tablet(dice: &mut Dice, customer: usize) -> Value {
    let company = json!(word(dice, 6));
    let mut event = identify(customer as u64, Map::from_iter([("company".to_owned(), company)]));
    event["anonymousId"] = json!(format!("a-tablet-{}", customer / CUSTOMERS));
    event
}

fn shuffle(dice: &mut Dice, order: &mut [usize]) {
    for last in (1..order.len()).rev() {
        order.swap(last, dice.index(last + 1));
    }
}

fn word(dice: &mut Dice, length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..length).map(|_| char::from(*dice.pick(LETTERS))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn first(kind: Crafted, seed: u64) -> Message {
        kind.stream(&Dice::new(seed), 1).next().expect("one was asked for")
    }

    #[test]
    fn names_are_drawn_from_the_seed_and_stay_within_the_limit_of_their_family() {
        for (kind, least, most) in [
            (Crafted::Names { mapped: false }, 29_000, 32 * 1024),
            (Crafted::MoreNames, 400_000, 512 * 1024),
            (Crafted::PersonWithoutEnd, 400_000, 512 * 1024),
            (Crafted::LargeValues, 300_000, 512 * 1024),
        ] {
            let length = first(kind, 1).json.len();
            assert!((least..most).contains(&length), "{kind:?} has {length} bytes");
            assert_ne!(first(kind, 1).json, first(kind, 2).json);
            assert_eq!(first(kind, 1).id, first(kind, 1).id);
        }
    }

    #[test]
    fn every_customer_comes_once_and_the_tablets_are_interleaved() {
        let count = Crafted::Tablets.events();
        let messages: Vec<_> = Crafted::Tablets.stream(&Dice::new(1), count).collect();
        let events: Vec<Value> =
            messages.iter().map(|one| serde_json::from_str(&one.json).expect("it is JSON")).collect();
        let users: BTreeSet<_> = events.iter().map(|event| event["userId"].to_string()).collect();
        assert_eq!(users.len(), count);
        let tablets: BTreeSet<_> =
            events[..200].iter().map(|event| event["anonymousId"].to_string()).collect();
        assert_eq!(tablets.len(), 20);
    }
}
