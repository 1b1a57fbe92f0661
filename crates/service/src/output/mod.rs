//! The only place that writes to standard output: tables for people, JSON for scripts.

mod age;
pub mod captured;
mod csv;
mod table;

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

pub use age::age;
pub use csv::{csv_row, quoted};
pub use table::{Column, cut, spare, whole};

use crate::failure::Failure;

/// A count with its noun, whose plural is regular: `1 event`, `2 events`.
#[must_use]
pub fn counted(count: u64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// Standard output, in the form that was asked for. A reader that went away (`… | head`) is not a failure: further output is
/// dropped.
pub struct Output {
    json: bool,
    sink: Box<dyn Write + Send>,
    closed: bool,
    /// Characters of a line; `None` is no limit.
    width: Option<usize>,
}

impl Output {
    /// Writes to standard output, in tables as wide as the terminal. `columns` is the variable `COLUMNS`, which takes
    /// precedence; output to something else than a terminal has no limit.
    #[must_use]
    pub fn to_stdout(json: bool, columns: Option<usize>) -> Self {
        let terminal = || {
            let size =
                io::stdout().is_terminal().then(|| rustix::termios::tcgetwinsize(io::stdout()).ok())??;
            (size.ws_col > 0).then(|| usize::from(size.ws_col))
        };
        Self::to(Box::new(io::stdout()), json).with_width(columns.or_else(terminal))
    }

    /// The same with lines of this many characters; `None` is no limit.
    #[must_use]
    pub fn with_width(self, width: Option<usize>) -> Self {
        Self { width, ..self }
    }

    /// Writes to `sink`.
    #[must_use]
    pub fn to(sink: Box<dyn Write + Send>, json: bool) -> Self {
        Self { json, sink, closed: false, width: None }
    }

    /// True if `--json` was given.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes one JSON document, on one line.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the code `output` if standard output cannot be written.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::failed("output", &error, "report this as a bug"))?;
        self.write(&text)
    }

    /// Writes one line for people.
    ///
    /// # Errors
    ///
    /// As [`Output::json`].
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.write(text)
    }

    /// Writes a text for people whole, with its line breaks. Other control characters do not reach the terminal.
    ///
    /// # Errors
    ///
    /// As [`Output::json`].
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        text.lines().try_for_each(|line| self.write(&table::printable(line)))
    }

    /// Writes a table for people: `head` above `rows`. A table that is wider than the terminal gets shorter cells and fewer
    /// columns, and says which are left out.
    ///
    /// # Errors
    ///
    /// As [`Output::json`].
    pub fn table<C: Into<Column> + Copy>(&mut self, head: &[C], rows: &[Vec<String>]) -> Result<(), Failure> {
        let columns: Vec<Column> = head.iter().map(|column| (*column).into()).collect();
        let laid = table::lay_out(&columns, rows, self.width);
        for line in &laid.lines {
            self.write(line)?;
        }
        if laid.left_out.is_empty() {
            return Ok(());
        }
        self.write(&format!("left out, and shown with --wide: {}", laid.left_out.join(", ")))
    }

    /// Ends a list for people: how many there are, and how many of them are shown.
    ///
    /// # Errors
    ///
    /// As [`Output::json`].
    pub fn total(&mut self, shown: usize, all: u64, what: &str) -> Result<(), Failure> {
        let what = if all == 1 { what.strip_suffix('s').unwrap_or(what) } else { what };
        match u64::try_from(shown).unwrap_or(u64::MAX) >= all {
            true => self.write(&format!("{all} {what}")),
            false => self.write(&format!("{shown} of {all} {what} shown; --limit shows more")),
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        match writeln!(self.sink, "{text}").and_then(|()| self.sink.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => {
                Err(Failure::failed("output", &error, "check where standard output goes, and its free space"))
            }
            Ok(()) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_table_states_which_columns_are_left_out() {
        let rows = [vec!["abc".to_owned(), "something that is longer than the terminal".to_owned()]];
        let table = |output: &mut Output| output.table(&[whole("ID"), spare("NOTE")], &rows);
        let text = captured::captured(false, Some(12), table).unwrap();
        assert_eq!(text, "ID\nabc\nleft out, and shown with --wide: NOTE\n");
    }

    #[test]
    fn a_text_is_written_whole_and_changes_nothing_on_the_terminal() {
        let show = |output: &mut Output| output.text("longer than the terminal\n\u{1b}[2J");
        let text = captured::captured(false, Some(12), show).unwrap();
        assert_eq!(text, "longer than the terminal\n\u{fffd}[2J\n");
    }

    #[test]
    fn a_closed_output_is_not_a_failure() {
        let mut output = Output::to(Box::new(Gone), true);
        assert!(output.json(&1).is_ok());
        assert!(output.line("more").is_ok());
    }
}
