//! Where in a file the reader is.

use crate::lines;

/// How far a file has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before this place.
    pub bytes: u64,
    /// Number of the line that begins here, from 1.
    pub line: u64,
}

impl Place {
    /// The begin of a file.
    pub const BEGIN: Self = Self { bytes: 0, line: 1 };

    /// Moves behind these bytes, which do not end within a line end.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.line += lines::count(bytes);
    }
}
