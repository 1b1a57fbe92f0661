//! The reader's place in a file.

use crate::lines;

/// A place in a file, up to which it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before this place.
    pub bytes: u64,
    /// Number of the line that begins here, from 1.
    pub line: u64,
}

impl Place {
    /// The beginning of a file.
    pub const BEGIN: Self = Self { bytes: 0, line: 1 };

    /// Moves to the end of these bytes, which must not end between a CR and its LF.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.line += lines::count(bytes);
    }
}
