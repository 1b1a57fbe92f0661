//! Bodies that a client library has compressed.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use hyper::HeaderMap;
use hyper::header::CONTENT_ENCODING;

use crate::body;
use crate::budget::Held;
use crate::refused::Refused;

/// Bytes that are decompressed before their size is checked.
const PIECE: usize = 16 * 1024;

/// The decompressed body. A decompression bomb is refused when it exceeds `limit` bytes, and takes no more memory than
/// that.
pub(super) fn decoded(
    headers: &HeaderMap,
    body: Vec<u8>,
    limit: usize,
    held: &mut Held,
) -> Result<Vec<u8>, Refused> {
    let encoding =
        headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().trim_ascii().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some(b"" | b"identity") => Ok(body),
        Some(b"gzip" | b"x-gzip") => unzipped(&body, limit, held),
        Some(_) => Err(Refused::Encoding),
    }
}

fn unzipped(body: &[u8], limit: usize, held: &mut Held) -> Result<Vec<u8>, Refused> {
    let mut decoder = MultiGzDecoder::new(body);
    let (mut whole, mut piece) = (Vec::new(), [0; PIECE]);
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => return Ok(whole),
            Ok(length) => body::append(&mut whole, &piece[..length], limit, held)?,
            Err(_) => return Err(Refused::BodyBroken),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use hyper::header::HeaderValue;

    use super::*;
    use crate::budget::Budget;

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: &'static str, body: Vec<u8>, limit: usize) -> (Result<Vec<u8>, Refused>, usize) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        let budget = Budget::new(1 << 30, 1 << 30);
        let mut held = budget.hold(1);
        (decoded(&headers, body, limit, &mut held), budget.in_use())
    }

    #[test]
    fn a_compressed_body_is_unpacked_unchanged() {
        for encoding in ["gzip", " GZIP ", "x-gzip"] {
            assert_eq!(read(encoding, zipped(b"{}"), 10).0.unwrap(), b"{}");
        }
        assert_eq!(read("identity", b"{}".to_vec(), 10).0.unwrap(), b"{}");
        let two = [zipped(b"{"), zipped(b"}")].concat();
        assert_eq!(read("gzip", two, 10).0.unwrap(), b"{}");
    }

    #[test]
    fn a_decompression_bomb_takes_no_more_memory_than_the_limit() {
        let bomb = zipped(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        let (refused, in_use) = read("gzip", bomb, 1 << 20);
        assert!(matches!(refused, Err(Refused::TooLarge { .. })));
        assert!(in_use <= 1 << 20, "{in_use}");
    }

    #[test]
    fn bodies_that_are_not_gzip_are_refused() {
        assert!(matches!(read("gzip", b"{}".to_vec(), 10).0, Err(Refused::BodyBroken)));
        let cut = zipped(b"{}");
        assert!(matches!(read("gzip", cut[..cut.len() - 1].to_vec(), 10).0, Err(Refused::BodyBroken)));
        assert!(matches!(read("br", b"{}".to_vec(), 10).0, Err(Refused::Encoding)));
    }
}
