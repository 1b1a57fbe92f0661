//! Causes without what differs from one person to another.

/// Longer texts are cut.
const MAX_CHARS: usize = 160;

/// What stands for a word that differs from one person to another.
const VARIES: &str = "…";

/// A cause in lower case, with one space between words. What stands in quotes, words with a digit or an `@`, and words that are
/// longer than any of a language stand as `…`; of several in a row one is left.
#[must_use]
pub(super) fn normal(cause: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut is_quoted = false;
    for word in cause.split_whitespace() {
        let quotes = word.chars().filter(|it| *it == '"').count();
        let varies = is_quoted || quotes > 0 || varies(word);
        is_quoted ^= quotes % 2 == 1;
        let shown = if varies { VARIES.to_owned() } else { word.to_lowercase() };
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
    fn what_differs_from_one_person_to_another_is_left_out() {
        let cases = [
            ("Invalid  phone 555-1234 for Ann@example.org given", "invalid phone … for … given"),
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
        fn it_is_short_and_settled(cause in "\\PC{0,300}") {
            let once = normal(&cause);
            prop_assert!(once.chars().count() <= MAX_CHARS);
            prop_assert!(!once.contains('"') && !once.contains('@'));
        }
    }
}
