//! Email addresses: where an event may contain them, and how they are validated.

use crate::event::IgnoredReason;
use crate::fields::{Fields, members};
use crate::node::Node;
use crate::text::visible;
use crate::traits;

/// Maximum length of an address. Source: RFC 5321, 4.5.3.1.3, without the angle brackets.
const MAX_BYTES: usize = 254;

/// The values that may be an email, in order of precedence: those among traits, then the top-level one. That is last, because
/// in samples of Segment's event tester it is an artefact, but the delete on Segment's Refersion page has its email only there.
pub(crate) fn candidates<'n>(top: &Fields<'n>) -> impl Iterator<Item = &'n Node<'n>> {
    let traits = traits::PATHS.into_iter().flat_map(|path| top.at(path));
    traits.flat_map(|node| members(node, "email")).chain(top.all("email"))
}

/// The address in a value, in lower case.
pub(crate) fn address(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) => address_of(text),
        _ => None,
    }
}

/// The text as an address, in lower case; `None` if it does not look like one. The parts that mail programs put around an
/// address are removed: `mailto:`, a name before `<…>`, quotes.
pub(crate) fn address_of(text: &str) -> Option<String> {
    let text = visible(text).to_lowercase();
    let address = unquoted(in_brackets(&text));
    let address = address.strip_prefix("mailto:").unwrap_or(address).trim();
    let valid =
        address.len() <= MAX_BYTES && !address.contains(char::is_whitespace) && has_address_shape(address);
    valid.then(|| address.to_owned())
}

fn in_brackets(text: &str) -> &str {
    let inner = text.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
    inner.map_or(text, |(_, address)| address.trim())
}

fn unquoted(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    ['"', '\''].into_iter().find_map(inner).map_or(text, str::trim)
}

/// Whether a text matches `.+@.+\..+`, the pattern that Segment's own code (`segmentio/facade`) uses.
fn has_address_shape(text: &str) -> bool {
    // The first `@` after the first character leaves the longest rest; a later one cannot match if this one does not.
    let Some(first) = text.chars().next() else { return false };
    let Some((_, domain)) = text[first.len_utf8()..].split_once('@') else { return false };
    let Some(first) = domain.chars().next() else { return false };
    domain[first.len_utf8()..].split_once('.').is_some_and(|(_, rest)| !rest.is_empty())
}

/// Why a value is not an address.
pub(crate) fn ignored_reason(node: &Node<'_>) -> IgnoredReason {
    match node {
        Node::Null => IgnoredReason::CannotBeCleared,
        Node::Text(text) if visible(text).is_empty() => IgnoredReason::CannotBeCleared,
        Node::List(_) | Node::Object(_) => IgnoredReason::Nested,
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
            ("\u{feff}a@b\u{200b}.c\u{0}", "a@b.c"),
            ("mailto:A@b.c", "a@b.c"),
            ("<a@b.c>", "a@b.c"),
            ("Ann \"A.\" Lee < a@b.c >", "a@b.c"),
            ("'a@b.c'", "a@b.c"),
            ("\"a@b.c\"", "a@b.c"),
            ("\"a\"@b.c", "\"a\"@b.c"),
        ] {
            assert_eq!(address_of(text).as_deref(), Some(address), "{text}");
        }
    }

    #[test]
    fn any_other_text_is_not_an_address() {
        for text in [
            "", "@", "a", "a@b", "@b.c", "a@.c", "a@b.", "a@.", "a b@c.d", "a@b .c", "<>", "mailto:", "''",
            "🎉",
        ] {
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
