//! Reads the rows in one page.

use super::Row;
use super::pages::Pages;
use crate::wal::word;

/// The first byte of a page with rows.
const LEAF_OF_TABLE: u8 = 13;
/// The size of the header of such a page.
const HEADER: usize = 8;
/// The file's own header, before that of the first page.
const FILE_HEADER: usize = 100;
/// An upper limit of columns: more than any of our tables has.
const MOST_COLUMNS: usize = 64;

/// A column's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// A number.
    Integer(i64),
    /// A floating-point number; none of our tables contains one.
    Real,
    /// Text, as its bytes.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The rows of a page; empty if the page contains no rows, or is damaged.
pub(super) fn cells(pages: &Pages, number: u32, page: &[u8], longest: usize) -> Vec<Row> {
    let begin = if number == 1 { FILE_HEADER } else { 0 };
    if page.get(begin) != Some(&LEAF_OF_TABLE) {
        return Vec::new();
    }
    let cells = short(page, begin + 3).unwrap_or(0);
    let places = (0..cells).filter_map(|cell| short(page, begin + HEADER + 2 * cell));
    places.filter_map(|place| row(pages, page, place, longest)).collect()
}

fn row(pages: &Pages, page: &[u8], place: usize, longest: usize) -> Option<Row> {
    let mut at = place;
    let length = usize::try_from(varint(page, &mut at)?).ok()?;
    let id = varint(page, &mut at)?;
    if length == 0 || length > longest {
        return None;
    }
    let record = record(pages, page, at, length)?;
    let (values, is_whole) = values(&record)?;
    Some(Row { id, values, is_whole: is_whole && record.len() == length })
}

/// The bytes of a row: those in its page, and those in its chain of overflow pages, as far as the chain can be followed.
fn record(pages: &Pages, page: &[u8], at: usize, length: usize) -> Option<Vec<u8>> {
    let here = local(pages.size(), length);
    let mut record = page.get(at..at + here)?.to_vec();
    if here == length {
        return Some(record);
    }
    let mut next = page.get(at + here..at + here + 4).map(|bytes| word(bytes, 0))?;
    while record.len() < length && (2..=pages.count()).contains(&next) {
        let Ok(overflow) = pages.read(next) else { break };
        let rest = (length - record.len()).min(overflow.len() - 4);
        record.extend_from_slice(&overflow[4..4 + rest]);
        next = word(&overflow, 0);
    }
    Some(record)
}

/// The number of bytes of a row of this length that are stored in its own page.
fn local(page: usize, length: usize) -> usize {
    let (most, least) = (page - 35, (page - 12) * 32 / 255 - 23);
    if length <= most {
        return length;
    }
    let filled = least + (length - least) % (page - 4);
    if filled <= most { filled } else { least }
}

/// The columns of a row, and whether all of them are complete.
fn values(record: &[u8]) -> Option<(Vec<Value>, bool)> {
    let mut at = 0;
    let header = usize::try_from(varint(record, &mut at)?).ok()?;
    let mut kinds = Vec::new();
    while at < header {
        kinds.push(varint(record, &mut at)?);
    }
    if at != header || kinds.is_empty() || kinds.len() > MOST_COLUMNS {
        return None;
    }
    let mut values = Vec::with_capacity(kinds.len());
    let mut is_whole = true;
    for kind in kinds {
        let length = length_of(kind)?;
        let bytes = record.get(at.min(record.len())..(at + length).min(record.len()))?;
        is_whole &= bytes.len() == length;
        values.push(value(kind, bytes, length)?);
        at += length;
    }
    Some((values, is_whole))
}

/// The number of bytes of a value of this kind.
fn length_of(kind: i64) -> Option<usize> {
    Some(match kind {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(kind).ok()?,
        5 => 6,
        6 | 7 => 8,
        12.. => usize::try_from((kind - 12) / 2).ok()?,
        _ => return None,
    })
}

/// A value. Text and bytes may be truncated, but not numbers.
fn value(kind: i64, bytes: &[u8], length: usize) -> Option<Value> {
    Some(match kind {
        0 => Value::Null,
        8 | 9 => Value::Integer(kind - 8),
        7 => Value::Real,
        12.. if kind % 2 == 0 => Value::Blob(bytes.to_vec()),
        12.. => Value::Text(bytes.to_vec()),
        _ if bytes.len() < length => return None,
        _ => Value::Integer(integer(bytes)),
    })
}

fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(sign, |number, byte| (number << 8) | i64::from(*byte))
}

fn short(page: &[u8], at: usize) -> Option<usize> {
    page.get(at..at + 2).map(|bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
}

/// Reads a number of 1 to 9 bytes, and moves `at` to its end.
fn varint(bytes: &[u8], at: &mut usize) -> Option<i64> {
    let mut number: i64 = 0;
    for place in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if place == 8 {
            return Some((number << 8) | i64::from(byte));
        }
        number = (number << 7) | i64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}
