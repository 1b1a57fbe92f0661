//! Single JSON values as text.

use crate::node::Node;

/// What a field for text is told: text, or to be cleared.
pub(crate) type Told = Option<String>;

/// An identifier: text, trimmed; a number or a truth value as its text. Empty and null are no identifiers.
pub(crate) fn identifier(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) => filled(text),
        Node::Number(number) => Some(number.to_string()),
        Node::Bool(value) => Some(value.to_string()),
        Node::Null | Node::List(_) | Node::Object(_) => None,
    }
}

/// What a text field is told: null and empty text clear it; every other type tells it nothing.
pub(crate) fn told(node: &Node<'_>) -> Option<Told> {
    match node {
        Node::Null => Some(None),
        Node::Text(text) => Some(filled(text)),
        _ => None,
    }
}

/// As [`told`], for a field whose text sources also send as a number (a phone, a postal code).
pub(crate) fn told_text_or_number(node: &Node<'_>) -> Option<Told> {
    match node {
        Node::Number(number) => Some(Some(number.to_string())),
        _ => told(node),
    }
}

/// Trimmed text, if there is any.
pub(crate) fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
