//! Cells of CSV. Source of the form: RFC 4180.

use std::borrow::Cow;

/// A cell in quotes, if it needs them.
#[must_use]
pub fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = !text.contains([',', '"', '\r', '\n']) && text.trim() == text;
    if is_plain { text.into() } else { format!("\"{}\"", text.replace('"', "\"\"")).into() }
}
