//! Converts text and numbers for Postgres.

use std::borrow::Cow;

use super::failure::Failure;

/// Text with its NUL characters replaced: Postgres cannot store them. Anybody may send one, and it must not stop a whole batch.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// The same for an optional text.
pub(super) fn some_text(some: Option<&String>) -> Option<Cow<'_, str>> {
    some.map(|it| text(it))
}

/// An affiliate's numeric id as a value for Postgres.
pub(super) fn affiliate_id(id: Option<u64>) -> Result<Option<i64>, Failure> {
    let narrow =
        |id| i64::try_from(id).map_err(|_| Failure::Broken(format!("affiliate id {id} is out of range")));
    id.map(narrow).transpose()
}

/// A number of ours as a value of Postgres' `integer`, which cannot hold the upper half.
pub(super) fn integer(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_null_character_of_a_text_is_replaced() {
        assert!(matches!(text("plain ü"), Cow::Borrowed("plain ü")));
        assert_eq!(text("a\0b"), "a\u{FFFD}b");
    }
}
