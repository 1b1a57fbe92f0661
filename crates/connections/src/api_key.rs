//! The API key: the string `publickey.secretkey` that a user enters on Segment's settings page.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// The maximum length of an API key, in bytes. Refersion's keys have 49 bytes; this leaves room for a future format.
pub const MAX_API_KEY_BYTES: usize = 1024;

/// A key pair of one Refersion account.
///
/// Its halves hold visible ASCII only, because each travels in an HTTP header. `Debug` hides both, and there is no
/// `Display`. The memory of the secret half is wiped when the key is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    public: String,
    secret: Zeroizing<String>,
}

/// The reason that a text is not an API key. No variant repeats any part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// The text has no `.` between the halves.
    #[error("the API key has no dot: enter the public key, a dot and the secret key, like pub_1a2b.sec_3c4d")]
    NoDot,
    /// The first half is empty after trimming.
    #[error("the API key has nothing before its first dot: enter the public key there")]
    EmptyPublic,
    /// The second half is empty after trimming.
    #[error("the API key has nothing after its first dot: enter the secret key there")]
    EmptySecret,
    /// A half contains white space, or a character that an HTTP header cannot carry.
    #[error("the API key contains white space or other characters that no key has: copy it again")]
    BadCharacter,
    /// The text is longer than [`MAX_API_KEY_BYTES`].
    #[error("the API key is longer than {MAX_API_KEY_BYTES} bytes: copy it again")]
    TooLong,
}

impl ApiKey {
    /// Reads `publickey.secretkey`: splits at the first dot and trims both halves.
    ///
    /// The shapes `pub_…` and `sec_…` are not required, so that a future format still works.
    /// Source: <https://segment.com/docs/connections/destinations/catalog/refersion/> (the setting "API Key").
    ///
    /// # Errors
    /// [`ApiKeyError`] when a half is missing, or contains a character that no key can contain.
    pub fn parse(text: &str) -> Result<Self, ApiKeyError> {
        if text.len() > MAX_API_KEY_BYTES {
            return Err(ApiKeyError::TooLong);
        }
        let (public, secret) = text.split_once('.').ok_or(ApiKeyError::NoDot)?;
        let (public, secret) = (public.trim(), secret.trim());
        if public.is_empty() {
            return Err(ApiKeyError::EmptyPublic);
        }
        if secret.is_empty() {
            return Err(ApiKeyError::EmptySecret);
        }
        if !public.bytes().chain(secret.bytes()).all(|b| b.is_ascii_graphic()) {
            return Err(ApiKeyError::BadCharacter);
        }
        Ok(Self { public: public.to_owned(), secret: Zeroizing::new(secret.to_owned()) })
    }

    /// The public half, for the header `Refersion-Public-Key`.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The secret half, for the header `Refersion-Secret-Key`.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The whole key in its only spelling, `publickey.secretkey`. This text is digested and sealed.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}.{}", self.public, self.secret.as_str()))
    }

    /// A warning for the operator about a key that can be read but looks wrong. The halves are never swapped silently.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        let swapped = self.public.starts_with("sec_") || self.secret.starts_with("pub_");
        swapped.then_some("the halves of the API key look swapped: the public key (pub_) comes first, then the secret (sec_)")
    }
}

impl FromStr for ApiKey {
    type Err = ApiKeyError;

    fn from_str(text: &str) -> Result<Self, ApiKeyError> {
        Self::parse(text)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_split_at_its_first_dot_and_trimmed() {
        let key = ApiKey::parse(" pub_1 . sec.2\n").expect("a good key");
        assert_eq!((key.public(), key.secret()), ("pub_1", "sec.2"));
        assert_eq!(key.to_text().as_str(), "pub_1.sec.2");
    }

    #[test]
    fn an_invalid_key_gives_an_error_that_names_the_missing_part() {
        let refusal = |text: &str| ApiKey::parse(text).expect_err("no key");
        assert_eq!(refusal("pub_1"), ApiKeyError::NoDot);
        assert_eq!(refusal(" .sec_2"), ApiKeyError::EmptyPublic);
        assert_eq!(refusal("pub_1. "), ApiKeyError::EmptySecret);
        assert_eq!(refusal("pub 1.sec_2"), ApiKeyError::BadCharacter);
        assert_eq!(refusal("pub_1.sec\r\n_2"), ApiKeyError::BadCharacter);
        assert_eq!(refusal("püb.sec"), ApiKeyError::BadCharacter);
        assert_eq!(refusal(&".".repeat(MAX_API_KEY_BYTES + 1)), ApiKeyError::TooLong);
    }

    #[test]
    fn swapped_halves_are_warned_about_and_kept_as_given() {
        let key = ApiKey::parse("sec_1.pub_2").expect("a readable key");
        assert!(key.warning().is_some());
        assert_eq!(key.public(), "sec_1");
        assert!(ApiKey::parse("pub_1.sec_2").expect("a good key").warning().is_none());
    }

    #[test]
    fn debug_shows_neither_half() {
        let shown = format!("{:?}", ApiKey::parse("pub_1.sec_2").expect("a good key"));
        assert!(!shown.contains("pub_1") && !shown.contains("sec_2"), "{shown}");
    }

    proptest! {
        #[test]
        fn parsing_any_text_never_panics_and_is_stable(text in ".*") {
            if let Ok(key) = ApiKey::parse(&text) {
                let again = ApiKey::parse(&key.to_text()).expect("the one spelling of a key is a key");
                prop_assert!(again == key);
                prop_assert!(key.to_text().bytes().all(|b| b.is_ascii_graphic()));
            }
        }

        #[test]
        fn every_well_formed_pair_is_parsed_unchanged(public in "[!-\\-/-~]{1,30}", secret in "[!-~]{1,30}") {
            let key = ApiKey::parse(&format!(" {public} . {secret} ")).expect("well formed");
            prop_assert_eq!(key.public(), public);
            prop_assert_eq!(key.secret(), secret);
        }

        #[test]
        fn an_error_repeats_nothing_of_the_key(secret in "[a-z]{12} [a-z]{12}") {
            let error = ApiKey::parse(&format!("pub_1.{secret}")).expect_err("white space inside");
            let shown = format!("{error} {error:?}");
            prop_assert!(secret.split(' ').all(|part| !shown.contains(part)));
        }
    }
}
