//! The shared secret of a connection: what Segment's Webhooks destinations sign their requests with.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::connection::ConnectionId;
use crate::store::StoreError;
use crate::vault::Digest;

/// The longest shared secret, in bytes.
pub const MAX_SHARED_SECRET_BYTES: usize = 1024;

/// Shared secrets of one connection that are valid at the same time, at most: beyond, the oldest ones do not count.
pub const MAX_VALID_SECRETS: usize = 8;

/// A text that the operator has entered both here and in Segment. `Debug` hides it, there is no `Display`, and its memory
/// is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(Zeroizing<String>);

/// Why a text is no shared secret. No variant repeats any part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharedSecretError {
    /// Nothing, or blanks alone.
    #[error("the shared secret is empty: enter the one that is in Segment's settings")]
    Empty,
    /// Longer than [`MAX_SHARED_SECRET_BYTES`].
    #[error("the shared secret is longer than {MAX_SHARED_SECRET_BYTES} bytes: take a shorter one")]
    TooLong,
    /// A line break or the like, which Segment's settings page has no room for.
    #[error("the shared secret has a line break or another control character in it: copy it once more")]
    ControlCharacter,
}

impl SharedSecret {
    /// Takes a text as it is: blanks count, because they count for Segment.
    ///
    /// # Errors
    /// [`SharedSecretError`].
    pub fn parse(text: &str) -> Result<Self, SharedSecretError> {
        if text.trim().is_empty() {
            return Err(SharedSecretError::Empty);
        }
        if text.len() > MAX_SHARED_SECRET_BYTES {
            return Err(SharedSecretError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(SharedSecretError::ControlCharacter);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, as the key of a signature.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(hidden)")
    }
}

/// A shared secret as a store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Its connection.
    pub connection: ConnectionId,
    /// Tells it from others of the connection, and nothing about it.
    pub digest: Digest,
    /// The secret, sealed for this digest; it opens beside no other.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecret(of {}, hidden)", self.connection)
    }
}

/// Keeps the shared secrets of connections. Every method is atomic, and durable once it returned. Removing a connection
/// removes its secrets.
#[async_trait]
pub trait SharedSecretStore: Send + Sync {
    /// Gives a connection a shared secret. The one before is valid for [`crate::store::OLD_KEY_VALID`] more, older ones as
    /// long as they had left. Giving it the one that it has changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such connection.
    async fn set_shared_secret(&self, secret: SealedSecret, now: Timestamp) -> Result<(), StoreError>;

    /// Removes every shared secret of a connection, and returns whether there was any.
    async fn remove_shared_secrets(&self, id: ConnectionId) -> Result<bool, StoreError>;

    /// The shared secrets of a connection that are valid at `now`, newest first, at most [`MAX_VALID_SECRETS`]; none if it
    /// has none, or is none.
    async fn shared_secrets(&self, id: ConnectionId, now: Timestamp)
    -> Result<Vec<SealedSecret>, StoreError>;

    /// Every shared secret that is kept, the replaced ones too.
    async fn all_shared_secrets(&self) -> Result<Vec<SealedSecret>, StoreError>;

    /// Puts newly sealed texts in the place of those with the same digests; one that is gone is passed over.
    async fn reseal_shared_secrets(&self, secrets: &[SealedSecret]) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_as_it_is_and_shown_nowhere() {
        let secret = SharedSecret::parse(" s3cret \u{e9}").expect("a secret");
        assert_eq!(secret.reveal(), " s3cret \u{e9}");
        assert!(!format!("{secret:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_entered_in_segment_is_refused() {
        for (text, why) in [
            ("", SharedSecretError::Empty),
            ("  ", SharedSecretError::Empty),
            ("one\ntwo", SharedSecretError::ControlCharacter),
            (&"x".repeat(MAX_SHARED_SECRET_BYTES + 1), SharedSecretError::TooLong),
        ] {
            assert_eq!(SharedSecret::parse(text), Err(why));
        }
    }
}
