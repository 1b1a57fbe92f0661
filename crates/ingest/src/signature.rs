//! Checks `X-Signature`, with which Segment's Webhooks destinations sign their requests.
//!
//! The signature is the HMAC-SHA1 of the JSON text in hex digits. Of an array, Segment signs only the first element, so
//! only the API key protects the others. Both sides use the bytes as they are written.
//! <https://segment.com/docs/connections/destinations/catalog/webhooks/#authenticating-webhooks>,
//! <https://github.com/segmentio/action-destinations/blob/main/packages/destination-actions/src/destinations/webhook/index.ts>

use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use sha1::Sha1;

use connections::SharedSecret;

use crate::refused::Refused;

/// The header of a signature.
const HEADER: &str = "x-signature";

/// The length of an HMAC-SHA1.
const BYTES: usize = 20;

/// A signature as it was sent.
pub(crate) struct Signature([u8; BYTES]);

impl Signature {
    /// The signature of a request.
    ///
    /// # Errors
    ///
    /// [`Refused::NoSignature`] if there is none; [`Refused::MalformedSignature`] if the value cannot be one.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let mut values = headers.get_all(HEADER).iter().map(|value| value.as_bytes().trim_ascii());
        let first = values.next().filter(|value| !value.is_empty()).ok_or(Refused::NoSignature)?;
        // Of two, it is not clear which one counts.
        let only = if values.next().is_none() { Self::parse(first) } else { None };
        only.ok_or(Refused::MalformedSignature)
    }

    fn parse(digits: &[u8]) -> Option<Self> {
        if digits.len() != 2 * BYTES {
            return None;
        }
        let mut signature = [0; BYTES];
        for (byte, pair) in signature.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            *byte = u8::try_from(16 * digit(pair[0])? + digit(pair[1])?).ok()?;
        }
        Some(Self(signature))
    }
}

/// Checks signatures that were made with one shared secret. It has the secret in prepared form, without its text.
pub(crate) struct Signer(Hmac<Sha1>);

impl Signer {
    /// The signer that has `secret`.
    pub(crate) fn new(secret: &SharedSecret) -> Self {
        Self(Hmac::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes a key of any length"))
    }

    /// Whether `message` has this signature. The comparison takes constant time.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &Signature) -> bool {
        self.0.clone().chain_update(message).verify_slice(&signature.0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn read(value: &str) -> Result<Signature, Refused> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(value).unwrap());
        Signature::of(&headers)
    }

    #[test]
    fn a_signature_is_the_hmac_of_the_text() {
        // RFC 2202, test case 2.
        let signer = Signer::new(&SharedSecret::parse("Jefe").unwrap());
        let right = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
        let message = b"what do ya want for nothing?";
        for written in [right.to_owned(), right.to_uppercase(), format!(" {right} ")] {
            assert!(signer.has_signed(message, &read(&written).ok().unwrap()), "{written}");
        }
        assert!(!signer.has_signed(b"what do ya want for nothing", &read(right).ok().unwrap()));
        let other = read(&right.replace("79", "78")).ok().unwrap();
        assert!(!signer.has_signed(message, &other));
    }

    #[test]
    fn a_signature_has_exactly_forty_hex_digits() {
        let digits = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
        for text in [
            "zz",
            "00",
            &digits[1..],
            &format!("{digits}0"),
            &digits.replace("ef", "+f"),
            &format!("sha1={digits}"),
        ] {
            assert!(matches!(read(text), Err(Refused::MalformedSignature)), "{text}");
        }
        for missing in [read(""), read(" "), Signature::of(&HeaderMap::new())] {
            assert!(matches!(missing, Err(Refused::NoSignature)));
        }
        let mut two = HeaderMap::new();
        two.append(HEADER, HeaderValue::from_str(digits).unwrap());
        two.append(HEADER, HeaderValue::from_str(digits).unwrap());
        assert!(matches!(Signature::of(&two), Err(Refused::MalformedSignature)));
    }
}
