//! The time of an event.
//!
//! Libraries of a dozen languages write these times, so the reader accepts all formats that Segment's pages and
//! libraries use. A time that cannot be read counts as missing: no event is refused because of its time.

mod parse;

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::fields::Fields;
use crate::node::Node;

/// The fields with times, in order of precedence: Segment's corrected time, the sender's clocks. Segment's own clock follows.
const SOURCES: [&str; 3] = ["timestamp", "originaltimestamp", "sentat"];

/// The first year that is believed. An earlier time is that of a clock that was never set, or a zero value of some library
/// (1970, 1900, the year 1): no website called Segment then.
const FIRST_YEAR: i16 = 2000;

/// The time of an identify: never after its receipt, nor after the receipt of its first attempt at Segment. So a
/// retry is as old as the first attempt, and a wrong clock cannot win every comparison for years.
pub(crate) fn of_identify(
    top: &Fields<'_>,
    received_at: Timestamp,
    at_segment: Option<Timestamp>,
) -> Timestamp {
    let latest = at_segment.map_or(received_at, |time| time.min(received_at));
    SOURCES.into_iter().find_map(|key| read(top, key)).map_or(latest, |stated| stated.min(latest))
}

/// When Segment received the event, as the event says.
pub(crate) fn at_segment(top: &Fields<'_>) -> Option<Timestamp> {
    read(top, "receivedat")
}

/// The time in a field. One before the year 2000 counts as missing.
fn read(top: &Fields<'_>, key: &str) -> Option<Timestamp> {
    let is_set = |time: &Timestamp| Offset::UTC.to_datetime(*time).year() >= FIRST_YEAR;
    top.all(key).filter_map(parse::time).find(is_set).map(to_the_microsecond)
}

/// The time that a value states, if it states one.
pub(crate) fn parsed(node: &Node<'_>) -> Option<Timestamp> {
    parse::time(node)
}

/// Truncates a time to the microsecond, the resolution that every store supports.
pub(crate) fn to_the_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).expect("whole microseconds of a time are a time")
}
