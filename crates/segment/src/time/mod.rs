//! The time of an event.
//!
//! Libraries of a dozen languages write these times, so the reader accepts all formats that Segment's pages and
//! libraries use. A time that cannot be read counts as missing: no event is refused because of its time.

mod parse;

use jiff::Timestamp;

use crate::fields::Fields;

/// The fields with times, in order of precedence: Segment's corrected time, the sender's clocks, Segment's clock.
const SOURCES: [&str; 4] = ["timestamp", "originaltimestamp", "sentat", RECEIVED_AT];
const RECEIVED_AT: &str = "receivedat";

/// The time of an identify: never after its receipt, nor after the receipt of its first attempt at Segment. So a
/// retry is as old as the first attempt, and a wrong clock cannot win every comparison for years.
pub(crate) fn of_identify(top: &Fields<'_>, received_at: Timestamp) -> Timestamp {
    let read = |key| top.get(key).and_then(parse::time).map(to_the_microsecond);
    let stated = SOURCES.into_iter().find_map(read).unwrap_or(received_at);
    stated.min(received_at).min(read(RECEIVED_AT).unwrap_or(received_at))
}

/// Truncates a time to the microsecond, the resolution that every store supports.
pub(crate) fn to_the_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).expect("whole microseconds of a time are a time")
}
