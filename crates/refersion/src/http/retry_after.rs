//! Reads the header `Retry-After`, which is a number of seconds or an HTTP date (RFC 9110, section 10.2.3).

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Maximum wait: a mistaken header must not stop an account for ever.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Wait for a date whose distance is unknown, because the answer has no `Date`.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// The wait that the header asks for, at most one day; `None` if it is neither a number nor a date. A date is
/// measured from the answer's own `Date`, so that the local clock does not matter.
pub(super) fn read(header: &str, answered_at: Option<&str>) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(MAX_WAIT));
    }
    let until = date(header)?;
    let wait = match answered_at.and_then(date) {
        Some(now) => Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO),
        None => DEFAULT_WAIT,
    };
    Some(wait.min(MAX_WAIT))
}

fn date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DEFAULT_WAIT, MAX_WAIT, read};

    const NOW: Option<&str> = Some("Sun, 06 Nov 1994 08:49:37 GMT");

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(read(" 120 ", NOW), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:51:37 GMT", NOW), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:00 GMT", NOW), Some(Duration::ZERO));
        assert_eq!(read("Sun, 06 Nov 1994 08:51:37 GMT", None), Some(DEFAULT_WAIT));
    }

    #[test]
    fn an_invalid_value_is_ignored_and_no_wait_is_longer_than_a_day() {
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(text, NOW), None, "{text}");
        }
        assert_eq!(read("18446744073709551615", NOW), Some(MAX_WAIT));
        assert_eq!(read("Sun, 06 Nov 2094 08:49:37 GMT", NOW), read("99999999", None));
    }
}
