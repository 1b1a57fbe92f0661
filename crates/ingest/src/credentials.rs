//! Reads the key out of the headers of a request.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

/// Maximum bytes of a key; Refersion's are 49 long.
const MAX_KEY_BYTES: usize = 1024;

/// Base64 with or without its padding: some senders leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key: the user name of Basic authentication, which ends at the first colon. A missing colon is tolerated, as
/// Segment's own API does; a password is ignored. `None` if there is no key.
pub(crate) fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 2 * MAX_KEY_BYTES {
        return None;
    }
    let decoded = BASE64.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let key = text.split_once(':').map_or(text.as_str(), |(user, _)| user).trim();
    let is_key = !key.is_empty() && key.len() <= MAX_KEY_BYTES;
    is_key.then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use hyper::header::HeaderValue;

    use super::*;

    fn read(header: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        key(&headers)
    }

    #[test]
    fn the_key_ends_at_the_first_colon_and_needs_none() {
        for text in ["pub.sec:", "pub.sec", "pub.sec:pass:word", " pub.sec :"] {
            let encoded = BASE64_STANDARD.encode(text);
            for header in [
                format!("Basic {encoded}"),
                format!("basic  {encoded} "),
                format!("BASIC {}", encoded.trim_end_matches('=')),
            ] {
                assert_eq!(read(&header).as_deref(), Some("pub.sec"), "{text:?} as {header:?}");
            }
        }
    }

    #[test]
    fn credentials_without_a_key_are_refused() {
        let long = format!("Basic {}", BASE64_STANDARD.encode("x".repeat(MAX_KEY_BYTES + 1)));
        for header in
            ["", "Basic", "Basic ", "Basic :::", "Basic Og==", "Bearer cHViLnNlYzo=", "Basic /w==", &long]
        {
            assert_eq!(read(header), None, "{header:?}");
        }
        assert_eq!(key(&HeaderMap::new()), None);
    }
}
