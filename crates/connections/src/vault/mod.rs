//! The vault: how secrets are kept, and how identifiers are made unreadable.
//!
//! HKDF-SHA256 derives from one [`MasterKey`] one digest key, which never rotates (stored digests would no longer
//! match), and any number of encryption keys, which rotate. A sealed text contains the number of its key, so a process
//! that does not know of a rotation yet can still open what others sealed.

mod digest;
mod key_file;
mod master_key;
mod sealing;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use digest::Digest;
pub use key_file::KeyFileError;
pub use master_key::{MasterKey, MasterKeyError};
pub use sealing::VaultError;

use crate::api_key::ApiKey;
use crate::shared_secret::{SealedSecret, SharedSecret};
use digest::DigestKey;

/// The number of the first encryption key.
pub const FIRST_KEY_NUMBER: u32 = 1;

/// A source of random bytes: the operating system in production, a seed in the simulation.
pub trait Randomness: Send + Sync {
    /// Fills `bytes` with random bytes, fit for cryptography in production.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's random bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandomness;

impl Randomness for OsRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes);
    }
}

/// An API key in the form that a store keeps: searchable by its digest, readable only by the vault.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// The digest by which the ingest endpoint looks it up.
    pub digest: Digest,
    /// The key, sealed for this digest; it opens only with this digest.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedKey(hidden)")
    }
}

/// Digests identifiers, seals and opens secrets. Cheap to clone; its `Debug` shows the key's number only.
#[derive(Clone)]
pub struct Vault {
    master: Arc<MasterKey>,
    digests: DigestKey,
    current: u32,
    randomness: Arc<dyn Randomness>,
}

impl Vault {
    /// A vault that seals with the encryption key number `current`, and opens texts that were sealed with any number.
    #[must_use]
    pub fn new(master: MasterKey, current: u32, randomness: Arc<dyn Randomness>) -> Self {
        Self { digests: DigestKey::of(&master), master: Arc::new(master), current, randomness }
    }

    /// The same vault with another encryption key for sealing.
    #[must_use]
    pub fn with_current(&self, current: u32) -> Self {
        Self { current, ..self.clone() }
    }

    /// The number of the encryption key that this vault seals with.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.current
    }

    /// The keyed digest of an identifier: HMAC-SHA256, cut to 16 bytes.
    ///
    /// `kind` distinguishes equal texts of different meaning (a user id and an email address), `connection` those of
    /// different customers.
    #[must_use]
    pub fn digest(&self, kind: &str, connection: i64, text: &str) -> Digest {
        self.digests.digest(kind, connection, text)
    }

    /// The digest under which the ingest endpoint finds the connection of an API key.
    #[must_use]
    pub fn digest_of_key(&self, key: &ApiKey) -> Digest {
        // The ingest endpoint does not know the connection yet, so the digest does not include it.
        self.digest("api key", 0, &key.to_text())
    }

    /// A digest of an empty text: equal for equal master keys, without revealing anything about them.
    ///
    /// The ledger keeps it, so that a process with another master key can refuse to start.
    #[must_use]
    pub fn check_value(&self) -> Digest {
        self.digest("check value", 0, "")
    }

    /// Seals `plain` with XChaCha20-Poly1305 under the current key. `context` is not stored, but has to be the same
    /// when the text is opened: it binds the sealed text to its place.
    #[must_use]
    pub fn seal(&self, plain: &[u8], context: &[u8]) -> Vec<u8> {
        let mut nonce = [0; sealing::NONCE_BYTES];
        self.randomness.fill(&mut nonce);
        sealing::seal(&self.master, self.current, nonce, plain, context)
    }

    /// Opens a text that [`Vault::seal`] sealed, under any key number.
    ///
    /// # Errors
    /// [`VaultError::NotSealed`] if the text was not sealed by this program, or by a newer version;
    /// [`VaultError::DoesNotOpen`] if the master key or the context is another one, or a bit has changed.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, VaultError> {
        sealing::open(&self.master, sealed, context)
    }

    /// Seals an API key for a store.
    #[must_use]
    pub fn seal_key(&self, key: &ApiKey) -> SealedKey {
        let digest = self.digest_of_key(key);
        SealedKey { digest, sealed: self.seal(key.to_text().as_bytes(), &digest) }
    }

    /// Opens an API key from a store.
    ///
    /// # Errors
    /// As [`Vault::open`]; also [`VaultError::NotSealed`] if the sealed text is not a key.
    pub fn open_key(&self, key: &SealedKey) -> Result<ApiKey, VaultError> {
        let plain = zeroize::Zeroizing::new(self.open(&key.sealed, &key.digest)?);
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::NotSealed)?;
        ApiKey::parse(text).map_err(|_| VaultError::NotSealed)
    }

    /// Seals the shared secret of a connection for a store.
    #[must_use]
    pub fn seal_secret(&self, connection: i64, secret: &SharedSecret) -> SealedSecret {
        let digest = self.digest("shared secret", connection, secret.reveal());
        SealedSecret { connection, digest, sealed: self.seal(secret.reveal().as_bytes(), &digest) }
    }

    /// Opens a shared secret from a store.
    ///
    /// # Errors
    /// As [`Vault::open_key`].
    pub fn open_secret(&self, secret: &SealedSecret) -> Result<SharedSecret, VaultError> {
        let plain = zeroize::Zeroizing::new(self.open(&secret.sealed, &secret.digest)?);
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::NotSealed)?;
        SharedSecret::parse(text).map_err(|_| VaultError::NotSealed)
    }

    /// A new write key for a connection: 32 letters, digits, `-` and `_`.
    #[must_use]
    pub fn new_write_key(&self) -> String {
        let mut bytes = [0; 24];
        self.randomness.fill(&mut bytes);
        base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("current", &self.current).finish_non_exhaustive()
    }
}
