//! The identifiers that an event names, if the whole of it cannot be parsed because it is nested too deeply or too long.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::fold_key;
use crate::node::{Key, Node};
use crate::{numbers, surrogates};

/// Folded keys of the identifiers, and of the objects that may contain them.
const KEPT: [&str; 7] = ["anonymousid", "context", "email", "messageid", "properties", "traits", "userid"];

/// Depth up to which objects are searched: the event, `traits`, and `traits` in it.
const LEVELS: usize = 3;

/// Maximum bytes of a value that is kept.
const MAX_VALUE_BYTES: usize = 4 * 1024;

/// The members of an event that contain identifiers; `None` if it is no JSON object. Nothing else of it is kept, and the
/// depth of recursion does not depend on the event.
pub(crate) fn event(json: &[u8]) -> Option<Node<'static>> {
    let valid = surrogates::readable(json);
    let whole: &RawValue = serde_json::from_slice(&valid).ok()?;
    object(whole, LEVELS)
}

fn object(value: &RawValue, levels: usize) -> Option<Node<'static>> {
    let mut reader = serde_json::Deserializer::from_str(value.get());
    let members = reader.deserialize_map(KeptMembers).ok()?;
    let node = |value: &RawValue| match value.get().as_bytes().first() {
        Some(b'{') if levels > 1 => object(value, levels - 1),
        Some(b'{' | b'[') => None,
        _ if value.get().len() > MAX_VALUE_BYTES => None,
        _ => Node::parse(&numbers::wrapped(value.get().as_bytes())).ok().map(Node::into_owned),
    };
    let kept = members.into_iter().filter_map(|(key, value)| Some((Cow::Owned(key), node(value)?)));
    Some(Node::Object(kept.collect()))
}

/// Reads the members of an object that are kept.
struct KeptMembers;

impl<'a> Visitor<'a> for KeptMembers {
    type Value = Vec<(String, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(Key(key)) = object.next_key()? {
            if KEPT.contains(&fold_key(&key).as_str()) {
                members.push((key.into_owned(), object.next_value()?));
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(members)
    }
}
