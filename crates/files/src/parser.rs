//! The reader of one file, from its first byte to its last.

use jiff::Timestamp;

use crate::event::{Event, LineId};
use crate::layout::Layout;
use crate::table::{Row, Table};
use crate::{LONGEST, LOOK_AHEAD, Place, Reason, Unusable, lines, ndjson, row};

/// The byte order marks of UTF-8, and of UTF-16.
const MARK: &[u8] = b"\xef\xbb\xbf";
const OTHER_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
/// The first bytes of a file that gzip made (RFC 1952, 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

/// Rows that are looked at to find out what their `key` is: at most, and at least, since one profile has one key.
const ROWS_AHEAD: usize = 100;
const LEAST_ROWS: usize = 2;

/// What is said about a file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The trait that is true for every row of an audience export.
    pub audience: Option<String>,
    /// The trait of the column `value` of a trait export.
    pub trait_name: Option<String>,
    /// The time of events that state none.
    pub time: Timestamp,
    /// What the file has; `None`: its first byte tells.
    pub form: Option<Form>,
}

/// What a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON object on each line.
    Events,
    /// A CSV export of Engage.
    Export,
}

/// What the next bytes of a file are.
#[derive(Debug)]
pub struct Step {
    /// How many bytes that is.
    pub consumed: usize,
    /// What they are.
    pub found: Found,
}

/// What bytes of a file are.
#[derive(Debug)]
pub enum Found {
    /// Part of a line; `consumed` is 0. At the end of the file nothing is left.
    Part,
    /// Nothing that counts: a header, an empty line.
    Nothing,
    /// A line with these events, one at least.
    Events(Vec<Event>),
    /// A bad line.
    Bad(Reason),
}

/// Reads a file.
pub struct Parser {
    options: Options,
    /// The time of the options, as events have it.
    time: String,
    place: Place,
    reader: Option<Reader>,
}

enum Reader {
    Events { is_skipping: bool },
    Export { table: Box<Table>, layout: Option<Layout> },
}

impl Parser {
    /// Reads a file from its begin.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let time = options.time.to_string();
        Self { options, time, place: Place::BEGIN, reader: None }
    }

    /// How far it has come.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether it knows how to read a line anywhere in the file.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match &self.reader {
            None | Some(Reader::Export { layout: None, .. }) => false,
            Some(Reader::Events { .. } | Reader::Export { layout: Some(_), .. }) => true,
        }
    }

    /// Goes on at a place at which it was before. It has to be ready.
    pub fn go_on_at(&mut self, place: Place) {
        self.place = place;
    }

    /// Reads the line that the next bytes of the file begin with. Bytes that are not consumed have to be given again, with
    /// more behind them. Where it finds a [`Found::Part`], these are at most [`LONGEST`] bytes and a line end, and [`LOOK_AHEAD`]
    /// bytes more before it is ready. `is_end`: no more follow.
    ///
    /// # Errors
    ///
    /// [`Unusable`] if nothing in the file can be read; only before the first line was read.
    pub fn next(&mut self, bytes: &[u8], is_end: bool) -> Result<Step, Unusable> {
        let step = match &mut self.reader {
            None => self.begin(bytes, is_end)?,
            Some(Reader::Events { is_skipping }) => {
                next_line(bytes, is_end, is_skipping, |line| ndjson::event(line, self.place.line, &self.time))
            }
            Some(Reader::Export { table, layout: Some(layout) }) => next_row(
                bytes,
                is_end,
                table,
                |cells, row| {
                    let ids = LineId::new(&layout.seed, self.place.line, row);
                    row::events(layout, cells, &ids, &self.time)
                },
                layout.columns.len(),
            ),
            Some(Reader::Export { table, layout }) => {
                let (consumed, read) = header(bytes, is_end, table, &self.options)?;
                *layout = read;
                passed(consumed)
            }
        };
        self.place.pass(&bytes[..step.consumed]);
        Ok(step)
    }

    /// Finds out what the file has.
    fn begin(&mut self, bytes: &[u8], is_end: bool) -> Result<Step, Unusable> {
        if OTHER_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
            return Err(Unusable::NotUtf8);
        }
        if bytes.starts_with(GZIP) {
            return Err(Unusable::Gzip);
        }
        if self.place == Place::BEGIN && bytes.starts_with(MARK) {
            return Ok(step(MARK.len(), Found::Nothing));
        }
        let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blank > 0 {
            let consumed = if blank == bytes.len() { lines::known(bytes, is_end) } else { blank };
            return Ok(passed(consumed));
        }
        if bytes.len() < MARK.len() && !is_end || bytes.is_empty() {
            return Ok(step(0, Found::Part));
        }
        let form = match (bytes[0], self.options.form) {
            (b'[', _) => return Err(Unusable::Array),
            (b'{', _) => Form::Events,
            (_, form) => form.unwrap_or(Form::Export),
        };
        let says_more = self.options.audience.is_some() || self.options.trait_name.is_some();
        self.reader = Some(match form {
            Form::Events if says_more => return Err(Unusable::Events),
            Form::Events => Reader::Events { is_skipping: false },
            Form::Export => Reader::Export { table: Box::new(Table::new()), layout: None },
        });
        Ok(step(0, Found::Nothing))
    }
}

fn step(consumed: usize, found: Found) -> Step {
    Step { consumed, found }
}

/// Bytes that count for nothing; if there are none, more are needed.
fn passed(consumed: usize) -> Step {
    step(consumed, if consumed == 0 { Found::Part } else { Found::Nothing })
}

fn next_line(
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

fn next_row(
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
    // A quotation mark may have made one row of several lines: the others may be rows.
    let first_line = lines::end(row, true).map_or(consumed, |end| end.next);
    step(first_line, Found::Bad(Reason::Cells { expected, found: cells.len() }))
}

/// Reads the header; how many bytes it has, 0 if more are needed.
fn header(
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

/// Whether the next rows, two at least, have the same text in the column `key`: it names a trait then, and not a profile.
/// `None` before enough of them are there, so that the answer does not depend on how fast the bytes come.
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
