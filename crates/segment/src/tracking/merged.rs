//! An object of an item, merged with the one of its batch.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::members::Members;
use super::writer::Writer;

/// The members of an object; of a repeated key the last one. That of a batch is made once, for all items that it is merged
/// with.
#[derive(Default)]
pub(super) struct Unique<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Unique<'a> {
    /// The members of a value; `None` if it is no object.
    pub(super) fn of(value: &'a RawValue) -> Option<Self> {
        Members::of(value).map(|members| Self(members.0.into_iter().collect()))
    }

    /// Approximate number of bytes that they add to each object with which they are merged.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len() + value.get().len() + 4).sum()
    }
}

/// The members of both objects. If both have a key, the item's counts.
pub(super) struct Merged<'a> {
    own: Unique<'a>,
    shared: Option<&'a Unique<'a>>,
}

impl<'a> Merged<'a> {
    pub(super) fn of(own: Option<Unique<'a>>, shared: Option<&'a Unique<'a>>) -> Self {
        Self { own: own.unwrap_or_default(), shared }
    }

    /// The value of the first key that is wanted, the item's before the batch's.
    pub(super) fn find(&self, wanted: impl Fn(&str) -> bool) -> Option<&'a RawValue> {
        let mut all = self.own.0.iter().chain(self.shared());
        all.find(|(key, _)| wanted(key)).map(|(_, value)| *value)
    }

    /// The merged object as JSON, with `last` as its last member, which replaces any other of that key.
    pub(super) fn to_json(&self, last: Option<(&str, &str)>) -> String {
        let mut object = Writer::new();
        let shared = self.shared().filter(|(key, _)| !self.own.0.contains_key(*key));
        for (key, value) in self.own.0.iter().chain(shared) {
            if last.is_none_or(|(replaced, _)| replaced != key) {
                object.member(key, value.get());
            }
        }
        if let Some((key, value)) = last {
            object.member(key, value);
        }
        object.finish()
    }

    fn shared(&self) -> impl Iterator<Item = (&Cow<'a, str>, &&'a RawValue)> {
        self.shared.into_iter().flat_map(|shared| &shared.0)
    }
}
