//! Keyed digests. They replace identifiers where the identifiers themselves must not be kept.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::master_key::MasterKey;

/// A keyed digest. Without the master key it does not reveal its input, so it may be kept after the input is deleted.
pub type Digest = [u8; 16];

/// The HKDF context that makes this key unique. Changing it would make every stored digest useless.
const PURPOSE: &[u8] = b"refersion-destination digest key 1";

/// The key of all digests, prepared.
#[derive(Clone)]
pub(super) struct DigestKey(Hmac<Sha256>);

impl DigestKey {
    /// Derives the digest key from a master key.
    pub(super) fn of(master: &MasterKey) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, master.bytes())
            .expand(PURPOSE, key.as_mut_slice())
            .expect("32 bytes are far below the 8160 that HKDF-SHA256 can give");
        Self(Hmac::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length"))
    }

    /// Digests a text of a kind and a connection. The length of the kind comes first, so that different triples never
    /// give the same bytes.
    pub(super) fn digest(&self, kind: &str, connection: i64, text: &str) -> Digest {
        let mut mac = self.0.clone();
        mac.update(&(kind.len() as u64).to_be_bytes());
        mac.update(kind.as_bytes());
        mac.update(&connection.to_be_bytes());
        mac.update(text.as_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut digest = Digest::default();
        digest.copy_from_slice(&whole[..16]);
        digest
    }
}
