//! Refersion repeats refused values in its texts; what is kept of a text must not hold them.

/// Values shorter than this would cut words to pieces and tell nobody anything.
const SHORTEST: usize = 3;

/// The text with every value that was sent, in any casing, replaced.
pub(super) fn clean(text: &str, values: &[&str]) -> String {
    let mut longest_first: Vec<String> = values.iter().flat_map(|value| parts(value)).collect();
    longest_first.sort_by_key(|value| std::cmp::Reverse(value.len()));
    longest_first.iter().fold(text.to_owned(), |text, value| replace(&text, value))
}

/// The value itself, and its halves around an `@`, which texts like to tear apart.
fn parts(value: &str) -> Vec<String> {
    let halves = value.split_once('@').into_iter().flat_map(|(local, domain)| [local, domain]);
    let all = std::iter::once(value).chain(halves).filter(|part| part.len() >= SHORTEST);
    all.map(str::to_lowercase).collect()
}

fn replace(text: &str, value: &str) -> String {
    let lower = text.to_lowercase();
    // Lower-casing may change lengths outside ASCII; then positions do not carry over, and the whole text goes.
    if lower.len() != text.len() && lower.contains(value) {
        return "(refersion's text repeats personal data)".to_owned();
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(at) = lower[from..].find(value) {
        cleaned.push_str(&text[from..from + at]);
        cleaned.push('…');
        from += at + value.len();
    }
    cleaned.push_str(&text[from..]);
    cleaned
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
}
