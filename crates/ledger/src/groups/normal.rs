//! Normalizes causes: removes the words that differ from one person to another.

/// The maximum length of a normalized text; longer ones are cut.
const MAX_CHARS: usize = 160;

/// The replacement for a word that differs from one person to another.
const VARIES: &str = "…";

/// A cause with one space between words, in the case in which it is written, because names of traits and fields have upper case letters. Quoted parts, words with a digit or an `@`, and words that are longer than any of a
/// language are replaced by `…`; several `…` in a row are merged.
#[must_use]
pub(super) fn normal(cause: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut is_quoted = false;
    for word in cause.split_whitespace() {
        let quotes = word.chars().filter(|it| *it == '"').count();
        let varies = is_quoted || quotes > 0 || varies(word);
        is_quoted ^= quotes % 2 == 1;
        let shown = if varies { VARIES.to_owned() } else { word.to_owned() };
        if !varies || words.last().is_none_or(|last| last != VARIES) {
            words.push(shown);
        }
    }
    let text = words.join(" ");
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

fn varies(word: &str) -> bool {
    const LONGEST_WORD: usize = 30;
    word.contains(|it: char| it.is_numeric() || it == '@') || word.chars().count() > LONGEST_WORD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn personal_parts_of_a_cause_are_left_out() {
        let cases = [
            ("Invalid  phone 555-1234 for Ann@example.org given", "Invalid phone … for … given"),
            ("the value \"Peter Gibbons of Initech\" is too long", "the value … is too long"),
            ("affiliate 17 18 19", "affiliate …"),
            ("the affiliate was not changed", "the affiliate was not changed"),
            ("", ""),
        ];
        for (cause, expected) in cases {
            assert_eq!(normal(cause), expected, "{cause}");
        }
    }

    proptest! {
        #[test]
        fn a_normalized_cause_is_short_and_has_no_quotes_or_addresses(cause in "\\PC{0,300}") {
            let once = normal(&cause);
            prop_assert!(once.chars().count() <= MAX_CHARS);
            prop_assert!(!once.contains('"') && !once.contains('@'));
        }
    }
}
