//! One event of a file, and its identity.

use std::fmt;

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// One event.
pub struct Event {
    /// Its kind.
    pub kind: Kind,
    /// The JSON of the event.
    pub payload: Box<RawValue>,
    /// A hash of the line, its number and the seed of its file: the same each time that the file is read.
    pub digest: [u8; 16],
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Traits of a user.
    Identify,
    /// A request to delete a user.
    Delete,
    /// Another type, which this destination skips.
    Other,
}

impl fmt::Debug for Event {
    /// Leaves the payload out, because it is personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Event")
            .field("kind", &self.kind)
            .field("payload_bytes", &self.payload.get().len())
            .finish_non_exhaustive()
    }
}

/// Identifies the events of one line. `seed` is the same for all lines of a file.
#[derive(Clone)]
pub(crate) struct LineId {
    hash: Sha256,
    line: u64,
}

impl LineId {
    pub(crate) fn new(seed: &[u8], line: u64, bytes: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [seed, &line.to_le_bytes(), bytes] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self { hash, line }
    }

    /// The digest of an event of the line.
    pub(crate) fn digest(&self, number: u64) -> [u8; 16] {
        let mut hash = self.hash.clone();
        hash.update(number.to_le_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        digest
    }

    /// The message id for an event of the line that has none.
    pub(crate) fn message_id(&self, digest: [u8; 16]) -> String {
        format!("file-{:032x}-{}", u128::from_be_bytes(digest), self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_depends_on_the_line_its_number_and_what_the_file_states() {
        let id = |seed: &str, line, bytes: &str, number| {
            let ids = LineId::new(seed.as_bytes(), line, bytes.as_bytes());
            ids.message_id(ids.digest(number))
        };
        let first = id("vip", 2, "a", 0);
        assert_eq!(first, id("vip", 2, "a", 0));
        for other in [id("new", 2, "a", 0), id("vip", 3, "a", 0), id("vip", 2, "b", 0), id("vip", 2, "a", 1)]
        {
            assert_ne!(first, other);
        }
        assert!(first.starts_with("file-") && first.ends_with("-2") && first.len() < 100, "{first}");
    }
}
