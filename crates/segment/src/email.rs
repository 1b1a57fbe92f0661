//! Email addresses: where an event may contain them, and how they are validated.

use crate::event::{Ignored, IgnoredReason};
use crate::fields::Fields;
use crate::node::Node;

/// Maximum length of an address. Source: RFC 5321, 4.5.3.1.3, without the angle brackets.
const MAX_BYTES: usize = 254;

/// The paths at which an event may have an email, in order of precedence. The top-level one is last: in samples of
/// Segment's event tester it is an artefact, but the delete on Segment's Refersion page has its email only there.
const PATHS: [&[&str]; 4] =
    [&["traits", "email"], &["context", "traits", "email"], &["properties", "email"], &["email"]];

/// The values at these paths.
pub(crate) fn candidates<'n>(top: &Fields<'n>) -> impl Iterator<Item = &'n Node<'n>> {
    PATHS.iter().filter_map(|path| top.at(path))
}

/// The address of an identify: the first valid candidate. Adds the invalid ones before it to `ignored`.
pub(crate) fn first(top: &Fields<'_>, ignored: &mut Vec<Ignored>) -> Option<String> {
    candidates(top).find_map(|node| {
        let found = address(node);
        if found.is_none() {
            ignored.push(Ignored { key: "email".to_owned(), reason: ignored_reason(node) });
        }
        found
    })
}

/// The address in a value, trimmed and in lower case.
pub(crate) fn address(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) => address_of(text),
        _ => None,
    }
}

/// The text as an address, trimmed and in lower case; `None` if it does not look like one.
pub(crate) fn address_of(text: &str) -> Option<String> {
    let address = text.trim().to_lowercase();
    let valid = address.len() <= MAX_BYTES
        && !address.chars().any(|c| c.is_whitespace() || c.is_control())
        && has_address_shape(&address);
    valid.then_some(address)
}

/// Whether a text matches `.+@.+\..+`, the pattern that Segment's own code (`segmentio/facade`) uses.
fn has_address_shape(text: &str) -> bool {
    // The first `@` after the first character leaves the longest rest; a later one cannot match if this one does not.
    let Some(first) = text.chars().next() else { return false };
    let Some((_, domain)) = text[first.len_utf8()..].split_once('@') else { return false };
    let Some(first) = domain.chars().next() else { return false };
    domain[first.len_utf8()..].split_once('.').is_some_and(|(_, rest)| !rest.is_empty())
}

fn ignored_reason(node: &Node<'_>) -> IgnoredReason {
    match node {
        Node::Null => IgnoredReason::CannotBeCleared,
        Node::Text(text) if text.trim().is_empty() => IgnoredReason::CannotBeCleared,
        _ => IgnoredReason::NotAnAddress,
    }
}

#[cfg(test)]
mod tests {
    use super::address_of;

    #[test]
    fn a_text_that_looks_like_an_address_is_one_in_lower_case() {
        for (text, address) in [
            (" Peter@Example.COM ", "peter@example.com"),
            ("a+tag@b.co", "a+tag@b.co"),
            ("@@b.c", "@@b.c"),
            ("a@b@c.d", "a@b@c.d"),
            ("a@..x", "a@..x"),
            ("ü@ü.ü", "ü@ü.ü"),
        ] {
            assert_eq!(address_of(text).as_deref(), Some(address), "{text}");
        }
    }

    #[test]
    fn any_other_text_is_not_an_address() {
        for text in
            ["", "@", "a", "a@b", "@b.c", "a@.c", "a@b.", "a@.", "a b@c.d", "a@b .c", "a\u{0}@b.c", "🎉"]
        {
            assert_eq!(address_of(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_address_has_at_most_254_bytes() {
        let address = |bytes: usize| format!("{}@b.co", "a".repeat(bytes - 5));
        assert!(address_of(&address(254)).is_some());
        assert!(address_of(&address(255)).is_none());
    }
}
