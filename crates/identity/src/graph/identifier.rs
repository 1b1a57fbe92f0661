//! One identifier, and the profile that is stored under it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digest::Digest;
use crate::stamp::{Moment, Stamp};
use crate::{Map, Text};

/// The kind of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A Segment userId.
    User,
    /// An email address, trimmed and in lower case.
    Address,
    /// A Segment anonymousId.
    Anonymous,
}

impl Kind {
    /// The place of an identifier of this kind in an event.
    #[must_use]
    pub fn place(self) -> &'static str {
        match self {
            Self::User => "userId",
            Self::Address => "email",
            Self::Anonymous => "anonymousId",
        }
    }
}

/// One identifier and the profile stored under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifier {
    /// Its kind.
    pub kind: Kind,
    /// The newest delete that named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Moment>,
    /// The identifier itself, encrypted; erased when a tombstone covers everything that was stated under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// The newest time of an event that named it.
    #[serde(rename = "said_at", default, skip_serializing_if = "Option::is_none")]
    pub stated_at: Option<Moment>,
    /// The wanted traits.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub traits: Map<Text, TraitValue>,
    /// For an address: whether an affiliate that existed before was found at it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub existed: bool,
    /// For an address: when Refersion was last searched for it, whatever the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched_at: Option<Moment>,
    /// For an address: until when a create without an answer may still take effect there, or be found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_appear_until: Option<Moment>,
    /// For an address: why Refersion does not accept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// For an address: when Refersion last refused it. Unknown in graphs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<Moment>,
    /// Number of others that it linked when it stopped linking; `None` while it links ([`crate::shared`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<u32>,
    /// The identifiers that have stopped linking and that it was named with, in order. They count as linked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<Digest>,
    /// The tombstone that it inherited from an identifier which has stopped linking since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<Moment>,
}

impl Identifier {
    /// An identifier without any statement.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            named: None,
            sealed: None,
            stated_at: None,
            traits: Map::new(),
            existed: false,
            searched_at: None,
            may_appear_until: None,
            refused: None,
            refused_at: None,
            shared: None,
            apart: Vec::new(),
            inherited: None,
        }
    }

    /// Whether it has stopped linking: too many others are named with it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Notes that it was named with an identifier that has stopped linking.
    pub(crate) fn note_apart(&mut self, shared: Digest) {
        if let Err(place) = self.apart.binary_search(&shared) {
            self.apart.insert(place, shared);
        }
    }

    /// Whether that is noted.
    #[must_use]
    pub fn is_apart_from(&self, shared: Digest) -> bool {
        self.apart.binary_search(&shared).is_ok()
    }

    /// Whether an affiliate may still appear at the address after the last search.
    pub(crate) fn may_appear_later(&self) -> bool {
        self.may_appear_until.is_some_and(|until| self.searched_at.is_none_or(|at| at < until))
    }
}

/// Keeps the newer of two statements about each trait.
pub(crate) fn keep_newest(
    traits: &mut Map<Text, TraitValue>,
    all: impl IntoIterator<Item = (Text, TraitValue)>,
) {
    let mut new = Vec::new();
    for (key, stated) in all {
        match traits.get_mut(&key) {
            Some(known) if stated.supersedes(known) => *known = stated,
            Some(_) => {}
            None => new.push((key, stated)),
        }
    }
    // All at once: a profile may hold thousands of keys.
    traits.extend(new);
}

/// One wanted trait. `value` is `None` if the trait was cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraitValue {
    /// The value, as text.
    #[serde(rename = "v")]
    pub value: Option<Text>,
    /// When, and by which message, it was stated.
    #[serde(rename = "s")]
    pub stamp: Stamp,
    /// Why Refersion does not accept this value, if it was refused.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The event that stated this value when Refersion refused it, also if it is to be tried again. A later event with the same
    /// value is a repeat of that event.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
}

/// The event that is blamed for a refusal: its dead letter stands for all repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blame {
    /// The event.
    #[serde(rename = "e")]
    pub event: Uuid,
    /// When Refersion last refused the value.
    #[serde(rename = "a")]
    pub at: Moment,
}

impl TraitValue {
    /// A statement that was not refused.
    #[must_use]
    pub fn new(value: Option<Text>, stamp: Stamp) -> Self {
        Self { value, stamp, refused: None, blame: None }
    }

    /// Whether an event with this stamp made the statement, or the statement only repeats a refused value of the event.
    #[must_use]
    pub fn is_stated_by(&self, event: Uuid, stamp: &Stamp) -> bool {
        self.stamp == *stamp || self.blame.is_some_and(|blame| blame.event == event)
    }

    /// Last writer wins: the greater stamp, then the greater value as JSON text.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        let by_value = || json_text(self.value.as_deref()).cmp(&json_text(other.value.as_deref()));
        self.stamp.cmp(&other.stamp).then_with(by_value).is_gt()
    }
}

fn json_text(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), |text| serde_json::Value::from(text).to_string())
}
