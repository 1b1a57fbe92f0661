//! Reads a write-ahead log without SQLite, which passes over everything behind a damaged frame.
//! <https://sqlite.org/fileformat2.html#walformat>

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::salvage::{DEFAULT_SIZE, is_page_size};

/// The size of the log's header.
const HEADER: usize = 32;
/// The size of a frame's header.
pub(crate) const FRAME: usize = 24;
/// The beginning of a log, less the bit that says how its checksums read words.
const MAGIC: u32 = 0x377f_0682;
/// The same with the bit as this machine writes it.
const NATIVE_MAGIC: u32 = MAGIC | cfg!(target_endian = "big") as u32;

/// Where a log keeps the newest version of each page: the offset of its bytes.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) offsets: HashMap<u32, u64>,
    pub(crate) page_size: usize,
    /// A frame that is damaged is followed by one that is not.
    has_gap: bool,
}

/// Whether a damaged frame stands before sound ones.
pub(crate) fn has_gap(log: &Path) -> io::Result<bool> {
    Ok(read(log)?.has_gap)
}

/// Reads which pages a log holds. No file, or one whose header makes no sense, holds none. A frame counts if its checksum
/// follows from the one written in the frame before it, so that those behind a damaged one count too.
pub(crate) fn read(log: &Path) -> io::Result<Frames> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Frames::default()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let mut input = BufReader::new(file);
    let mut header = [0; HEADER];
    if !fill(&mut input, &mut header)? {
        return Ok(Frames::default());
    }
    if is_header(&header) {
        let page_size = usize::try_from(word(&header, 8)).unwrap_or(0);
        return frames(&mut input, &header, page_size);
    }
    let mut found = frames(&mut input, &guessed_header(log)?, DEFAULT_SIZE)?;
    found.has_gap = length > (HEADER + FRAME + DEFAULT_SIZE) as u64 && !found.offsets.is_empty();
    Ok(found)
}

/// Whether a log begins as SQLite writes it, with a checksum over itself.
fn is_header(header: &[u8; HEADER]) -> bool {
    let is_size = usize::try_from(word(header, 8)).is_ok_and(is_page_size);
    let mut sum = (0, 0);
    add(&mut sum, &header[..24], word(header, 0) & 1 == 1);
    word(header, 0) & !1 == MAGIC && is_size && sum == (word(header, 24), word(header, 28))
}

/// Stands in for a damaged header: with the salts of the second frame, which is in another page of the disk.
fn guessed_header(log: &Path) -> io::Result<[u8; HEADER]> {
    let mut input = BufReader::new(File::open(log)?);
    let mut begin = vec![0; HEADER + FRAME + DEFAULT_SIZE];
    let mut second = [0; FRAME];
    let mut header = [0; HEADER];
    if fill(&mut input, &mut begin)? && fill(&mut input, &mut second)? {
        header[..4].copy_from_slice(&NATIVE_MAGIC.to_be_bytes());
        header[16..24].copy_from_slice(&second[8..16]);
    }
    Ok(header)
}

fn frames(input: &mut impl Read, header: &[u8; HEADER], page_size: usize) -> io::Result<Frames> {
    let mut found = Frames { page_size, ..Frames::default() };
    let big_endian = word(header, 0) & 1 == 1;
    let salts = &header[16..24];
    let mut before = (word(header, 24), word(header, 28));
    let (mut offset, mut is_broken) = (HEADER as u64, false);
    let mut frame = vec![0; FRAME + page_size];
    while fill(input, &mut frame)? {
        let written = (word(&frame, 16), word(&frame, 20));
        let mut sum = before;
        add(&mut sum, &frame[..8], big_endian);
        add(&mut sum, &frame[FRAME..], big_endian);
        let is_sound = sum == written && &frame[8..16] == salts;
        if is_sound {
            found.has_gap |= is_broken;
            found.offsets.insert(word(&frame, 0), offset + FRAME as u64);
        }
        is_broken |= !is_sound;
        before = written;
        offset += frame.len() as u64;
    }
    Ok(found)
}

/// The checksum of a log, continued.
fn add(sum: &mut (u32, u32), bytes: &[u8], big_endian: bool) {
    for pair in bytes.chunks_exact(8) {
        let read = |at: usize| {
            let word = word(pair, at);
            if big_endian { word } else { word.swap_bytes() }
        };
        sum.0 = sum.0.wrapping_add(read(0)).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(read(4)).wrapping_add(sum.0);
    }
}

/// The big-endian word at a place.
pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

/// Fills a buffer; `false` if the input ends before.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
