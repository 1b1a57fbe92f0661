//! An object of an item, merged with the one of its batch.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::members::Members;
use super::writer::Writer;

/// The members of both objects. Where both have a key, the item's counts; of a repeated key the last.
#[derive(Default)]
pub(super) struct Merged<'a> {
    own: BTreeMap<&'a str, &'a RawValue>,
    shared: BTreeMap<&'a str, &'a RawValue>,
}

impl<'a> Merged<'a> {
    pub(super) fn of(own: Option<&'a Members<'a>>, shared: Option<&'a Members<'a>>) -> Self {
        let map = |members: Option<&'a Members<'a>>| {
            members.iter().flat_map(|members| &members.0).map(|(key, value)| (key.as_ref(), *value)).collect()
        };
        Self { own: map(own), shared: map(shared) }
    }

    /// The value of the first key that is wanted, the item's before the batch's.
    pub(super) fn find(&self, wanted: impl Fn(&str) -> bool) -> Option<&'a RawValue> {
        self.own.iter().chain(&self.shared).find(|(key, _)| wanted(key)).map(|(_, value)| *value)
    }

    /// The merged object as JSON, with `last` as its last member in place of any other of that key.
    pub(super) fn to_json(&self, last: Option<(&str, &str)>) -> String {
        let mut object = Writer::new();
        let shared = self.shared.iter().filter(|(key, _)| !self.own.contains_key(*key));
        for (key, value) in self.own.iter().chain(shared) {
            if last.is_none_or(|(replaced, _)| replaced != *key) {
                object.member(key, value.get());
            }
        }
        if let Some((key, value)) = last {
            object.member(key, value);
        }
        object.finish()
    }
}
