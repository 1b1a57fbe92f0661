//! Removes values from Refersion's messages, which repeat refused values, before they are stored.

/// Minimum length of a value to remove: shorter ones would destroy ordinary words, and reveal nothing.
const SHORTEST: usize = 3;

/// The text with every value that was sent, in any casing, replaced. The text is one line, as the client makes it.
pub(super) fn clean(text: &str, values: &[&str]) -> String {
    let mut longest_first: Vec<String> = values.iter().flat_map(|value| parts(&one_line(value))).collect();
    longest_first.sort_by_key(|value| std::cmp::Reverse(value.len()));
    longest_first.iter().fold(text.to_owned(), |text, value| replace(&text, value))
}

/// The value in lower case, letter by letter, with single blanks, as it is compared with a text of one line.
fn one_line(value: &str) -> String {
    let lower: String = value.chars().flat_map(lower).collect();
    let words = lower.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Lower case of a letter. The final sigma of Greek words counts as a sigma, because upper case does not distinguish them.
fn lower(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase().map(|lower| if lower == 'ς' { 'σ' } else { lower })
}

/// The value itself, and its parts around an `@`, which messages may show separately.
fn parts(value: &str) -> Vec<String> {
    let halves = value.split_once('@').into_iter().flat_map(|(local, domain)| [local, domain]);
    let all = std::iter::once(value).chain(halves).filter(|part| part.len() >= SHORTEST);
    all.map(str::to_owned).collect()
}

fn replace(text: &str, value: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let taken = begins_with(rest, value);
        cleaned.push(if taken.is_some() { '…' } else { next });
        rest = &rest[taken.unwrap_or(next.len_utf8())..];
    }
    cleaned
}

/// How many bytes of the text the value takes at its beginning. A text in lower case may be longer or shorter than the
/// original, so a position in one says nothing about a position in the other.
fn begins_with(text: &str, value: &str) -> Option<usize> {
    let mut wanted = value.chars();
    for (at, written) in text.char_indices() {
        if wanted.as_str().is_empty() {
            return Some(at);
        }
        if !lower(written).all(|letter| wanted.next() == Some(letter)) {
            return None;
        }
    }
    wanted.as_str().is_empty().then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn no_value_that_was_sent_stays_in_the_text() {
        let text = "Zanzibar is not a allowed value for field country; PETER@example.com is taken";
        let cleaned = clean(text, &["zanzibar", "peter@example.com"]);
        assert_eq!(cleaned, "… is not a allowed value for field country; … is taken");
    }

    #[test]
    fn a_value_is_found_with_any_white_space_in_it() {
        assert_eq!(clean("Ann Mary is not allowed", &["Ann  \tMary"]), "… is not allowed");
    }

    #[test]
    fn letters_whose_lower_case_has_another_length_do_not_shift_the_cut() {
        assert_eq!(clean("İx; éclair 5; ẞy", &["éclair 5"]), "İx; …; ẞy");
        assert_eq!(clean("İZMİR is wrong", &["İZMİR"]), "… is wrong");
        assert_eq!(clean("ΟΔΟΣ is wrong", &["Οδος"]), "… is wrong");
    }
}
