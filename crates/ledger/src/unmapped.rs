//! Names of traits that no setting maps, and rules for which of them may be stored.
//!
//! A source may use an address or an id as the name of a trait. Such a name is personal data that no delete would find, so it is not
//! stored. Fixed words replace names that are not counted separately, and name the other counts: blocked identifiers, shared ones, unusable
//! values, deletes that match nobody. No trait has a name like these: a folded key with letters has no parentheses.

use crate::Counts;

/// Maximum number of unmapped traits that are counted for one connection; a source that invents names must not fill the ledger.
pub const MAX_UNMAPPED_TRAITS: u32 = 1_000;

/// Maximum number of names of left-out data that an operator is shown for one connection.
pub(crate) const MAX_LEFT_OUT: usize = 200;

/// The word that replaces all names that look like addresses or ids.
pub const LIKE_IDS: &str = "(names like addresses or ids)";

/// The word that replaces names beyond the limit: if it is present, the other counts are a sample.
pub const MORE: &str = "(more names than are counted)";

/// The prefix of the names of blocked identifiers, followed by place and identifier.
pub const BLOCKED: &str = "(blocked) ";

/// The prefix of the names of shared identifiers, followed by place and digest.
pub const SHARED: &str = "(shared) ";

/// The prefix of the names of unusable values, followed by trait and reason.
pub const UNUSABLE: &str = "(unusable) ";

/// The name under which deletes of persons without stored data are counted.
pub const UNMATCHED: &str = "(deletes that match nobody)";

/// Whether a name is one of ours. There are few of them, so they are counted regardless of the limit.
pub(crate) fn is_reserved(key: &str) -> bool {
    [LIKE_IDS, MORE, UNMATCHED].contains(&key) || [BLOCKED, SHARED].iter().any(|word| key.starts_with(word))
}

/// Assigns counts by name to the counts of an operator's view.
pub(crate) fn sort_out(rows: Vec<(String, u64)>, counts: &mut Counts) {
    for (name, events) in rows {
        if name == UNMATCHED {
            counts.unmatched_deletes = events;
        } else if let Some(name) = name.strip_prefix(BLOCKED) {
            counts.blocked_identifiers.push((name.to_owned(), events));
        } else if let Some(name) = name.strip_prefix(SHARED) {
            counts.shared_identifiers.push((name.to_owned(), events));
        } else if let Some(name) = name.strip_prefix(UNUSABLE) {
            counts.unusable_values.push((name.to_owned(), events));
        }
    }
}

/// The maximum length of a stored name, in characters.
const MAX_CHARS: usize = 64;
/// The number of digits in a row from which a name is taken for a personal number.
const DIGITS_IN_A_ROW: usize = 5;
/// The same for digits in total, as in a phone number with spaces.
const DIGITS: usize = 8;
/// The number of hexadecimal digits, without hyphens, from which a name is taken for an id.
const HEX_DIGITS: usize = 16;
/// The number of letters and digits in a row, with at least one digit, from which a name is taken for an id.
const TOKEN: usize = 20;

/// Patterns of addresses whose `@` was replaced.
const AT: [&str; 5] = ["@", "\u{ff20}", "%40", "(at)", "[at]"];

/// Whether a name looks like an address or an id, so that it must not be stored. Takes time in proportion to the length of the name.
#[must_use]
pub fn is_like_an_id(name: &str) -> bool {
    let is_address = || AT.iter().any(|at| name.contains(at));
    name.chars().count() > MAX_CHARS || is_address() || has_many_digits(name) || has_token(name)
}

fn has_many_digits(name: &str) -> bool {
    let (mut all, mut in_a_row) = (0, 0);
    for char in name.chars() {
        in_a_row = if char.is_numeric() { in_a_row + 1 } else { 0 };
        all += usize::from(char.is_numeric());
        if in_a_row >= DIGITS_IN_A_ROW || all >= DIGITS {
            return true;
        }
    }
    false
}

fn has_token(name: &str) -> bool {
    let (mut hex, mut run, mut digit) = (0, 0, false);
    for char in name.chars() {
        match char {
            '-' => {}
            char if char.is_ascii_hexdigit() => hex += 1,
            _ => hex = 0,
        }
        (run, digit) = match char.is_alphanumeric() {
            true => (run + 1, digit || char.is_numeric()),
            false => (0, false),
        };
        if hex >= HEX_DIGITS || (run >= TOKEN && digit) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ids_and_numbers_of_people_are_not_kept() {
        for name in [
            "ann@example.com",
            "ann%40example.com",
            "ann (at) example.com",
            "018f3d5e-7c1b-7000-8000-0123456789ab",
            "deadbeefdeadbeefdeadbeef",
            "user_1234567",
            "+41 79 123 45 67",
            "Xk9aPq2LmZ8rT5vW1yB3",
            &"long ".repeat(20),
        ] {
            assert!(is_like_an_id(name), "{name}");
        }
    }

    #[test]
    fn ordinary_names_are_kept() {
        for name in
            ["plan", "First Purchase Date", "utm_source", "Q4 2024 revenue", "isFeedbackAccessed", "größe"]
        {
            assert!(!is_like_an_id(name), "{name}");
        }
        assert!(!is_like_an_id(LIKE_IDS) && !is_like_an_id(MORE), "they are kept themselves");
    }
}
