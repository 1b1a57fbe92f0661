//! Text that was cut in the middle of a character: JavaScript writes what is left as half of a surrogate pair.
//!
//! A source that keeps the first 140 characters of a text may end it in half an emoji, and its `JSON.stringify` writes
//! `\ud83d`. No customer can change that, and the rest of the event is sound.

/// What stands for the lost character: U+FFFD, as in every decoder that goes on.
const LOST: &[u8; ESCAPE_BYTES] = b"\\ufffd";

/// Bytes of an escape like `\ud83d`.
const ESCAPE_BYTES: usize = 6;

/// The same JSON with U+FFFD for each half of a pair that stands alone; `None` if there is none.
pub(crate) fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let mut mended = None;
    let mut at = 0;
    while let Some(found) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        match (escaped(json, at), escaped(json, at + ESCAPE_BYTES)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 2 * ESCAPE_BYTES,
            (Some(0xD800..=0xDFFF), _) => {
                mended.get_or_insert_with(|| json.to_vec())[at..at + ESCAPE_BYTES].copy_from_slice(LOST);
                at += ESCAPE_BYTES;
            }
            // Of any other escape the first two bytes are enough: what follows in it is no backslash.
            _ => at = json.len().min(at + 2),
        }
    }
    mended
}

/// The UTF-16 unit that is escaped here, if one is.
fn escaped(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE_BYTES)?.strip_prefix(b"\\u")?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::mended;

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        assert_eq!(mended(json.as_bytes()).as_deref(), expected.map(str::as_bytes), "{json}");
    }

    #[test]
    fn a_half_that_stands_alone_is_replaced_and_a_pair_stays() {
        check(r#""cut \ud83d""#, Some(r#""cut \ufffd""#));
        check(r#""\uDE00 \ud83d\uD83D\uDE00""#, Some(r#""\ufffd \ufffd\uD83D\uDE00""#));
        check(r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#));
        check(r#""\ud83d\ude00 \u00e9 \n""#, None);
    }

    #[test]
    fn an_escaped_backslash_begins_no_escape() {
        check(r#""\\ud83d""#, None);
        check(r#""\\\ud83d""#, Some(r#""\\\ufffd""#));
        for end in [r#""\"#, r#""\u"#, r#""\ud8"#, r#""\u+83d""#] {
            check(end, None);
        }
    }

    proptest! {
        /// Whatever units of UTF-16 a text is made of, JavaScript's JSON of it can be read as its lossy decoding.
        #[test]
        fn any_units_can_be_read(units in proptest::collection::vec(prop_oneof![any::<u16>(), 0xD700_u16..0xE100], 0..20)) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = format!("\"{escapes}\"").into_bytes();
            let text: String = serde_json::from_slice(&mended(&json).unwrap_or(json)).unwrap();
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }

        #[test]
        fn any_bytes_keep_their_length(json in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8'), any::<u8>()], 0..40)) {
            if let Some(mended) = mended(&json) {
                prop_assert_eq!(mended.len(), json.len());
            }
        }
    }
}
