//! JSON as a tree that keeps single values as they are written: numbers of any length, escapes in strings.
//!
//! `serde_json::Value` loses digits of large numbers, and its feature that keeps them would change the type for every
//! crate of the workspace.

use std::fmt::{self, Write as _};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::number::is_same_number;

/// The deepest nesting, as in `serde_json`; so recursion over a tree is safe.
const MAX_DEPTH: usize = 127;

/// A JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// Null, a boolean, a number or a text, as written.
    Single(Box<str>),
    List(Vec<Tree>),
    Object(Vec<Member>),
}

/// A member of an object. Objects keep the order of members, and repeated members.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The key without escapes. If the key cannot be decoded (an unpaired surrogate), it is the key as written.
    pub(crate) key: String,
    /// The key as written, with its quotes.
    pub(crate) written: Box<str>,
    pub(crate) value: Tree,
}

impl Member {
    pub(crate) fn new(key: &str, value: Tree) -> Self {
        Self { key: key.to_owned(), written: text(key), value }
    }
}

/// A text as JSON.
fn text(text: &str) -> Box<str> {
    serde_json::Value::from(text).to_string().into()
}

impl Tree {
    /// Parses JSON; `None` if it is not JSON or nested too deeply.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        let raw: &RawValue = serde_json::from_str(json).ok()?;
        Self::of(raw, 0)
    }

    fn of(raw: &RawValue, depth: usize) -> Option<Self> {
        let json = raw.get().trim();
        match json.as_bytes().first() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => None,
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
                items.into_iter().map(|item| Self::of(item, depth + 1)).collect::<Option<_>>().map(Self::List)
            }
            Some(b'{') => {
                let mut parser = serde_json::Deserializer::from_str(json);
                let members = parser.deserialize_map(Members).ok()?;
                let member = |(written, value): (&RawValue, &RawValue)| {
                    let key =
                        serde_json::from_str(written.get()).unwrap_or_else(|_| written.get().to_owned());
                    Some(Member { key, written: written.get().into(), value: Self::of(value, depth + 1)? })
                };
                members.into_iter().map(member).collect::<Option<_>>().map(Self::Object)
            }
            _ => Some(Self::Single(json.into())),
        }
    }

    pub(crate) fn from_text(value: &str) -> Self {
        Self::Single(text(value))
    }

    /// The string, if the value is one.
    pub(crate) fn as_text(&self) -> Option<String> {
        match self {
            Self::Single(written) if written.starts_with('"') => serde_json::from_str(written).ok(),
            _ => None,
        }
    }

    /// The approximate size in bytes as JSON.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Single(written) => written.len(),
            Self::List(items) => 2 + items.iter().map(|item| 1 + item.bytes()).sum::<usize>(),
            Self::Object(members) => {
                2 + members.iter().map(|it| 2 + it.written.len() + it.value.bytes()).sum::<usize>()
            }
        }
    }

    /// The nesting depth; 0 for a single value.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Single(_) => 0,
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|it| it.value.depth()).max().unwrap_or(0),
        }
    }

    /// Whether it is nested at most as deeply as JSON that can be read.
    pub(crate) fn is_readable(&self) -> bool {
        self.depth() <= MAX_DEPTH
    }

    /// Whether it is the same value (RFC 6902, 4.6): compares numbers by value, strings without regard to escapes,
    /// members in any order.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Single(one), Self::Single(two)) => one == two || is_same_single(self, other, one, two),
            (Self::List(one), Self::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is_same(two))
            }
            (Self::Object(one), Self::Object(two)) => one.len() == two.len() && is_same_object(one, two),
            _ => false,
        }
    }

    /// JSON with line breaks and indentation, for people.
    pub(crate) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write_pretty(&mut out, 0);
        out
    }

    fn write_pretty(&self, out: &mut String, level: usize) {
        let line = |out: &mut String, level: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", level));
        };
        match self {
            Self::List(items) if !items.is_empty() => {
                for (nth, item) in items.iter().enumerate() {
                    out.push(if nth == 0 { '[' } else { ',' });
                    line(out, level + 1);
                    item.write_pretty(out, level + 1);
                }
                line(out, level);
                out.push(']');
            }
            Self::Object(members) if !members.is_empty() => {
                for (nth, member) in members.iter().enumerate() {
                    out.push(if nth == 0 { '{' } else { ',' });
                    line(out, level + 1);
                    out.push_str(&member.written);
                    out.push_str(": ");
                    member.value.write_pretty(out, level + 1);
                }
                line(out, level);
                out.push('}');
            }
            other => out.push_str(&other.to_string()),
        }
    }
}

fn is_same_single(one: &Tree, other: &Tree, written: &str, other_written: &str) -> bool {
    match (one.as_text(), other.as_text()) {
        (Some(one), Some(other)) => one == other,
        (None, None) => is_same_number(written, other_written),
        _ => false,
    }
}

fn is_same_object(one: &[Member], other: &[Member]) -> bool {
    let sorted = |members: &'_ [Member]| {
        let mut places: Vec<usize> = (0..members.len()).collect();
        places.sort_by(|a, b| members[*a].key.cmp(&members[*b].key));
        places
    };
    let pairs = sorted(one).into_iter().zip(sorted(other));
    pairs.map(|(a, b)| (&one[a], &other[b])).all(|(a, b)| a.key == b.key && a.value.is_same(&b.value))
}

impl fmt::Display for Tree {
    /// Writes JSON without white space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(written) => f.write_str(written),
            Self::List(items) => {
                for (nth, item) in items.iter().enumerate() {
                    f.write_char(if nth == 0 { '[' } else { ',' })?;
                    item.fmt(f)?;
                }
                f.write_str(if items.is_empty() { "[]" } else { "]" })
            }
            Self::Object(members) => {
                for (nth, member) in members.iter().enumerate() {
                    f.write_char(if nth == 0 { '{' } else { ',' })?;
                    write!(f, "{}:{}", member.written, member.value)?;
                }
                f.write_str(if members.is_empty() { "{}" } else { "}" })
            }
        }
    }
}

/// Reads the members of an object as they are written.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
