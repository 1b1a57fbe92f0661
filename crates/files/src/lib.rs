//! A reader of files with events: lines of JSON, and the CSV exports of Segment Engage.
//!
//! The reader performs no IO and reads no clock: [`Parser`] is handed the bytes of a file piece by piece, and returns events
//! and bad lines. It holds one record at most, so the size of a file does not matter. Every event that it returns can be read
//! by [`segment::read`], or is of a type that this destination skips. `docs/connect-segment.md` describes the formats for users.

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

/// Upper limit of bytes in a line of JSON, and in a row of CSV: that of an event anywhere else.
pub const LONGEST: usize = segment::tracking::MAX_EVENT_BYTES;

/// Upper limit of bytes behind the header of an export that are looked at, and kept until then, to find out what its rows are.
pub const LOOK_AHEAD: usize = 16 * LONGEST;

/// The time of receipt with which events are checked: later than any that they state.
const LATEST: Timestamp = Timestamp::constant(221_845_392_000, 0);
