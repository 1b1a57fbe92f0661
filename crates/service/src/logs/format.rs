//! The writer of `tracing` for one line: into memory first, then to the sink as a whole.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use super::sink::Sink;

/// Makes a writer for each line.
pub(super) struct Lines {
    sink: Sink,
}

/// One line under construction. It goes to the sink when it is dropped, so that lines of two threads never mix.
pub(super) struct Line {
    sink: Sink,
    bytes: Vec<u8>,
}

impl Lines {
    pub(super) fn to(sink: Sink) -> Self {
        Self { sink }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { sink: self.sink.clone(), bytes: Vec::new() }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.sink.push(std::mem::take(&mut self.bytes));
        }
    }
}
