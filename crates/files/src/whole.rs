//! Reads a file in memory piece by piece, for tests with any bytes.

use crate::{Found, Options, Parser, Unusable};

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The events, as JSON, in order.
    pub events: Vec<String>,
    /// The numbers of bad lines.
    pub bad: Vec<u64>,
    /// The line at which the file ends.
    pub end: u64,
}

/// Reads a whole file in pieces of `piece` bytes, as a program does that reads it from a disk. For tests and fuzzing: it checks the
/// reader's promises about any bytes.
///
/// # Errors
///
/// [`Unusable`] if nothing in the file can be read.
///
/// # Panics
///
/// If the reader breaks a promise: it makes no progress, or returns a line without events.
pub fn read_whole(bytes: &[u8], options: &Options, piece: usize) -> Result<Counts, Unusable> {
    let (mut parser, mut counts) = (Parser::new(options.clone()), Counts::default());
    let (mut begin, mut end, mut idle) = (0, 0, 0);
    loop {
        let is_end = end == bytes.len();
        let line = parser.place().line;
        let step = parser.next(&bytes[begin..end], is_end)?;
        // Before the end it may need more bytes, as often as there are pieces.
        idle = if step.consumed == 0 && is_end { idle + 1 } else { 0 };
        assert!(idle <= 2, "the reader makes no progress");
        begin += step.consumed;
        match step.found {
            Found::Part if is_end => break,
            Found::Part => {
                let ahead = if parser.is_ready() { 0 } else { crate::LOOK_AHEAD };
                assert!(end - begin <= crate::LONGEST + 1 + ahead, "the reader keeps more than a line");
                end = bytes.len().min(end + piece.max(1));
            }
            Found::Nothing => {}
            Found::Bad(_) => counts.bad.push(line),
            Found::Events(events) => {
                assert!(!events.is_empty(), "a line without events is bad");
                counts.events.extend(events.iter().map(|event| event.payload.get().to_owned()));
            }
        }
    }
    assert_eq!(begin, bytes.len(), "nothing is left");
    counts.end = parser.place().line;
    Ok(counts)
}
