//! One step through the bytes: a line, a row of a table, or its header.

use crate::event::Event;
use crate::layout::Layout;
use crate::parser::Options;
use crate::table::{Row, Table};
use crate::{LONGEST, LOOK_AHEAD, Reason, Unusable, lines};

/// Rows that are examined to find out what their `key` is: at most, and at least, because one row alone always has one key.
const ROWS_AHEAD: usize = 100;
const LEAST_ROWS: usize = 2;

/// The result of reading the next bytes of a file.
#[derive(Debug)]
pub struct Step {
    /// The number of these bytes.
    pub consumed: usize,
    /// Their content.
    pub found: Found,
}

/// The content of some bytes of a file.
#[derive(Debug)]
pub enum Found {
    /// Part of a line; `consumed` is 0. At the end of the file it means that nothing is left.
    Part,
    /// A header, or an empty line.
    Nothing,
    /// A line with these events, at least one.
    Events(Vec<Event>),
    /// A bad line.
    Bad(Reason),
}

pub(super) fn step(consumed: usize, found: Found) -> Step {
    Step { consumed, found }
}

/// Bytes that are skipped; if there are none, more are needed.
pub(super) fn passed(consumed: usize) -> Step {
    step(consumed, if consumed == 0 { Found::Part } else { Found::Nothing })
}

pub(super) fn next_line(
    bytes: &[u8],
    is_end: bool,
    is_skipping: &mut bool,
    read: impl FnOnce(&[u8]) -> Result<Event, Reason>,
) -> Step {
    let end = lines::end(bytes, is_end);
    let known = lines::known(bytes, is_end);
    let mut consumed = end.map_or(known, |end| end.next);
    if std::mem::replace(is_skipping, *is_skipping && end.is_none()) {
        return passed(consumed);
    }
    let mut line = &bytes[..end.map_or(known, |end| end.text)];
    if line.len() > LONGEST {
        *is_skipping = end.is_none();
        return step(consumed, Found::Bad(Reason::TooLong));
    }
    if end.is_none() && (!is_end || bytes.is_empty()) {
        return step(0, Found::Part);
    }
    if line.trim_ascii().is_empty() {
        return step(consumed, Found::Nothing);
    }
    if let Some(first) = end {
        let Some(end) = lines::end_of_json(bytes, is_end, first) else { return step(0, Found::Part) };
        (line, consumed) = (&bytes[..end.text], end.next);
    }
    step(consumed, read(line).map_or_else(Found::Bad, |event| Found::Events(vec![event])))
}

pub(super) fn next_row(
    bytes: &[u8],
    is_end: bool,
    table: &mut Table,
    read: impl FnOnce(&[&str], &[u8]) -> Result<Vec<Event>, Reason>,
    expected: usize,
) -> Step {
    let consumed = match table.next(bytes, is_end) {
        Row::Part => return step(0, Found::Part),
        Row::Nothing(consumed) => return step(consumed, Found::Nothing),
        Row::Bad(consumed, reason) => return step(consumed, Found::Bad(reason)),
        Row::Cells(consumed) => consumed,
    };
    let row = &bytes[..consumed];
    let Some(cells) = table.cells() else { return step(consumed, Found::Bad(Reason::NotUtf8)) };
    if cells.len() == expected {
        return step(consumed, read(&cells, row.trim_ascii_end()).map_or_else(Found::Bad, Found::Events));
    }
    // A quotation mark may have joined several lines to one row: the other lines may be rows.
    let first_line = lines::end(row, true).map_or(consumed, |end| end.next);
    step(first_line, Found::Bad(Reason::Cells { expected, found: cells.len() }))
}

/// Reads the header. Returns its length in bytes, or 0 if more are needed.
pub(super) fn header(
    bytes: &[u8],
    is_end: bool,
    table: &mut Table,
    options: &Options,
) -> Result<(usize, Option<Layout>), Unusable> {
    let consumed = match table.next(bytes, is_end) {
        Row::Part => return Ok((0, None)),
        Row::Nothing(consumed) => return Ok((consumed, None)),
        Row::Bad(..) => return Err(Unusable::NotAnExport),
        Row::Cells(consumed) => consumed,
    };
    let names: Vec<String> = table.cells().ok_or(Unusable::NotUtf8)?.into_iter().map(str::to_owned).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let layout = Layout::of(&names, options, |key| has_one_key(&bytes[consumed..], is_end, key))?;
    Ok(layout.map_or((0, None), |layout| (consumed, Some(layout))))
}

/// Whether the next rows, at least two, have the same text in the column `key`: then it names a trait, not a profile. `None` while more
/// bytes are needed, so that the answer does not depend on the sizes of the pieces.
fn has_one_key(bytes: &[u8], is_end: bool, key: usize) -> Option<bool> {
    let is_all = is_end || bytes.len() >= LOOK_AHEAD;
    let is_end = is_end && bytes.len() <= LOOK_AHEAD;
    let mut bytes = &bytes[..bytes.len().min(LOOK_AHEAD)];
    let (mut table, mut first, mut rows) = (Table::new(), None, 0);
    while rows < ROWS_AHEAD {
        match table.next(bytes, is_end) {
            Row::Part if is_all => break,
            Row::Part => return None,
            Row::Nothing(consumed) | Row::Bad(consumed, _) => bytes = &bytes[consumed..],
            Row::Cells(consumed) => {
                bytes = &bytes[consumed..];
                let cells = table.cells().unwrap_or_default();
                let Some(cell) = cells.get(key).map(|cell| (*cell).to_owned()) else { continue };
                if *first.get_or_insert_with(|| cell.clone()) != cell {
                    return Some(false);
                }
                rows += 1;
            }
        }
    }
    Some(rows >= LEAST_ROWS)
}
