//! Unpaired surrogates: escapes like `\ud83d` that JavaScript writes for a text that was cut inside a character.
//!
//! A source that keeps the first 140 characters of a text may cut an emoji in half. Customers can rarely change that,
//! and the rest of the event is valid.

use std::borrow::Cow;

/// The replacement character U+FFFD, as in every lossy decoder.
const REPLACEMENT: &[u8; ESCAPE_BYTES] = b"\\ufffd";

/// Length of an escape like `\ud83d`.
const ESCAPE_BYTES: usize = 6;

/// The same JSON with U+FFFD for each unpaired surrogate, so that every text in it can be read: see [`crate::read`].
#[must_use]
pub fn readable(json: &[u8]) -> Cow<'_, [u8]> {
    replaced(json).map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The same JSON with U+FFFD for each unpaired surrogate; `None` if there is none.
pub(crate) fn replaced(json: &[u8]) -> Option<Vec<u8>> {
    let mut replaced = None;
    let mut at = 0;
    while let Some(found) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        match (escaped(json, at), escaped(json, at + ESCAPE_BYTES)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 2 * ESCAPE_BYTES,
            (Some(0xD800..=0xDFFF), _) => {
                let copy: &mut Vec<u8> = replaced.get_or_insert_with(|| json.to_vec());
                copy[at..at + ESCAPE_BYTES].copy_from_slice(REPLACEMENT);
                at += ESCAPE_BYTES;
            }
            // The first two bytes of any other escape are skipped: the rest of it contains no backslash.
            _ => at = json.len().min(at + 2),
        }
    }
    replaced
}

/// The UTF-16 unit of an escape at this position, if there is one.
fn escaped(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE_BYTES)?.strip_prefix(b"\\u")?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::replaced;

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        assert_eq!(replaced(json.as_bytes()).as_deref(), expected.map(str::as_bytes), "{json}");
    }

    #[test]
    fn an_unpaired_surrogate_is_replaced_and_a_pair_is_kept() {
        check(r#""cut \ud83d""#, Some(r#""cut \ufffd""#));
        check(r#""\uDE00 \ud83d\uD83D\uDE00""#, Some(r#""\ufffd \ufffd\uD83D\uDE00""#));
        check(r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#));
        check(r#""\ud83d\ude00 \u00e9 \n""#, None);
    }

    #[test]
    fn an_escaped_backslash_does_not_start_an_escape() {
        check(r#""\\ud83d""#, None);
        check(r#""\\\ud83d""#, Some(r#""\\\ufffd""#));
        for end in [r#""\"#, r#""\u"#, r#""\ud8"#, r#""\u+83d""#] {
            check(end, None);
        }
    }

    proptest! {
        /// The JSON that JavaScript writes for any UTF-16 text can be read as the lossy decoding of the text.
        #[test]
        fn any_utf16_units_can_be_read(units in proptest::collection::vec(prop_oneof![any::<u16>(), 0xD700_u16..0xE100], 0..20)) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = format!("\"{escapes}\"").into_bytes();
            let text: String = serde_json::from_slice(&replaced(&json).unwrap_or(json)).unwrap();
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }

        #[test]
        fn any_bytes_keep_their_length(json in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8'), any::<u8>()], 0..40)) {
            if let Some(replaced) = replaced(&json) {
                prop_assert_eq!(replaced.len(), json.len());
            }
        }
    }
}
