//! Reads rows of CSV, one by one, from any bytes.

use csv_core::{ReadRecordResult, Reader};

use crate::{LONGEST, Reason, lines};

/// Upper limit of cells in a row.
const CELLS: usize = 1024;

/// Reads the row at the beginning of some bytes.
pub(crate) struct Table {
    reader: Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    /// Whether it is skipping the rest of a line that is too long.
    is_skipping: bool,
}

/// The content at the beginning of the bytes, and its length in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// Part of a row: more bytes are needed.
    Part,
    /// Bytes without a row.
    Nothing(usize),
    /// A row.
    Cells(usize),
    /// Not a row.
    Bad(usize, Reason),
}

impl Table {
    pub(crate) fn new() -> Self {
        let (cells, ends) = (vec![0; LONGEST + 1], vec![0; CELLS]);
        Self { reader: Reader::new(), cells, ends, count: 0, is_skipping: false }
    }

    /// Reads the next row of the bytes. `is_end`: no more bytes follow.
    pub(crate) fn next(&mut self, bytes: &[u8], is_end: bool) -> Row {
        if bytes.is_empty() {
            return Row::Part;
        }
        if self.is_skipping {
            let end = lines::end(bytes, is_end);
            self.is_skipping = end.is_none();
            return nothing(end.map_or_else(|| lines::known(bytes, is_end), |end| end.next));
        }
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        if blank > 0 {
            let is_all = blank == bytes.len();
            return nothing(if is_all { lines::known(bytes, is_end) } else { blank });
        }
        self.row(bytes, is_end)
    }

    fn row(&mut self, all: &[u8], is_last: bool) -> Row {
        let (bytes, is_end) = (&all[..all.len().min(LONGEST)], is_last && all.len() <= LONGEST);
        self.reader.reset();
        let (result, read, written, cells) = self.reader.read_record(bytes, &mut self.cells, &mut self.ends);
        match result {
            ReadRecordResult::Record => {
                self.count = cells;
                return line_end(all, read, is_last).map_or(Row::Part, Row::Cells);
            }
            ReadRecordResult::InputEmpty if is_end => {
                // The last line may lack its line end, but a quotation mark has to be closed.
                let (result, _, _, more) =
                    self.reader.read_record(b"\n", &mut self.cells[written..], &mut self.ends[cells..]);
                if result == ReadRecordResult::Record {
                    self.count = cells + more;
                    return Row::Cells(read);
                }
            }
            ReadRecordResult::InputEmpty if bytes.len() < LONGEST => return Row::Part,
            _ => {}
        }
        self.bad(all, is_last)
    }

    /// If the bytes are not a row, only their first line is bad: the following lines may be rows.
    fn bad(&mut self, all: &[u8], is_last: bool) -> Row {
        let bytes = &all[..all.len().min(LONGEST)];
        let is_end = is_last && all.len() <= LONGEST;
        let Some(line) = lines::end(all, is_last).filter(|end| end.text < LONGEST) else {
            self.is_skipping = !is_end;
            let reason = if is_end { Reason::OpenQuote } else { Reason::TooLong };
            return Row::Bad(lines::known(bytes, is_end), reason);
        };
        let is_quoted = memchr::memchr(b'"', &bytes[..line.text]).is_some();
        Row::Bad(line.next, if is_quoted { Reason::OpenQuote } else { Reason::TooLong })
    }

    /// The cells of the last row that was read; `None` if they are not UTF-8.
    pub(crate) fn cells(&self) -> Option<Vec<&str>> {
        let mut begin = 0;
        let cells = self.ends[..self.count].iter().map(|end| {
            let cell = &self.cells[begin..*end];
            begin = *end;
            std::str::from_utf8(cell).ok()
        });
        cells.collect()
    }
}

fn nothing(consumed: usize) -> Row {
    if consumed == 0 { Row::Part } else { Row::Nothing(consumed) }
}

/// The end of the line up to which the reader has read: the reader may stop between CR and LF. `None`: the next byte is needed to decide
/// this.
fn line_end(bytes: &[u8], read: usize, is_end: bool) -> Option<usize> {
    match (bytes[..read].ends_with(b"\r"), bytes.get(read)) {
        (true, Some(b'\n')) => Some(read + 1),
        (true, None) if !is_end => None,
        _ => Some(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All rows, and the reasons of bad lines.
    fn rows(text: &[u8]) -> (Vec<Vec<String>>, Vec<Reason>) {
        let (mut table, mut rows, mut bad, mut rest) = (Table::new(), Vec::new(), Vec::new(), text);
        loop {
            let taken = match table.next(rest, true) {
                Row::Part => return (rows, bad),
                Row::Nothing(bytes) => bytes,
                Row::Cells(bytes) => {
                    rows.push(table.cells().unwrap().into_iter().map(str::to_owned).collect());
                    bytes
                }
                Row::Bad(bytes, reason) => {
                    bad.push(reason);
                    bytes
                }
            };
            rest = &rest[taken..];
        }
    }

    #[test]
    fn line_ends_may_be_mixed_and_the_last_one_missing() {
        let (read, bad) = rows(b"a,b\r\n1,2\n\n\r\n3,\"4\r\n\"\"5\"\n6,7");
        assert_eq!(read, [["a", "b"], ["1", "2"], ["3", "4\r\n\"5"], ["6", "7"]]);
        assert_eq!(bad, []);
        let (read, bad) = rows(b"a,b\r1,\"2\r3,4\r\n5,6\r");
        assert_eq!(
            (read, bad),
            (
                vec![
                    vec!["a".to_owned(), "b".to_owned()],
                    vec!["3".to_owned(), "4".to_owned()],
                    vec!["5".to_owned(), "6".to_owned()]
                ],
                vec![Reason::OpenQuote]
            )
        );
    }

    #[test]
    fn an_unclosed_quotation_mark_loses_only_its_line() {
        let (read, bad) = rows(b"a,b\n1,\"2\n3,4\n5,6\n");
        assert_eq!((read.len(), bad), (3, vec![Reason::OpenQuote]), "{read:?}");
        assert_eq!(read[1..], [["3", "4"], ["5", "6"]]);
        let many = "x,y\n".repeat(LONGEST);
        let (read, bad) = rows(format!("1,\"2\n{many}").as_bytes());
        assert_eq!((read.len(), bad), (LONGEST, vec![Reason::OpenQuote]));
    }

    #[test]
    fn a_long_line_and_many_cells_are_bad_lines() {
        let long = "x".repeat(LONGEST + 1);
        let (read, bad) = rows(format!("{long}{long}{long}\na,b\n{}\nc,d", ",".repeat(CELLS)).as_bytes());
        assert_eq!(
            (read, bad),
            (
                vec![vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned(), "d".to_owned()]],
                vec![Reason::TooLong; 2]
            )
        );
        assert_eq!(rows(long.as_bytes()).1, [Reason::TooLong]);
    }

    #[test]
    fn an_incomplete_row_waits_for_its_remainder() {
        let mut table = Table::new();
        for part in [&b""[..], b"a", b"a,\"b\n"] {
            assert_eq!(table.next(part, false), Row::Part);
        }
        assert_eq!(table.next(b"a\r\nb", false), Row::Cells(3));
    }
}
