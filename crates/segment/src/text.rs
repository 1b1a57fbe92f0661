//! Conversion of single JSON values to text.

use crate::node::Node;

/// A statement about a text field: its new value, or `None` to clear it.
pub(crate) type Statement = Option<String>;

/// Reads an identifier: a trimmed text, or a number or boolean as text. Empty and null values are not identifiers.
pub(crate) fn identifier(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) => non_empty(text),
        Node::Number(number) => Some(number.to_string()),
        Node::Bool(value) => Some(value.to_string()),
        Node::Null | Node::List(_) | Node::Object(_) => None,
    }
}

/// Reads the statement about a text field. Null and empty text clear it; any other type is no statement.
pub(crate) fn text(node: &Node<'_>) -> Option<Statement> {
    match node {
        Node::Null => Some(None),
        Node::Text(text) => Some(non_empty(text)),
        _ => None,
    }
}

/// As [`text`], for a field that sources also send as a number (a phone, a postal code).
pub(crate) fn text_or_number(node: &Node<'_>) -> Option<Statement> {
    match node {
        Node::Number(number) => Some(Some(number.to_string())),
        _ => text(node),
    }
}

/// The trimmed text; `None` if it is empty.
pub(crate) fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
