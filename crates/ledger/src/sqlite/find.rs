//! The search index of events: sorted entries, one row for each transaction that recorded events.
//!
//! Recording appends to one table, regardless of the number of events and digests. Searching scans all rows, newest
//! first: this is slower, but only operators do it.

use identity::Digest;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::failure::Failure;

/// The number of rows that are scanned in one piece of work, so that other work gets its turn between two pieces.
pub(super) const ROWS_AT_ONCE: i64 = 5_000;

/// An entry: the first bytes of a digest, and the distance of the event from the first one of the row.
const ENTRY_BYTES: usize = PREFIX_BYTES + 4;
const PREFIX_BYTES: usize = 8;

const INSERT: &str = "INSERT INTO findable (last_event, first_event, entries) VALUES (?1, ?2, ?3)";

const READ: &str = "SELECT last_event, first_event, entries FROM findable
    WHERE last_event < ?1 ORDER BY last_event DESC LIMIT ?2";

const FOUND_BY: &str = "SELECT found_by FROM events WHERE id = ?1";

/// The entries of one transaction.
#[derive(Default)]
pub(super) struct Entries {
    rows: Option<(i64, i64)>,
    digests: Vec<([u8; PREFIX_BYTES], i64)>,
}

impl Entries {
    /// Adds an event. The caller adds them in the order of their rows.
    pub(super) fn add(&mut self, row: i64, digests: &[Digest]) {
        self.rows = Some((self.rows.map_or(row, |(first, _)| first), row));
        self.digests.extend(digests.iter().map(|digest| (prefix(digest), row)));
    }

    /// Writes the entries, sorted. Writes nothing if no event was added.
    pub(super) fn write(mut self, database: &Connection) -> Result<(), Failure> {
        let Some((first, last)) = self.rows else { return Ok(()) };
        self.digests.sort_unstable();
        let mut entries = Vec::with_capacity(self.digests.len() * ENTRY_BYTES);
        for (prefix, row) in self.digests {
            let distance = u32::try_from(row - first).map_err(|_| {
                Failure::Broken("more than 4,294,967,295 events in one transaction".to_owned())
            })?;
            entries.extend(prefix);
            entries.extend(distance.to_be_bytes());
        }
        database.prepare_cached(INSERT)?.execute((last, first, entries))?;
        Ok(())
    }
}

/// The result of one piece of a search.
pub(super) struct Piece {
    /// Rows of events, newest first.
    pub(super) events: Vec<i64>,
    /// The place where the next piece continues; `None` at the end.
    pub(super) below: Option<i64>,
}

/// Searches for events with any of the digests, in rows older than `below`.
pub(super) fn piece(database: &Connection, digests: &[Digest], below: i64) -> Result<Piece, Failure> {
    let mut statement = database.prepare_cached(READ)?;
    let mut rows = statement.query((below, ROWS_AT_ONCE))?;
    let mut piece = Piece { events: Vec::new(), below: None };
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        let entries = row.get_ref(2)?.as_blob().map_err(|error| Failure::Unreadable(error.into()))?;
        let mut events = in_row(entries, row.get(1)?, digests);
        events.sort_unstable_by(|a, b| b.cmp(a));
        events.dedup();
        for event in events {
            if is_found_by(database, event, digests)? {
                piece.events.push(event);
            }
        }
        seen += 1;
        piece.below = (seen == ROWS_AT_ONCE).then_some(row.get(0)?);
    }
    Ok(piece)
}

fn in_row(entries: &[u8], first: i64, digests: &[Digest]) -> Vec<i64> {
    let entries = entries.as_chunks::<ENTRY_BYTES>().0;
    let mut events = Vec::new();
    for digest in digests {
        let prefix = prefix(digest);
        let begin = entries.partition_point(|entry| entry[..PREFIX_BYTES] < prefix[..]);
        let same = entries[begin..].iter().take_while(|entry| entry[..PREFIX_BYTES] == prefix);
        events.extend(same.map(|&[.., a, b, c, d]| first + i64::from(u32::from_be_bytes([a, b, c, d]))));
    }
    events
}

/// Whether the event still exists, and one of its whole digests matches.
fn is_found_by(database: &Connection, event: i64, digests: &[Digest]) -> Result<bool, Failure> {
    let found_by: Option<Vec<u8>> =
        database.prepare_cached(FOUND_BY)?.query_row([event], |row| row.get(0)).optional()?;
    let found_by = found_by.unwrap_or_default();
    Ok(found_by.as_chunks::<16>().0.iter().any(|known| digests.iter().any(|digest| digest.0 == *known)))
}

fn prefix(digest: &Digest) -> [u8; PREFIX_BYTES] {
    let mut prefix = [0; PREFIX_BYTES];
    prefix.copy_from_slice(&digest.0[..PREFIX_BYTES]);
    prefix
}
