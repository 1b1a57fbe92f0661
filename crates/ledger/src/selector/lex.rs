//! Splits a text into words (keys, and values with or without quotes), and writes them.

use std::fmt;

use super::SelectorError;

/// One term as it was written.
#[derive(Debug)]
pub(super) struct Word<'t> {
    /// The place of its first character, from 1.
    pub(super) place: usize,
    /// The whole term.
    pub(super) text: &'t str,
    /// The text before the colon; `None` if there is no colon.
    pub(super) key: Option<&'t str>,
    /// The values between commas, without quotes.
    pub(super) values: Vec<String>,
}

/// Splits a text into words at whitespace outside of quotes.
pub(super) fn words(text: &str) -> Result<Vec<Word<'_>>, SelectorError> {
    let mut words = Vec::new();
    let (mut rest, mut place) = (text, 1);
    loop {
        let trimmed = rest.trim_start();
        place += rest[..rest.len() - trimmed.len()].chars().count();
        if trimmed.is_empty() {
            return Ok(words);
        }
        let (word, length) = word(trimmed, place)?;
        place += trimmed[..length].chars().count();
        words.push(word);
        rest = &trimmed[length..];
    }
}

/// The word at the beginning of a text, and its length in bytes.
fn word(text: &str, place: usize) -> Result<(Word<'_>, usize), SelectorError> {
    let is_in_key = |it: char| it.is_ascii_alphabetic() || it == '_';
    let key_end = text.find(|it| !is_in_key(it)).unwrap_or(text.len());
    let key = text[key_end..].starts_with(':').then(|| &text[..key_end]);
    let start = if key.is_some() { key_end + 1 } else { 0 };
    let mut values = vec![String::new()];
    let mut is_quoted = false;
    let mut chars = text[start..].char_indices();
    let mut end = text.len();
    while let Some((at, it)) = chars.next() {
        let value = values.last_mut();
        match it {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => {
                let escaped = chars.next().map(|(_, it)| it);
                value.into_iter().for_each(|value| value.extend(escaped));
            }
            ',' if !is_quoted => values.push(String::new()),
            _ if it.is_whitespace() && !is_quoted => {
                end = start + at;
                break;
            }
            _ => value.into_iter().for_each(|value| value.push(it)),
        }
    }
    if is_quoted {
        return Err(SelectorError::new(&text[..end], place, "a quote is opened and not closed"));
    }
    Ok((Word { place, text: &text[..end], key, values }, end))
}

/// Writes values so that [`words`] reads them again.
pub(super) fn write_values<V: fmt::Display>(out: &mut fmt::Formatter<'_>, values: &[V]) -> fmt::Result {
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            out.write_str(",")?;
        }
        write_value(out, &value.to_string())?;
    }
    Ok(())
}

fn write_value(out: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let needs_quotes = |it: char| it.is_whitespace() || matches!(it, '"' | ',' | '\\');
    if !value.is_empty() && !value.contains(needs_quotes) {
        return out.write_str(value);
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    write!(out, "\"{escaped}\"")
}
