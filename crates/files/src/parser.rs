//! The reader of one file, from its first byte to its last.

use jiff::Timestamp;

use crate::event::LineId;
use crate::layout::Layout;
use crate::step::{Found, Step, header, next_line, next_row, passed, step};
use crate::table::Table;
use crate::{Place, Unusable, lines, ndjson, row};

/// The byte order marks of UTF-8, and of UTF-16.
const MARK: &[u8] = b"\xef\xbb\xbf";
const OTHER_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
/// The first bytes of a gzip file (RFC 1952, 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

/// The options of a file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The trait that is true for every row of an audience export.
    pub audience: Option<String>,
    /// The trait of the column `value` of a trait export.
    pub trait_name: Option<String>,
    /// The time of events without one.
    pub time: Timestamp,
    /// The form of the file; `None`: its first byte decides.
    pub form: Option<Form>,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON object on each line.
    Events,
    /// A CSV export of Engage.
    Export,
}

/// Reads a file.
pub struct Parser {
    options: Options,
    /// The time of the options as text.
    time: String,
    place: Place,
    reader: Option<Reader>,
}

enum Reader {
    Events { is_skipping: bool },
    Export { table: Box<Table>, layout: Option<Layout> },
}

impl Parser {
    /// Reads a file from its beginning.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let time = options.time.to_string();
        Self { options, time, place: Place::BEGIN, reader: None }
    }

    /// The place that it has reached.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether it can read a line anywhere in the file.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match &self.reader {
            None | Some(Reader::Export { layout: None, .. }) => false,
            Some(Reader::Events { .. } | Reader::Export { layout: Some(_), .. }) => true,
        }
    }

    /// Continues at a place that it reached before. It has to be ready.
    pub fn go_on_at(&mut self, place: Place) {
        self.place = place;
    }

    /// Reads the line at the beginning of the next bytes of the file. The caller has to pass bytes that were not consumed again, followed
    /// by more. If it returns [`Found::Part`], these are at most [`crate::LONGEST`] bytes and a line end, and [`crate::LOOK_AHEAD`] bytes
    /// more before it is ready. `is_end`: no more bytes follow.
    ///
    /// # Errors
    ///
    /// [`Unusable`] if the whole file cannot be used; only before the first line was read.
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

    /// Finds out the form of the file.
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
