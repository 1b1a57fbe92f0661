//! Objects that a source wrote as text: `"address": "{\"city\":\"Hull\"}"`.
//!
//! Warehouses and form builders keep JSON in columns of text, and send it unchanged.

use crate::fields::folded;
use crate::node::Node;
use crate::numbers;
use crate::traits::HOLDERS;

/// The folded keys under which an object is expected, in addition to those of addresses. Any other text that looks like
/// JSON is the value of a trait.
const EXPECTED: [&str; 4] = ["company", "context", "properties", "traits"];

/// The same event with those texts parsed; `None` if there is none, as in nearly every event.
pub(crate) fn parsed<'n>(node: &Node<'n>) -> Option<Node<'n>> {
    has_any(node).then(|| unfold(node.clone()))
}

fn has_any(node: &Node<'_>) -> bool {
    let Node::Object(members) = node else { return false };
    members.iter().any(|(key, value)| match value {
        Node::Text(text) => looks_like_json(text) && is_expected(key),
        Node::Object(_) => is_expected(key) && has_any(value),
        _ => false,
    })
}

fn unfold(node: Node<'_>) -> Node<'_> {
    let Node::Object(mut members) = node else { return node };
    for (key, value) in &mut members {
        if is_expected(key) {
            *value = unfolded(std::mem::replace(value, Node::Null));
        }
    }
    Node::Object(members)
}

fn unfolded(value: Node<'_>) -> Node<'_> {
    match value {
        Node::Text(text) if looks_like_json(&text) => {
            let parsed = Node::parse(&numbers::wrapped(text.as_bytes())).map(Node::into_owned);
            parsed.unwrap_or(Node::Text(text))
        }
        other => unfold(other),
    }
}

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn is_expected(key: &str) -> bool {
    let key = folded(key);
    EXPECTED.contains(&key.as_str()) || HOLDERS.contains(&key.as_str())
}
