//! JSON lists of a bounded number of items, each as it is written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The items of a list; `None` if there are more than `MAX`: then the others are read and dropped.
pub(crate) struct Items<'a, const MAX: usize>(pub(crate) Option<Vec<&'a RawValue>>);

impl<'de, const MAX: usize> Deserialize<'de> for Items<'de, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor::<MAX>)
    }
}

struct ItemsVisitor<const MAX: usize>;

impl<'de, const MAX: usize> Visitor<'de> for ItemsVisitor<MAX> {
    type Value = Items<'de, MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < MAX {
            match list.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(Items(Some(items))),
            }
        }
        let mut has_more = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            has_more = true;
        }
        Ok(Items((!has_more).then_some(items)))
    }
}
