//! Parses the times in Segment's events: the ISO 8601 of its spec, and the formats that its libraries send.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::json::Node;

/// Larger numbers are milliseconds since 1970, others seconds.
const MAX_SECONDS: i64 = 100_000_000_000;

/// The time in a value, to the microsecond; `None` if it is not a time.
pub(crate) fn time_of(node: &Node) -> Option<Timestamp> {
    match node {
        Node::Text(text) => parse(text.trim()),
        Node::Number(text) => since_1970(text),
        _ => None,
    }
}

/// The same instant, truncated to the microsecond.
pub(crate) fn to_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Parses Unix seconds or milliseconds from their decimal digits: arithmetic on a double would lose the last
/// microsecond.
fn since_1970(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let finer = if seconds.abs() > MAX_SECONDS { 3 } else { 6 };
    let digits: String = fraction.chars().chain("000000".chars()).take(finer).collect();
    Timestamp::from_microsecond(format!("{whole}{digits}").parse().ok()?).ok()
}

fn parse(text: &str) -> Option<Timestamp> {
    let (year, text) = number(text, 4)?;
    let (month, text) = number(text.strip_prefix('-')?, 2)?;
    let (day, text) = number(text.strip_prefix('-')?, 2)?;
    let ([hour, minute, second, microsecond], text) =
        if text.is_empty() { ([0; 4], text) } else { clock(text.strip_prefix(['T', 't', ' '])?)? };
    let offset = offset(text.trim())?;
    let civil = DateTime::new(
        year as i16,
        month as i8,
        day as i8,
        hour as i8,
        minute as i8,
        // A leap second is read as the second before it.
        if second == 60 { 59 } else { second as i8 },
        microsecond * 1000,
    );
    offset.to_timestamp(civil.ok()?).ok()
}

/// Hour, minute, second, microsecond.
fn clock(text: &str) -> Option<([i32; 4], &str)> {
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text.strip_prefix(':')?, 2)?;
    let (second, text) = match text.strip_prefix(':') {
        Some(text) => number(text, 2)?,
        None => (0, text),
    };
    let (microsecond, text) = fraction(text)?;
    Some(([hour, minute, second, microsecond], text))
}

/// Takes one to `max` digits from the front.
fn number(text: &str, max: usize) -> Option<(i32, &str)> {
    let digits = text.bytes().take(max).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(digits);
    Some((digits.parse().ok()?, rest))
}

/// Microseconds from `.123456789`, or 0 without a fraction. Further digits are truncated.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let Some(text) = text.strip_prefix(['.', ',']) else { return Some((0, text)) };
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    if digits.is_empty() {
        return None;
    }
    let six: String = digits.chars().chain("000000".chars()).take(6).collect();
    Some((six.parse().ok()?, rest))
}

/// Parses `Z`, `+02:00`, `+0200`, `+02`, an empty text (UTC), and an offset with Go's suffix: `+0000 UTC m=+70.2`.
fn offset(text: &str) -> Option<Offset> {
    if ["", "z", "utc", "gmt"].contains(&text.to_lowercase().as_str()) {
        return Some(Offset::UTC);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, text) = number(text.strip_prefix(['+', '-'])?, 2)?;
    let text = text.strip_prefix(':').unwrap_or(text);
    let (minutes, text) =
        if text.starts_with(|c: char| c.is_ascii_digit()) { number(text, 2)? } else { (0, text) };
    // Go adds the name of the zone and its monotonic clock, which are redundant.
    if !(text.is_empty() || text.starts_with(' ')) {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<String> {
        time_of(&crate::parse::parse(json.as_bytes()).unwrap()).map(|time| time.to_string())
    }

    #[test]
    fn every_published_format_is_parsed() {
        let forms = [
            ("\"2019-05-02T14:14:40.519Z\"", "2019-05-02T14:14:40.519Z"),
            ("\"2019-05-02T14:14:40.797536+00:00\"", "2019-05-02T14:14:40.797536Z"),
            ("\"2015-08-04T01:04:24+02:00\"", "2015-08-03T23:04:24Z"),
            ("\"2015-08-04T01:04:24.1234567-0330\"", "2015-08-04T04:34:24.123456Z"),
            ("\"2018-09-05T23:05:25.862826965Z\"", "2018-09-05T23:05:25.862826Z"),
            ("\"2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.29\"", "2020-05-09T23:54:49.209808Z"),
            ("\"2015-2-02T00:30:08.276Z\"", "2015-02-02T00:30:08.276Z"),
            ("\" 2015-02-02T00:30:08 \"", "2015-02-02T00:30:08Z"),
            ("1556806480", "2019-05-02T14:14:40Z"),
            ("\"2015-02-02\"", "2015-02-02T00:00:00Z"),
            ("\"2016-12-31T23:59:60,5 GMT\"", "2016-12-31T23:59:59.5Z"),
            ("1556806480.123456", "2019-05-02T14:14:40.123456Z"),
            ("1556806480519", "2019-05-02T14:14:40.519Z"),
        ];
        for (form, time) in forms {
            assert_eq!(read(form).as_deref(), Some(time), "{form}");
        }
    }

    #[test]
    fn any_other_value_is_not_a_time() {
        for form in [
            "\"\"",
            "\"soon\"",
            "null",
            "true",
            "\"2015-13-02T00:30:08Z\"",
            "\"2015-02-02T00:30:08 CEST\"",
            "\"2015-02-02T00:30:08+1x\"",
        ] {
            assert_eq!(read(form), None, "{form}");
        }
    }
}
