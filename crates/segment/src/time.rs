//! When an event was said, from whatever forms of time are in it.
//!
//! Libraries of a dozen languages write these times, so all forms that Segment's pages and libraries show are read, and
//! a time that cannot be read is simply not there: no event is refused for its time.

mod parse;

use jiff::Timestamp;

use crate::fields::Fields;

/// Segment's corrected time first, then the sender's clocks, then Segment's clock.
const SOURCES: [&str; 4] = ["timestamp", "originaltimestamp", "sentat", RECEIVED_AT];
const RECEIVED_AT: &str = "receivedat";

/// When an identify was said: never after it reached us, nor after its first try reached Segment (so that a retry is
/// as old as the first try, and no wrong clock wins every comparison for years).
pub(crate) fn of_identify(top: &Fields<'_>, received_at: Timestamp) -> Timestamp {
    let read = |key| top.get(key).and_then(parse::time).map(to_the_microsecond);
    let said = SOURCES.into_iter().find_map(read).unwrap_or(received_at);
    said.min(received_at).min(read(RECEIVED_AT).unwrap_or(received_at))
}

/// Cuts what is finer than a microsecond, which not every store can keep.
pub(crate) fn to_the_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).expect("whole microseconds of a time are a time")
}
