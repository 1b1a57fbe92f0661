//! Numeric ids and codes of affiliates.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::random::RandomSource;

/// A map by numeric id. The simulator draws the ids itself, so the hash need not resist chosen keys, and batches are
/// faster.
pub(crate) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

/// Hashes a numeric id with one multiplication.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // The odd number next to 2^64 divided by the golden ratio. The table uses the lowest and the highest bits; the
        // rotation moves mixed bits to both ends.
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Lower limit of numeric ids. They have eight digits, as in Refersion's samples.
const FIRST_ID: u64 = 30_000_000;
/// Maximum difference of two successive ids. Refersion's ids have gaps, because all accounts share one sequence.
const MAX_GAP: u64 = 9;
/// One code in 16 consists of digits only, as some real ones do: a client must not take it for a numeric id.
const ONE_ALL_DIGIT_IN: u64 = 16;
/// Number of attempts to draw a code of four to six characters; later attempts draw six.
const SHORT_ATTEMPTS: usize = 8;

/// Draws the identifiers of one account.
#[derive(Debug)]
pub(crate) struct Ids {
    random: RandomSource,
    last: u64,
}

impl Ids {
    pub(crate) fn new(mut random: RandomSource) -> Self {
        let last = FIRST_ID + random.below(10_000_000);
        Self { random, last }
    }

    /// The next numeric id, greater than all before. No code is equal to it, as codes have at most six characters.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last += self.random.between(1, MAX_GAP);
        self.last
    }

    /// An unused code of four to six characters in lower-case base 36.
    pub(crate) fn next_code(&mut self, is_taken: impl Fn(&str) -> bool) -> Box<str> {
        for _ in 0..SHORT_ATTEMPTS {
            let digits_only = self.random.below(ONE_ALL_DIGIT_IN) == 0;
            let length = self.random.between(4, 6);
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
            let index = usize::try_from(self.random.below(alphabet)).expect("below 36");
            char::from(DIGITS[index])
        };
        (0..length).map(|_| digit()).collect::<String>().into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Ids, RandomSource};

    #[test]
    fn codes_are_short_and_unique_and_some_look_like_numbers() {
        let mut ids = Ids::new(RandomSource::new(7));
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
        let mut ids = Ids::new(RandomSource::new(7));
        let mut last = 9_999_999;
        for _ in 0..100_000 {
            let id = ids.next_id();
            assert!(last < id && id < 100_000_000);
            last = id;
        }
    }
}
