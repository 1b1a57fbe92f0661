//! Parses times in all formats that occur: ISO 8601 and close variants, Go's own format, numbers.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::node::{Node, Number};

/// A larger number counts milliseconds: as seconds it would be 3,000 years in the future.
const MAX_SECONDS: i128 = 100_000_000_000;

/// Maximum length of a text that is parsed. The longest format has about 60 characters.
const MAX_BYTES: usize = 100;

pub(crate) fn time(node: &Node<'_>) -> Option<Timestamp> {
    match node {
        Node::Text(text) if text.len() <= MAX_BYTES => from_text(text.trim()),
        Node::Number(number) => from_number(number),
        _ => None,
    }
}

/// Parses Unix seconds or milliseconds from their decimal text: arithmetic on a double would lose the last microsecond.
fn from_number(number: &Number<'_>) -> Option<Timestamp> {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(whole) => (-1, whole),
        None => (1, whole),
    };
    let whole: i128 = whole.parse().ok()?;
    let digits = if whole > MAX_SECONDS { 3 } else { 6 };
    let micros = whole.checked_mul(10_i128.pow(digits))? + i128::from(leading_digits(fraction, digits));
    Timestamp::from_microsecond(i64::try_from(sign * micros).ok()?).ok()
}

/// Parses `2019-05-02T14:14:40.519Z` and close variants. A time without an offset is UTC.
fn from_text(text: &str) -> Option<Timestamp> {
    let mut scan = Scan { rest: text };
    let (year, month, day) = date(&mut scan)?;
    let (hour, minute, second, nanos) = if scan.rest.is_empty() { (0, 0, 0, 0) } else { clock(&mut scan)? };
    let offset = offset(&mut scan)?;
    let local = DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
    offset.to_timestamp(local).ok()
}

fn date(scan: &mut Scan<'_>) -> Option<(i16, i8, i8)> {
    let year = scan.number(4, 4)?;
    scan.take('-')?;
    let month = scan.number(1, 2)?;
    scan.take('-')?;
    let day = scan.number(1, 2)?;
    Some((i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?))
}

fn clock(scan: &mut Scan<'_>) -> Option<(i8, i8, i8, i32)> {
    scan.take_any(&['T', 't', ' '])?;
    let hour = scan.number(1, 2)?;
    scan.take(':')?;
    let minute = scan.number(1, 2)?;
    let second = if scan.take(':').is_some() { scan.number(1, 2)? } else { 0 };
    let nanos =
        if scan.take_any(&['.', ',']).is_some() { leading_digits(scan.digits(1, MAX_BYTES)?, 9) } else { 0 };
    // A leap second is read as the second before it.
    let second = if second == 60 { 59 } else { second };
    Some((
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        i32::try_from(nanos).ok()?,
    ))
}

/// Parses the part after the clock: empty, a name of UTC, or an offset, which Go follows with more.
fn offset(scan: &mut Scan<'_>) -> Option<Offset> {
    scan.rest = scan.rest.trim_start();
    if ["", "z", "utc", "gmt"].contains(&scan.rest.to_ascii_lowercase().as_str()) {
        return Some(Offset::UTC);
    }
    let sign = if scan.take('+').is_some() { 1 } else { scan.take('-').map(|()| -1)? };
    let hours = scan.number(2, 2)?;
    let colon = scan.take(':').is_some();
    let minutes = match scan.number(2, 2) {
        Some(minutes) => minutes,
        None if colon => return None,
        None => 0,
    };
    if minutes > 59 || !is_go_suffix(scan.rest) {
        return None;
    }
    Offset::from_seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?).ok()
}

/// Whether the rest is the part that Go adds after the offset, as in `2020-05-09 23:54:49.209808489 +0000 UTC
/// m=+70366.296`: the name of the zone and the monotonic clock, which are redundant.
fn is_go_suffix(rest: &str) -> bool {
    let is_zone = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-');
    (rest.is_empty() || rest.starts_with(' '))
        && rest.split(' ').all(|word| word.starts_with("m=") || is_zone(word))
}

/// The first `count` digits as a number, padded with zeros.
fn leading_digits(digits: &str, count: u32) -> u32 {
    let mut digits = digits.bytes().map(|digit| u32::from(digit - b'0'));
    (0..count).fold(0, |sum, _| sum * 10 + digits.next().unwrap_or(0))
}

struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn take(&mut self, wanted: char) -> Option<()> {
        self.take_any(&[wanted])
    }

    fn take_any(&mut self, wanted: &[char]) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    /// Takes between `min` and `max` ASCII digits.
    fn digits(&mut self, min: usize, max: usize) -> Option<&'a str> {
        let found = self.rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(found);
        (found >= min).then(|| {
            self.rest = rest;
            digits
        })
    }

    /// Takes a number of at most four digits, which always fits.
    fn number(&mut self, min: usize, max: usize) -> Option<u32> {
        self.digits(min, max)?.parse().ok()
    }
}

#[cfg(test)]
mod tests;
