//! Ends of lines: LF, CR LF, or CR alone, also mixed in one file.

use serde_json::value::RawValue;

use crate::LONGEST;

/// The end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The length of its text in bytes.
    pub(crate) text: usize,
    /// The offset at which the next line begins.
    pub(crate) next: usize,
}

/// The end of the line at the beginning of the bytes. `None` if there is no end, or if the bytes end with a CR that an LF may follow.
pub(crate) fn end(bytes: &[u8], is_end: bool) -> Option<End> {
    let text = memchr::memchr2(b'\n', b'\r', bytes)?;
    match (bytes[text], bytes.get(text + 1)) {
        (b'\n', _) => Some(End { text, next: text + 1 }),
        (_, Some(b'\n')) => Some(End { text, next: text + 2 }),
        (_, None) if !is_end => None,
        _ => Some(End { text, next: text + 1 }),
    }
}

/// The number of bytes without a last CR that an LF may follow.
pub(crate) fn known(bytes: &[u8], is_end: bool) -> usize {
    bytes.len() - usize::from(!is_end && bytes.ends_with(b"\r"))
}

/// The number of line ends in the bytes, which must not end between a CR and its LF.
pub(crate) fn count(bytes: &[u8]) -> u64 {
    let is_end = |at: &usize| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n');
    memchr::memchr2_iter(b'\n', b'\r', bytes).filter(is_end).count() as u64
}

/// The end of the line of JSON at the beginning of the bytes; `first` is the first line end. A CR may also be white space within an object,
/// which then continues after it; a JSON string cannot contain one. `None`: more bytes are needed.
pub(crate) fn end_of_json(bytes: &[u8], is_end: bool, first: End) -> Option<End> {
    let is_lone_cr = bytes.get(first.text) == Some(&b'\r') && first.next == first.text + 1;
    if !is_lone_cr {
        return Some(first);
    }
    let near = &bytes[..bytes.len().min(LONGEST)];
    let line = &near[..memchr::memchr(b'\n', near).unwrap_or(near.len())];
    let may_go_on = line.len() == bytes.len() && line.len() < LONGEST && !is_end;
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<&RawValue>();
    let value = match values.next() {
        Some(Ok(_)) => values.byte_offset(),
        Some(Err(error)) if error.is_eof() && may_go_on => return None,
        _ => return Some(first),
    };
    if value <= first.text {
        return Some(first);
    }
    match end(&bytes[value..], is_end) {
        Some(end) => Some(End { text: value + end.text, next: value + end.next }),
        None if is_end => Some(End { text: bytes.len(), next: bytes.len() }),
        None if known(bytes, is_end) <= LONGEST => None,
        None => Some(first),
    }
    .map(|end| if end.text > LONGEST { first } else { end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_is_lf_cr_lf_or_cr_alone() {
        let at = |text, next| Some(End { text, next });
        assert_eq!(end(b"a\nb", false), at(1, 2));
        assert_eq!(end(b"a\r\nb", false), at(1, 3));
        assert_eq!(end(b"a\rb", false), at(1, 2));
        assert_eq!(end(b"a\r", true), at(1, 2));
        assert_eq!((end(b"a\r", false), known(b"a\r", false)), (None, 1), "an LF may follow");
        assert_eq!(count(b"a\rb\r\nc\n\n\r\rd"), 6);
    }

    #[test]
    fn an_object_continues_after_a_cr_within_it() {
        let of = |text: &str, is_end| {
            let first = end(text.as_bytes(), is_end).unwrap();
            end_of_json(text.as_bytes(), is_end, first).map(|end| end.text)
        };
        assert_eq!(of("{\"a\":1}\r{\"b\":2}\r", false), Some(7));
        assert_eq!(of("{\"a\":\r1}\r{\"b\":2}\r", false), Some(8));
        assert_eq!(of("{\"a\":\r1}", true), Some(8));
        assert_eq!(of("{\"a\":\r1}", false), None);
        assert_eq!(of("{\"a\":\r ", false), None, "it may go on");
        assert_eq!(of("{\"a\":\r{\"b\":2}\r", true), Some(5), "what is no JSON costs its line alone");
        assert_eq!(of("{\"a\r\":1}\r", true), Some(3));
    }
}
