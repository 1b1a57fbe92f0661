//! Passwords of new affiliates. The API requires one in a create, and its rules are strict.
//!
//! Source: the 422 texts of Refersion REST v2, `/affiliate/new`.

use rand::Rng;
use rand::seq::IndexedRandom;

use crate::Secret;

/// Minimum length of a password, in characters.
pub const MIN_CHARS: usize = 9;

/// Maximum length of a password, in characters.
pub const MAX_CHARS: usize = 72;

/// Maximum number of times that a character may occur in a row.
pub const MAX_REPEATS: usize = 3;

/// Length of a generated password: about 130 bits of randomness.
const GENERATED_CHARS: usize = 32;

/// The classes of characters of a generated password, used in turn: so all four occur, and no character occurs twice
/// in a row. The symbols need no escaping in JSON, HTML or a form.
const KINDS: [&[u8]; 4] =
    [b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz", b"0123456789", b"!#$%*+-=?_~"];

/// Generates a password that is [`acceptable`] with any email address.
pub fn generate(rng: &mut dyn Rng) -> Secret {
    let text: String = KINDS
        .iter()
        .cycle()
        .take(GENERATED_CHARS)
        .map(|kind| char::from(*kind.choose(rng).expect("no class of characters is empty")))
        .collect();
    Secret::new(text)
}

/// Whether Refersion accepts this password for an affiliate with this email address.
pub fn acceptable(password: &str, email: &str) -> bool {
    let has = |is_kind: fn(char) -> bool| password.chars().any(is_kind);
    let length = password.chars().count();
    (MIN_CHARS..=MAX_CHARS).contains(&length)
        && has(|c| c.is_ascii_uppercase())
        && has(|c| c.is_ascii_lowercase())
        && has(|c| c.is_ascii_digit())
        && has(|c| c.is_ascii_punctuation())
        && longest_run(password) <= MAX_REPEATS
        && !password.eq_ignore_ascii_case(email)
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for c in text.chars() {
        run = if last == Some(c) { run + 1 } else { 1 };
        longest = longest.max(run);
        last = Some(c);
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::{acceptable, generate};

    proptest! {
        #[test]
        fn a_generated_password_is_acceptable(seed in any::<u64>(), email in any::<String>()) {
            let password = generate(&mut StdRng::seed_from_u64(seed));
            prop_assert!(acceptable(password.expose(), &email));
        }
    }

    #[test]
    fn two_passwords_differ() {
        let mut rng = StdRng::seed_from_u64(1);
        assert!(generate(&mut rng) != generate(&mut rng));
    }

    #[test]
    fn a_password_that_breaks_any_rule_is_not_acceptable() {
        assert!(acceptable("Abc!45678", "a@x.com"));
        for refused in [
            "testing",
            "Abc!4567",
            "abc!45678",
            "ABC!45678",
            "Abc!defgh",
            "Abcd45678",
            "Abc!44445678",
            "A@x.com12",
        ] {
            assert!(!acceptable(refused, "a@X.com12"), "{refused}");
        }
        let longest = "Ab1!".repeat(18);
        assert!(acceptable(&longest, ""));
        assert!(!acceptable(&format!("{longest}A"), ""));
    }
}
