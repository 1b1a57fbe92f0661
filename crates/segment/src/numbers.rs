//! Numbers that neither 64 bits nor a double hold: ids of 21 digits, and `1e400`.
//!
//! `serde_json` makes a double of the first, which loses digits, and refuses an event with the second. So such a number is
//! wrapped before the event is parsed, and read as it is written. The crate's own feature for this would change its type
//! for every crate of the workspace.

use std::borrow::Cow;

/// The name of the only member of a wrapped number. A source may send such an object itself: it is read as a number if its
/// text would have been wrapped, and else as any other object.
pub(crate) const MARK: &str = "\0number";

/// The same JSON with those numbers wrapped, as `{"\u0000number":"1e400"}`.
pub(crate) fn wrapped(json: &[u8]) -> Cow<'_, [u8]> {
    let mut wrapped: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut at = 0;
    while at < json.len() {
        match json[at] {
            b'"' => at = end_of_text(json, at),
            b'-' | b'0'..=b'9' => {
                let end = end_of_token(json, at);
                if is_lost(&json[at..end]) {
                    let copy = wrapped.get_or_insert_with(|| Vec::with_capacity(json.len() + 64));
                    copy.extend_from_slice(&json[copied..at]);
                    copy.extend_from_slice(br#"{"\u0000number":""#);
                    copy.extend_from_slice(&json[at..end]);
                    copy.extend_from_slice(br#""}"#);
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    match wrapped {
        Some(mut copy) => {
            copy.extend_from_slice(&json[copied..]);
            Cow::Owned(copy)
        }
        None => Cow::Borrowed(json),
    }
}

/// The position after the text or number that begins here.
pub(crate) fn end_of_token(json: &[u8], start: usize) -> usize {
    match json.get(start) {
        Some(b'"') => end_of_text(json, start),
        _ => start + json[start..].iter().take_while(|byte| is_of_a_number(**byte)).count(),
    }
}

/// The position after the text that begins here.
fn end_of_text(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < json.len() {
        match json[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

fn is_of_a_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Whether this is a number, and `serde_json` would lose digits of it, or all of it.
pub(crate) fn is_lost(token: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(token) else { return false };
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    // A leading zero is not JSON, and has to stay an error.
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || is_zero_first(digits) {
        return false;
    }
    if is_whole {
        return text.parse::<u64>().is_err() && text.parse::<i64>().is_err();
    }
    is_number(digits) && text.parse::<f64>().is_ok_and(f64::is_infinite)
}

fn is_zero_first(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit()
}

/// Whether a text without a sign is a JSON number: `12`, `12.5`, `12.5e-7`.
fn is_number(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(one, two)| (one, Some(two)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(one, two)| (one, Some(two)));
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    is_digits(whole) && fraction.is_none_or(is_digits) && exponent.is_none_or(is_digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Cow, wrapped};
    use crate::node::Node;

    fn numbers_of(json: &str) -> Vec<String> {
        let bytes = wrapped(json.as_bytes());
        let Node::List(items) = Node::parse(&bytes).unwrap() else { panic!("a list") };
        let text = |node: &Node<'_>| match node {
            Node::Number(number) => number.to_string(),
            _ => panic!("a number"),
        };
        items.iter().map(text).collect()
    }

    #[test]
    fn numbers_beyond_a_double_are_kept_as_written() {
        let many = "9".repeat(400);
        let json = format!("[123456789012345678901, -123456789012345678901 ,1e400,-2.5E+999,{many}]");
        let expected = ["123456789012345678901", "-123456789012345678901", "1e400", "-2.5E+999", &many];
        assert_eq!(numbers_of(&json), expected);
    }

    #[test]
    fn all_other_numbers_are_left_to_the_parser() {
        for json in [
            "[0,-1,18446744073709551615,-9223372036854775808,1.5,1e308,12345678901234567890.5]",
            r#"{"a":"123456789012345678901","\"1e400":"\\"}"#,
            "[1e-400]",
        ] {
            assert!(matches!(wrapped(json.as_bytes()), Cow::Borrowed(_)), "{json}");
        }
    }

    #[test]
    fn invalid_numbers_stay_errors() {
        let digits = "1".repeat(30);
        for json in [
            format!("[0{digits}]"),
            format!("[{digits}.]"),
            "[1e400.5]".into(),
            format!("[{digits}-]"),
            "[1e+]".into(),
        ] {
            assert!(Node::parse(&wrapped(json.as_bytes())).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_cause_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = wrapped(&bytes);
        }

        #[test]
        fn an_integer_of_any_length_is_exact(digits in "-?[1-9][0-9]{0,60}") {
            prop_assert_eq!(numbers_of(&format!("[{digits}]")), [digits]);
        }
    }
}
