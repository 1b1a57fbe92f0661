//! JSON values that keep the order of keys and repeated keys: if a key occurs in several spellings, the first one is
//! used.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value. Numbers are kept as plain decimal text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

static NOTHING: Node = Node::Null;

impl Node {
    /// The first member whose folded key is `folded`; none if this is not an object.
    pub(crate) fn find(&self, folded: &str) -> Option<&Node> {
        self.members().iter().find(|(key, _)| fold_key(key) == folded).map(|(_, value)| value)
    }

    /// Like [`Node::find`], with null for a missing member, so that paths need no branches.
    pub(crate) fn at(&self, folded: &str) -> &Node {
        self.find(folded).unwrap_or(&NOTHING)
    }

    pub(crate) fn members(&self) -> &[(String, Node)] {
        match self {
            Node::Object(members) => members,
            _ => &[],
        }
    }

    /// The trimmed text of a string, if it is not empty.
    pub(crate) fn non_empty_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }
}

/// The form in which keys are compared: `firstName`, `first_name` and `First Name` are all `firstname`. A key without
/// letters and digits is kept.
pub(crate) fn fold_key(key: &str) -> String {
    // Character by character, so that none depends on its neighbours, as a Greek sigma at the end of a word would.
    let lower = || key.chars().flat_map(char::to_lowercase);
    let folded: String = lower().filter(|c| c.is_alphanumeric() || *c == '.').collect();
    if folded.is_empty() { lower().collect::<String>().trim().to_owned() } else { folded }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            members.push(entry);
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_and_signs_and_keeps_dots() {
        for spelling in ["firstName", "first_name", "First Name", "FIRST-NAME"] {
            assert_eq!(fold_key(spelling), "firstname");
        }
        assert_eq!(fold_key("a.B"), "a.b");
        assert_eq!(fold_key(" $ "), "$");
    }

    #[test]
    fn the_first_of_two_spellings_is_used() {
        let node: Node = serde_json::from_str(r#"{"z_a": 1, "za": 2, "z_a": 3}"#).unwrap();
        assert_eq!(node.at("za"), &Node::Number("1".into()));
    }

    #[test]
    fn numbers_are_written_without_exponent() {
        let node: Node = serde_json::from_str("[1e21, 0.5, -7, 18446744073709551615]").unwrap();
        let Node::List(list) = node else { panic!("a list") };
        let texts: Vec<_> = list
            .iter()
            .map(|node| match node {
                Node::Number(text) => text.as_str(),
                _ => "",
            })
            .collect();
        assert_eq!(texts, ["1000000000000000000000", "0.5", "-7", "18446744073709551615"]);
    }
}
