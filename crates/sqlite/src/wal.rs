//! Reads a write-ahead log without SQLite, which ignores everything after a damaged frame.
//! <https://sqlite.org/fileformat2.html#walformat>
//!
//! A frame whose checksum does not follow from the previous frame is not always damaged. A transaction that was rolled back, or whose
//! process was killed before its commit was complete, leaves frames after the newest commit. The next transaction overwrites the first of
//! them, and the others stay. The index beside the log shows where the newest commit ends.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::salvage::{DEFAULT_SIZE, is_page_size};
use crate::wal_index;

/// The size of the log's header.
const HEADER: usize = 32;
/// The size of a frame's header.
pub(crate) const FRAME: usize = 24;
/// The first word of a log, without the bit that states the byte order of its checksums.
const MAGIC: u32 = 0x377f_0682;
/// The first word with the byte order of this machine.
const NATIVE_MAGIC: u32 = MAGIC | cfg!(target_endian = "big") as u32;

/// The pages in a log: the offset of the newest version of each.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) offsets: HashMap<u32, u64>,
    pub(crate) page_size: usize,
    /// Whether there is a damaged frame before commits.
    is_damaged: bool,
}

/// The number of attempts to read a log that is restarted while it is read.
const READS: usize = 3;

/// Whether the log of the file at `path` has commits after a damaged frame, or in one. Without an index beside the log, a single commit
/// after such a frame may be one that was never complete; two commits prove damage.
pub(crate) fn is_damaged(path: &Path) -> io::Result<bool> {
    for _ in 0..READS {
        let before = header(path)?;
        if !read(path)?.is_damaged {
            return Ok(false);
        }
        // If another process restarts the log, it overwrites frames that were not read yet.
        if header(path)? == before {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The header of a file's log; `None` if it has none.
fn header(path: &Path) -> io::Result<Option<[u8; HEADER]>> {
    let mut header = [0; HEADER];
    let Some(mut log) = open(path)? else { return Ok(None) };
    Ok(fill(&mut log, &mut header)?.then_some(header))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(crate::beside(path, "-wal")) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Finds the pages in the log of the file at `path`. If the log's header is damaged, [`guessed_header`] replaces it. A frame is valid if
/// its checksum follows from the one that is written in the previous frame, so frames after a damaged one are valid, too. But a frame after
/// the newest commit that the index shows is valid only if it follows from all frames before it.
pub(crate) fn read(path: &Path) -> io::Result<Frames> {
    // The index is read first: if others write meanwhile, the log has at least these commits.
    let index = wal_index::read(path)?;
    let Some(file) = open(path)? else { return Ok(Frames::default()) };
    let length = file.metadata()?.len();
    let mut input = BufReader::new(file);
    let mut header = [0; HEADER];
    if !fill(&mut input, &mut header)? {
        return Ok(Frames::default());
    }
    if is_header(&header) {
        let page_size = usize::try_from(word(&header, 8)).unwrap_or(0);
        let committed = index.filter(|index| index.salts == header[16..24]).map(|index| index.committed);
        return frames(&mut input, &header, page_size, committed);
    }
    let mut found = frames(&mut input, &guessed_header(path)?, DEFAULT_SIZE, None)?;
    found.is_damaged = length > (HEADER + FRAME + DEFAULT_SIZE) as u64 && !found.offsets.is_empty();
    Ok(found)
}

/// Whether the header is as SQLite writes it, with a correct checksum.
fn is_header(header: &[u8; HEADER]) -> bool {
    let is_size = usize::try_from(word(header, 8)).is_ok_and(is_page_size);
    let mut sum = (0, 0);
    add(&mut sum, &header[..24], word(header, 0) & 1 == 1);
    word(header, 0) & !1 == MAGIC && is_size && sum == (word(header, 24), word(header, 28))
}

/// A replacement for a damaged header, with the salts of the second frame, which is in another page of the disk.
fn guessed_header(path: &Path) -> io::Result<[u8; HEADER]> {
    let mut input = BufReader::new(File::open(crate::beside(path, "-wal"))?);
    let mut begin = vec![0; HEADER + FRAME + DEFAULT_SIZE];
    let mut second = [0; FRAME];
    let mut header = [0; HEADER];
    if fill(&mut input, &mut begin)? && fill(&mut input, &mut second)? {
        header[..4].copy_from_slice(&NATIVE_MAGIC.to_be_bytes());
        header[16..24].copy_from_slice(&second[8..16]);
    }
    Ok(header)
}

/// Reads the frames after a header. `committed`: the minimum number of committed frames, if that is known.
fn frames(
    input: &mut impl Read,
    header: &[u8; HEADER],
    page_size: usize,
    committed: Option<u32>,
) -> io::Result<Frames> {
    let mut found = Frames { page_size, ..Frames::default() };
    let big_endian = word(header, 0) & 1 == 1;
    let salts = &header[16..24];
    let mut before = (word(header, 24), word(header, 28));
    let (mut offset, mut number, mut gap) = (HEADER as u64, 0, Gap::None);
    let mut frame = vec![0; FRAME + page_size];
    while fill(input, &mut frame)? {
        number += 1;
        let written = (word(&frame, 16), word(&frame, 20));
        let mut sum = before;
        add(&mut sum, &frame[..8], big_endian);
        add(&mut sum, &frame[FRAME..], big_endian);
        let is_sound = sum == written && &frame[8..16] == salts;
        let is_leftover = committed.is_some_and(|committed| number > committed);
        if is_leftover && (!is_sound || gap != Gap::None) {
            break;
        }
        if is_sound {
            found.offsets.insert(word(&frame, 0), offset + FRAME as u64);
        }
        gap = gap.after(is_sound, word(&frame, 4) != 0);
        found.is_damaged |= gap == Gap::Damage || (!is_sound && committed.is_some());
        before = written;
        offset += frame.len() as u64;
    }
    found.is_damaged |= committed.is_some_and(|committed| number < committed);
    Ok(found)
}

/// The commits since the newest frame that did not follow from the previous one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// There was no such frame.
    None,
    /// No commit: the frames may be uncommitted.
    Begun,
    /// One commit: it may be one that was never complete.
    OneCommit,
    /// Several commits: the first one was complete, so the frame was damaged.
    Damage,
}

impl Gap {
    fn after(self, is_sound: bool, is_commit: bool) -> Self {
        match (self, is_sound, is_commit) {
            (Self::None, true, _) => Self::None,
            (_, false, _) => Self::Begun,
            (Self::Begun, true, true) => Self::OneCommit,
            (Self::OneCommit, true, true) => Self::Damage,
            (same, true, _) => same,
        }
    }
}

/// Adds bytes to the checksum of a log.
pub(crate) fn add(sum: &mut (u32, u32), bytes: &[u8], big_endian: bool) {
    for pair in bytes.chunks_exact(8) {
        let read = |at: usize| {
            let word = word(pair, at);
            if big_endian { word } else { word.swap_bytes() }
        };
        sum.0 = sum.0.wrapping_add(read(0)).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(read(4)).wrapping_add(sum.0);
    }
}

/// The word at a place, in the byte order of this machine.
pub(crate) fn native_word(bytes: &[u8], at: usize) -> u32 {
    if cfg!(target_endian = "big") { word(bytes, at) } else { word(bytes, at).swap_bytes() }
}

/// The big-endian word at a place.
pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

/// Fills a buffer. Returns `false` if the input ends before.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
