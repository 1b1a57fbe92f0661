//! Sealed texts: XChaCha20-Poly1305 under a numbered key.
//!
//! The layout is: format (1 byte), key number (4 bytes, big-endian), nonce (24 bytes), cipher text with its tag of 16.
//! Format and key number are authenticated, so any change of the text is detected. The nonce is long enough to be
//! chosen at random without repeating.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::master_key::MasterKey;

/// The length of a nonce.
pub(super) const NONCE_BYTES: usize = 24;

/// The one format so far.
const FORMAT: u8 = 1;

/// Format and key number.
const HEADER_BYTES: usize = 5;

/// The HKDF context that makes encryption keys unique; the key's number follows.
const PURPOSE: &[u8] = b"refersion-destination encryption key 1";

/// The reason that a sealed text cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It does not have the format of a sealed text of this version, or contains something else than the caller expects.
    #[error("the stored secret is not in a form that this version knows: use the version that wrote it")]
    NotSealed,
    /// It was sealed under another master key or for another place, or has been changed.
    #[error(
        "the stored secret cannot be opened: check that the master key is the one that it was sealed with"
    )]
    DoesNotOpen,
}

/// Seals a text; see [`super::Vault::seal`].
pub(super) fn seal(
    master: &MasterKey,
    number: u32,
    nonce: [u8; NONCE_BYTES],
    plain: &[u8],
    context: &[u8],
) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(HEADER_BYTES + NONCE_BYTES + plain.len() + 16);
    sealed.push(FORMAT);
    sealed.extend(number.to_be_bytes());
    let aad = associated(&sealed, context);
    let cipher_text = cipher(master, number)
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
        .expect("XChaCha20-Poly1305 takes texts up to 256 GiB, more than memory holds");
    sealed.extend(nonce);
    sealed.extend(cipher_text);
    sealed
}

/// Opens a text; see [`super::Vault::open`].
pub(super) fn open(master: &MasterKey, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (header, rest) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or(VaultError::NotSealed)?;
    let (nonce, cipher_text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::NotSealed)?;
    let [FORMAT, number @ ..] = *header else { return Err(VaultError::NotSealed) };
    cipher(master, u32::from_be_bytes(number))
        .decrypt(&XNonce::from(*nonce), Payload { msg: cipher_text, aad: &associated(header, context) })
        .map_err(|_| VaultError::DoesNotOpen)
}

/// The additional data that is authenticated. The header has a fixed length, so the boundary between the two parts is unambiguous.
fn associated(header: &[u8], context: &[u8]) -> Vec<u8> {
    [header, context].concat()
}

fn cipher(master: &MasterKey, number: u32) -> XChaCha20Poly1305 {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, master.bytes())
        .expand_multi_info(&[PURPOSE, &number.to_be_bytes()], key.as_mut_slice())
        .expect("32 bytes are far below the 8160 that HKDF-SHA256 can give");
    XChaCha20Poly1305::new(&Key::from(*key))
}
