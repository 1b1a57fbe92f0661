//! Reads the number of committed frames from the index of a write-ahead log, without SQLite.
//!
//! SQLite writes the index after it has written a commit to the disk, and deletes it only at a normal shutdown. So after a kill it shows
//! the minimum number of frames that must be readable. <https://sqlite.org/walformat.html#the_wal_index_file_format>

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::wal;

/// The size of the header, which is stored twice.
const HEADER: usize = 48;
/// The version of the format.
const VERSION: u32 = 3_007_000;

/// The content of an index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Index {
    /// The salts of the log's header. They show that the index belongs to the log.
    pub(crate) salts: [u8; 8],
    /// The number of the frame with the newest commit; 0 if there is none.
    pub(crate) committed: u32,
}

/// Reads the index of the log of the file at `path`. `None`: there is none, or another process is writing it now.
pub(crate) fn read(path: &Path) -> io::Result<Option<Index>> {
    let mut headers = [0; 2 * HEADER];
    let mut file = match File::open(crate::beside(path, "-shm")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.read_exact(&mut headers) {
        Ok(()) => Ok(index(&headers)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn index(headers: &[u8; 2 * HEADER]) -> Option<Index> {
    let (header, second) = headers.split_at(HEADER);
    let native = |at: usize| wal::native_word(header, at);
    let mut sum = (0, 0);
    wal::add(&mut sum, &header[..40], cfg!(target_endian = "big"));
    if header != second || native(0) != VERSION || header[12] != 1 || sum != (native(40), native(44)) {
        return None;
    }
    let mut salts = [0; 8];
    salts.copy_from_slice(&header[32..40]);
    Some(Index { salts, committed: native(16) })
}
