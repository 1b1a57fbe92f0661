//! JSON values whose objects keep the order of their members and repeated members.
//!
//! If a name occurs in several spellings, the first one is used. `serde_json::Value` does not keep the order, and its
//! feature `preserve_order` would change the type for every crate of the workspace.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::{Refusal, numbers};

/// A JSON value. Text without escapes borrows from the input.
#[derive(Clone)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// A JSON number, with the distinctions of `serde_json`, and those that it cannot hold.
#[derive(Clone)]
pub(crate) enum Number<'a> {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// A number as it is written, because no other of these holds it: an integer of many digits, or `1e400`.
    Written(Cow<'a, str>),
}

impl<'a> Node<'a> {
    /// Parses JSON. `serde_json` limits the depth to 127 levels, so recursion over a node is safe.
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(json).map_err(Refusal::NotJson)
    }

    /// Whether it is null or an empty text.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The same value, which borrows nothing.
    pub(crate) fn into_owned(self) -> Node<'static> {
        match self {
            Self::Null => Node::Null,
            Self::Bool(value) => Node::Bool(value),
            Self::Number(number) => Node::Number(number.into_owned()),
            Self::Text(text) => Node::Text(Cow::Owned(text.into_owned())),
            Self::List(items) => Node::List(items.into_iter().map(Self::into_owned).collect()),
            Self::Object(members) => {
                let owned =
                    |(key, node): (Cow<'_, str>, Self)| (Cow::Owned(key.into_owned()), node.into_owned());
                Node::Object(members.into_iter().map(owned).collect())
            }
        }
    }

    /// The same value with the members of each object sorted by key. Of members with one key the last is kept, as in
    /// `serde_json::Value`.
    pub(crate) fn sorted(self) -> Self {
        match self {
            Self::List(items) => Self::List(items.into_iter().map(Self::sorted).collect()),
            Self::Object(members) => {
                let sorted: BTreeMap<_, _> = members.into_iter().map(|(k, v)| (k, v.sorted())).collect();
                Self::Object(sorted.into_iter().collect())
            }
            single => single,
        }
    }

    /// The value as JSON without white space.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("nodes have text keys only, and memory takes every byte")
    }
}

impl Number<'_> {
    fn into_owned(self) -> Number<'static> {
        match self {
            Self::Unsigned(n) => Number::Unsigned(n),
            Self::Signed(n) => Number::Signed(n),
            Self::Float(n) => Number::Float(n),
            Self::Written(text) => Number::Written(Cow::Owned(text.into_owned())),
        }
    }
}

impl fmt::Display for Number<'_> {
    /// Writes a plain decimal: no exponent, no `.0`, and for a fraction the shortest text that parses to the same
    /// double. A number that no double holds stays as it is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(n) => n.fmt(f),
            Self::Signed(n) => n.fmt(f),
            Self::Float(n) => n.fmt(f),
            Self::Written(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(Number::Unsigned(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(Number::Signed(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Node::Number(Number::Float(value)))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Node<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = object.next_entry()? {
            members.push((key, value));
        }
        if let [(key, Node::Text(number))] = &mut members[..]
            && key == numbers::MARK
            && numbers::is_lost(number.as_bytes())
        {
            return Ok(Node::Number(Number::Written(std::mem::take(number))));
        }
        Ok(Node::Object(members))
    }
}

/// The name of a member. A separate type, because serde never borrows for a plain `Cow`.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(value.to_owned())))
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(Number::Unsigned(value)) => serializer.serialize_u64(*value),
            Self::Number(Number::Signed(value)) => serializer.serialize_i64(*value),
            Self::Number(Number::Float(value)) => serializer.serialize_f64(*value),
            Self::Number(Number::Written(text)) => RawValue::from_string(text.clone().into_owned())
                .map_err(S::Error::custom)?
                .serialize(serializer),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
