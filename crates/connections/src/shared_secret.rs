//! The shared secret of a connection, with which Segment's Webhooks destinations sign their requests.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::connection::ConnectionId;
use crate::store::StoreError;
use crate::vault::Digest;

/// The longest shared secret, in bytes.
pub const MAX_SHARED_SECRET_BYTES: usize = 1024;

/// Maximum number of shared secrets of one connection that are valid at the same time: if there are more, the oldest are invalid.
pub const MAX_VALID_SECRETS: usize = 8;

/// A text that the operator has entered both here and in Segment. `Debug` hides it, there is no `Display`, and its memory
/// is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(Zeroizing<String>);

/// The reason that a text is not a shared secret. No variant repeats any part of it, and none says where the secret comes from: a webhook
/// signing secret has the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharedSecretError {
    /// Empty, or only blanks.
    #[error("it is empty")]
    Empty,
    /// Longer than [`MAX_SHARED_SECRET_BYTES`].
    #[error("it is longer than {MAX_SHARED_SECRET_BYTES} bytes: take a shorter one")]
    TooLong,
    /// A control character, such as a line break, which Segment's settings page does not accept.
    #[error("it contains a line break or another control character: copy it again")]
    ControlCharacter,
}

impl SharedSecret {
    /// Accepts a text as it is: blanks are kept, because Segment keeps them.
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

/// A shared secret in the form that a store keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Its connection.
    pub connection: ConnectionId,
    /// Distinguishes it from other secrets of the connection, and reveals nothing about it.
    pub digest: Digest,
    /// The secret, sealed for this digest; it opens only with this digest.
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
    /// Gives a connection a shared secret. The previous one stays valid for [`crate::store::OLD_KEY_VALID`]; the expiry of older ones does
    /// not change. If the connection has this secret already, nothing changes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such connection.
    async fn set_shared_secret(&self, secret: SealedSecret, now: Timestamp) -> Result<(), StoreError>;

    /// Removes every shared secret of a connection, and returns whether there was any.
    async fn remove_shared_secrets(&self, id: ConnectionId) -> Result<bool, StoreError>;

    /// The shared secrets of a connection that are valid at `now`, newest first, at most [`MAX_VALID_SECRETS`]. Empty if it has none, or if
    /// there is no such connection.
    async fn shared_secrets(&self, id: ConnectionId, now: Timestamp)
    -> Result<Vec<SealedSecret>, StoreError>;

    /// All stored shared secrets, including replaced ones.
    async fn all_shared_secrets(&self) -> Result<Vec<SealedSecret>, StoreError>;

    /// Replaces the sealed texts with the same digests. Digests that no longer exist are skipped.
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
    fn secrets_that_segment_does_not_accept_are_refused() {
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
