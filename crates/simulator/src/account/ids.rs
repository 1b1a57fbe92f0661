//! The two identifiers of an affiliate, and how different they look.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::dice::Dice;

/// Anything by numeric id. We draw the ids ourselves, so nobody can pick ones that collide, and a batch of 50 need
/// not pay for a hash that withstands attack.
pub(crate) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

/// Spreads numeric ids by one multiplication.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // The odd number next to 2^64 divided by the golden ratio; the rotation brings the mixed bits to both ends,
        // of which the table uses the lowest and the highest.
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Numeric ids have eight digits, as in Refersion's samples.
const FIRST_ID: u64 = 30_000_000;
/// Ids of one account have gaps, because all accounts draw from one sequence.
const WIDEST_GAP: u64 = 9;
/// One code in so many is all digits, because real ones are at times, and a client must not take them for ids.
const ONE_ALL_DIGIT_IN: u64 = 16;
/// Attempts at a short code before one of the longest is drawn.
const SHORT_ATTEMPTS: usize = 8;

/// Draws the identifiers of one account.
#[derive(Debug)]
pub(crate) struct Ids {
    dice: Dice,
    last: u64,
}

impl Ids {
    pub(crate) fn new(mut dice: Dice) -> Self {
        let last = FIRST_ID + dice.below(10_000_000);
        Self { dice, last }
    }

    /// A numeric id, greater than all before it. A code has six characters at most, so none is equal to it.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last += self.dice.between(1, WIDEST_GAP);
        self.last
    }

    /// A code of four to six characters in lower-case base 36 that is not taken yet.
    pub(crate) fn next_code(&mut self, is_taken: impl Fn(&str) -> bool) -> Box<str> {
        for _ in 0..SHORT_ATTEMPTS {
            let digits_only = self.dice.below(ONE_ALL_DIGIT_IN) == 0;
            let length = self.dice.between(4, 6);
            let code = self.draw(length, if digits_only { 10 } else { 36 });
            if !is_taken(&code) {
                return code;
            }
        }
        loop {
            let code = self.draw(6, 36);
            if !is_taken(&code) {
                return code;
            }
        }
    }

    fn draw(&mut self, length: u64, alphabet: u64) -> Box<str> {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut digit = || {
            let index = usize::try_from(self.dice.below(alphabet)).expect("below 36");
            char::from(DIGITS[index])
        };
        (0..length).map(|_| digit()).collect::<String>().into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Dice, Ids};

    #[test]
    fn codes_are_short_and_unique_and_some_look_like_numbers() {
        let mut ids = Ids::new(Dice::new(7));
        let mut codes = HashSet::new();
        for _ in 0..20_000 {
            let code = ids.next_code(|code| codes.contains(code));
            assert!((4..=6).contains(&code.len()), "{code}");
            assert!(code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()), "{code}");
            assert!(codes.insert(code));
        }
        assert!(codes.iter().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit())).count() > 100);
    }

    #[test]
    fn numeric_ids_have_eight_digits_and_increase() {
        let mut ids = Ids::new(Dice::new(7));
        let mut last = 9_999_999;
        for _ in 0..100_000 {
            let id = ids.next_id();
            assert!(last < id && id < 100_000_000);
            last = id;
        }
    }
}
