//! The only place that writes to standard output: tables for people, JSON for scripts.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Standard output, in the form that was asked for. A reader that went away (`… | head`) is not a failure: what follows is
/// dropped.
pub struct Output {
    json: bool,
    sink: Box<dyn Write + Send>,
    closed: bool,
}

impl Output {
    /// Writes to standard output.
    #[must_use]
    pub fn to_stdout(json: bool) -> Self {
        Self::to(Box::new(io::stdout()), json)
    }

    /// Writes to `sink`.
    #[must_use]
    pub fn to(sink: Box<dyn Write + Send>, json: bool) -> Self {
        Self { json, sink, closed: false }
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

    /// Writes a table for people: `head` above `rows`, each column as wide as its widest cell.
    ///
    /// # Errors
    ///
    /// As [`Output::json`].
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
        let mut lines = vec![head.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
        lines.extend(rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()));
        let mut widths = vec![0; head.len()];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        for line in &lines {
            let cells: Vec<_> =
                line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
            self.write(cells.join("  ").trim_end())?;
        }
        Ok(())
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

/// A cell may show what a stranger sent: control characters must not reach the operator's terminal.
fn printable(cell: &str) -> String {
    cell.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

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
    fn columns_are_aligned_and_control_characters_do_not_get_through() {
        let page = Page::default();
        let mut output = Output::to(Box::new(page.clone()), false);
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["lång\u{1b}[2J".to_owned(), String::new()]];
        output.table(&["name", "n"], &rows).unwrap();
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "name      n\na         1\nlång\u{fffd}[2J\n");
    }

    #[test]
    fn a_reader_that_went_away_is_not_a_failure() {
        let mut output = Output::to(Box::new(Gone), true);
        assert!(output.json(&1).is_ok());
        assert!(output.line("more").is_ok());
    }
}
