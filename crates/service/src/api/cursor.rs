//! Places in lists by (time, id), as opaque text.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::problem::Problem;

/// The place of an entry.
pub(super) fn write(at: Timestamp, id: impl std::fmt::Display) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{id}", at.as_microsecond()))
}

/// The place that a text of [`write()`] names.
pub(super) fn read<I: std::str::FromStr>(cursor: Option<&str>) -> Result<Option<(Timestamp, I)>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let place = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (at, id) = text.split_once(':')?;
        Some((Timestamp::from_microsecond(at.parse().ok()?).ok()?, id.parse().ok()?))
    };
    let wrong = || Problem::invalid("the cursor is not valid: pass `next` of the previous page unchanged");
    place().map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_from_its_text(micros in -1_000_000_000_000_i64..4_000_000_000_000_000, id in any::<i64>()) {
            let at = Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(read(Some(&write(at, id))).ok().flatten(), Some((at, id)));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,40}") {
            drop(read::<i64>(Some(&text)));
        }
    }
}
