//! JSON objects and lists whose values stay as they are written, so that nothing of an event is lost when it is taken apart.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::node::Key;

/// The members of an object in their order, repeated ones too.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

/// The items of a list, and how many there are. No more than `MAX` are kept, whatever their number.
pub(super) struct Items<'a, const MAX: usize> {
    pub(super) kept: Vec<&'a RawValue>,
    pub(super) count: usize,
}

impl<'a> Members<'a> {
    /// The members of a value; `None` if it is no object.
    pub(super) fn of(value: &'a RawValue) -> Option<Self> {
        value.get().starts_with('{').then(|| serde_json::from_str(value.get()).ok())?
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = object.next_entry()? {
            members.push((key, value));
        }
        Ok(Members(members))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Items<'de, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor::<MAX>)
    }
}

struct ItemsVisitor<const MAX: usize>;

impl<'de, const MAX: usize> Visitor<'de> for ItemsVisitor<MAX> {
    type Value = Items<'de, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de, MAX>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MAX
            && let Some(item) = list.next_element()?
        {
            kept.push(item);
        }
        let mut count = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        if count < kept.len() {
            return Err(A::Error::custom("a list grows"));
        }
        Ok(Items { kept, count })
    }
}
