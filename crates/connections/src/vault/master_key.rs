//! The master key: 32 random bytes from which all other keys are derived.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::Randomness;

/// The only key that an operator has to keep. `Debug` hides it; its memory is wiped when it is dropped.
///
/// As text it is 44 characters of standard base64, in a file of its own or in the environment.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The reason that a text is not a master key. No variant repeats any part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not base64.
    #[error("the master key is not base64: copy it whole, with its = at the end")]
    NotBase64,
    /// The text is base64 of a wrong length.
    #[error("the master key is not 32 bytes long: copy it whole; `openssl rand -base64 32` makes a new one")]
    WrongLength,
}

impl MasterKey {
    /// A new key.
    #[must_use]
    pub fn generate(randomness: &dyn Randomness) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        randomness.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Reads a key from its text; white space around it does not count.
    ///
    /// # Errors
    /// [`MasterKeyError`] when it is not 32 bytes in standard base64.
    pub fn from_text(text: &str) -> Result<Self, MasterKeyError> {
        let bytes =
            Zeroizing::new(BASE64_STANDARD.decode(text.trim()).map_err(|_| MasterKeyError::NotBase64)?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| MasterKeyError::WrongLength)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The text of the key, for its file. It opens every secret in the ledger.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(self.0.as_slice()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}
