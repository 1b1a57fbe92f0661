//! Where an event has email addresses, and what counts as one.

use crate::event::{Ignored, WhyIgnored};
use crate::fields::Fields;
use crate::node::Node;

/// The longest address that mail can go to. Source: RFC 5321, 4.5.3.1.3, without the angle brackets.
const MAX_BYTES: usize = 254;

/// Where an event may have an email, the most telling place first. The top-level one is last: in samples of Segment's event
/// tester it is an artefact, yet the delete on Segment's Refersion page has its email there only.
const PLACES: [&[&str]; 4] =
    [&["traits", "email"], &["context", "traits", "email"], &["properties", "email"], &["email"]];

/// What an event has in these places.
pub(crate) fn places<'n>(top: &Fields<'n>) -> impl Iterator<Item = &'n Node<'n>> {
    PLACES.iter().filter_map(|place| top.at(place))
}

/// The address of an identify: the first place that has one. What is passed over on the way is noted.
pub(crate) fn first(top: &Fields<'_>, ignored: &mut Vec<Ignored>) -> Option<String> {
    places(top).find_map(|node| {
        let found = address(node);
        if found.is_none() {
            ignored.push(Ignored { key: "email".to_owned(), why: why_none(node) });
        }
        found
    })
}

/// The address that a value is: trimmed, in lower case.
pub(crate) fn address(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) => address_of(text),
        _ => None,
    }
}

/// The address that a text is, trimmed and in lower case, if it looks like one.
pub(crate) fn address_of(text: &str) -> Option<String> {
    let address = text.trim().to_lowercase();
    let shaped = address.len() <= MAX_BYTES
        && !address.chars().any(|c| c.is_whitespace() || c.is_control())
        && has_address_shape(&address);
    shaped.then_some(address)
}

/// `.+@.+\..+`, the shape by which Segment's own code (`segmentio/facade`) knows an email.
fn has_address_shape(text: &str) -> bool {
    // The first `@` that is not the first character leaves the most behind it; any later one would match less.
    let Some(first) = text.chars().next() else { return false };
    let Some((_, domain)) = text[first.len_utf8()..].split_once('@') else { return false };
    let Some(first) = domain.chars().next() else { return false };
    domain[first.len_utf8()..].split_once('.').is_some_and(|(_, rest)| !rest.is_empty())
}

fn why_none(node: &Node<'_>) -> WhyIgnored {
    match node {
        Node::Null => WhyIgnored::CannotBeCleared,
        Node::Text(text) if text.trim().is_empty() => WhyIgnored::CannotBeCleared,
        _ => WhyIgnored::NotAnAddress,
    }
}

#[cfg(test)]
mod tests {
    use super::address_of;

    #[test]
    fn what_looks_like_an_address_is_one_in_lower_case() {
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
    fn what_does_not_look_like_an_address_is_none() {
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
