//! A reader of files with events: lines of JSON, and the CSV exports of Segment Engage.
//!
//! The reader performs no IO and reads no clock: the caller passes the bytes of a file to [`Parser`] piece by piece, and gets events and
//! bad lines. It holds one record at most, so the size of a file does not matter. Every event that it returns can be read by
//! [`segment::read`], or is of a type that this destination skips. `docs/connect-segment.md` describes the formats for users.

mod event;
mod external_ids;
mod identifiers;
mod layout;
mod lines;
mod ndjson;
mod parser;
mod place;
mod reason;
mod row;
mod step;
mod table;
mod whole;

use jiff::Timestamp;

pub use event::{Event, Kind};
pub use parser::{Form, Options, Parser};
pub use place::Place;
pub use reason::{Reason, Unusable};
pub use step::{Found, Step};
pub use whole::{Counts, read_whole};

/// Upper limit of bytes in a line of JSON, and in a row of CSV: the same as for an event from any other source.
pub const LONGEST: usize = segment::tracking::MAX_EVENT_BYTES;

/// Upper limit of bytes after the header of an export that are buffered and examined to find out what its rows state.
pub const LOOK_AHEAD: usize = 16 * LONGEST;

/// The time of receipt for checking events: later than any time that an event can state.
const LATEST: Timestamp = Timestamp::constant(221_845_392_000, 0);
