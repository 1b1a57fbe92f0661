//! Reads the newest version of each page of a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::{DEFAULT_SIZE, is_page_size};
use crate::wal::{self, Frames};

/// A file and its write-ahead log.
pub(super) struct Pages {
    file: File,
    log: Option<File>,
    frames: Frames,
    size: usize,
    count: u32,
}

impl Pages {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let frames = wal::read(path)?;
        let log =
            if frames.offsets.is_empty() { None } else { Some(File::open(crate::beside(path, "-wal"))?) };
        let size = if frames.offsets.is_empty() { size_in_header(&mut file)? } else { frames.page_size };
        let in_file = u32::try_from(file.metadata()?.len().div_ceil(size as u64)).unwrap_or(u32::MAX);
        let in_log = frames.offsets.keys().copied().max().unwrap_or(0);
        Ok(Self { file, log, frames, size, count: in_file.max(in_log) })
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The size of one page in bytes. Our files have no reserved bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// A page by its number, from 1.
    pub(super) fn read(&self, number: u32) -> io::Result<Vec<u8>> {
        let (mut source, offset) = match (&self.log, self.frames.offsets.get(&number)) {
            (Some(log), Some(offset)) => (log, *offset),
            _ => (&self.file, u64::from(number.saturating_sub(1)) * self.size as u64),
        };
        let mut page = vec![0; self.size];
        source.seek(SeekFrom::Start(offset))?;
        source.read_exact(&mut page)?;
        Ok(page)
    }
}

/// The page size in the file's header, or the default if the header is invalid.
fn size_in_header(file: &mut File) -> io::Result<usize> {
    let mut header = [0; 18];
    let known = file.read_exact(&mut header).is_ok() && header.starts_with(b"SQLite format 3\0");
    let written = usize::from(u16::from_be_bytes([header[16], header[17]]));
    let size = if written == 1 { 65536 } else { written };
    Ok(if known && is_page_size(size) { size } else { DEFAULT_SIZE })
}
