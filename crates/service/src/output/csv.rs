//! Rows of CSV. Source of the form: RFC 4180.

use std::borrow::Cow;

/// A row, without its line end.
#[must_use]
pub fn csv_row<const N: usize>(cells: [&str; N]) -> String {
    cells.map(quoted).join(",")
}

/// A cell in quotes, if it needs them.
#[must_use]
pub fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = !text.contains([',', '"', '\r', '\n']) && text.trim() == text;
    if is_plain { text.into() } else { format!("\"{}\"", text.replace('"', "\"\"")).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
