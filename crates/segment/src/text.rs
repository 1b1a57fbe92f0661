//! Conversion of single JSON values to text.

use std::borrow::Cow;

use crate::node::Node;

/// A statement about a text field: its new value, or `None` to clear it.
pub(crate) type Statement = Option<String>;

/// Reads an identifier: a text, or a number or boolean as text. Empty and null values are not identifiers.
pub(crate) fn identifier(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) => Some(visible(text)).filter(|text| !text.is_empty()),
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

/// The text of a value; `None` if it is empty.
pub(crate) fn non_empty(text: &str) -> Option<String> {
    let text = value(text);
    (!text.is_empty()).then(|| text.into_owned())
}

/// The text of a value: without control characters, and without white space and invisible characters at its ends. Line
/// breaks and tabs become spaces, because the words that they separate must not become one.
pub(crate) fn value(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    if !trimmed.contains(char::is_control) {
        return Cow::Borrowed(trimmed);
    }
    let one_line = trimmed.replace("\r\n", " ");
    let spaced = one_line.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    Cow::Owned(spaced.filter(|c| !c.is_control()).collect())
}

/// The text of an identifier: like that of a value, but without any invisible character. An id or an address that is copied
/// from a web page, a spreadsheet or a file may contain some, and would then be a different one.
pub(crate) fn visible(text: &str) -> String {
    let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    value(&text).into_owned()
}

/// Whether a character is invisible and has no meaning: zero-width spaces and joiners, byte order marks, marks of
/// direction, soft hyphens, tags. Source: Unicode, the property `Default_Ignorable_Code_Point`, without characters that are
/// letters or select the form of one.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_no_invisible_characters() {
        for text in
            ["\u{feff}u1", "u\u{200b}1", "u1\u{200d}\u{2060}", " u\u{ad}1\u{0}", "\u{202a}u1\u{202c}", "u1\n"]
        {
            assert_eq!(visible(text), "u1", "{text:?}");
        }
        assert_eq!(visible("\u{feff} \u{200b}"), "");
    }

    #[test]
    fn a_value_has_no_control_characters_and_words_stay_separate() {
        assert_eq!(value("\u{0}An\u{7}n\u{85}"), "Ann");
        assert_eq!(value(" 1 High St\r\nApt 2\tleft\n"), "1 High St Apt 2 left");
        assert_eq!(value("\u{feff}Ann\u{200b} "), "Ann");
        assert_eq!(value("می\u{200c}خواهم"), "می\u{200c}خواهم", "a joiner inside a word belongs to it");
    }
}
