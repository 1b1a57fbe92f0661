//! Reads the file on a thread of its own, batch by batch, from the place where the last run has ended.

use files::{Found, Parser, Place};
use service::failure::Failure;
use tokio::sync::mpsc;

use super::envelopes::Envelopes;
use super::marker::Saved;
use super::reading::{Batch, Kinds};
use super::source::Input;
use super::window::Window;

/// Upper limit of events in a batch: sixteen messages of the queue, which are one commit.
const EVENTS: usize = 4096;
/// Upper limit of bytes of the file in a batch: at most this is sent again after a kill.
const BYTES: u64 = 1024 * 1024;
/// Upper limit of bad lines in a batch.
const BAD_LINES: usize = 1024;

/// Reads on its thread.
pub(super) struct Reader {
    window: Window,
    parser: Parser,
    envelopes: Envelopes,
}

impl Reader {
    pub(super) fn at(
        input: Input,
        saved: Option<Saved>,
        envelopes: Envelopes,
    ) -> Result<(Self, Option<Saved>), Failure> {
        let window = Window::new(input);
        let parser = Parser::new(window.options().clone());
        let mut reader = Self { window, parser, envelopes };
        reader.window.fill()?;
        reader.get_ready()?;
        let Some(saved) = saved else { return Ok((reader, None)) };
        if reader.is_at(&saved)? {
            reader.parser.go_on_at(Place { bytes: saved.bytes, line: saved.line });
            return Ok((reader, Some(saved)));
        }
        reader.window.rewind()?;
        reader.window.fill()?;
        reader.envelopes.start_again();
        reader.parser = Parser::new(reader.window.options().clone());
        Ok((reader, None))
    }

    /// Reads the bytes before the first line with data.
    fn get_ready(&mut self) -> Result<(), Failure> {
        while !self.parser.is_ready() {
            let step = self.parser.next(self.window.bytes(), self.window.is_end);
            let step = step.map_err(|why| self.window.unusable(why))?;
            self.window.pass(step.consumed);
            if matches!(step.found, Found::Part) {
                if self.window.is_end {
                    return Ok(());
                }
                self.window.fill()?;
            }
        }
        Ok(())
    }

    /// Whether the file is the same up to the place where a run has ended. Moves to this place.
    fn is_at(&mut self, saved: &Saved) -> Result<bool, Failure> {
        let here = self.parser.place().bytes;
        if !self.parser.is_ready() || here > saved.bytes {
            return Ok(false);
        }
        Ok(self.window.pass_up_to(here, saved.bytes)? && self.window.digest() == saved.digest)
    }

    /// Reads all batches, until they are no longer received.
    pub(super) fn read_all(mut self, send: &mpsc::Sender<Result<Batch, Failure>>) {
        loop {
            let batch = self.batch();
            let is_last = batch.as_ref().map_or(true, |batch| batch.is_last);
            if send.blocking_send(batch).is_err() || is_last {
                return;
            }
        }
    }

    /// Reads a batch.
    fn batch(&mut self) -> Result<Batch, Failure> {
        let mut batch = Batch {
            envelopes: Vec::with_capacity(EVENTS),
            kinds: Kinds::default(),
            bad: Vec::new(),
            end: self.parser.place(),
            digest: String::new(),
            started_at: self.envelopes.started_at,
            is_last: false,
        };
        let begin = self.parser.place().bytes;
        while !batch.is_full(self.parser.place().bytes - begin) {
            let line = self.parser.place().line;
            let step = self.parser.next(self.window.bytes(), self.window.is_end);
            let step = step.map_err(|why| self.window.unusable(why))?;
            self.window.pass(step.consumed);
            match step.found {
                Found::Nothing => {}
                Found::Bad(reason) => batch.bad.push((line, reason)),
                Found::Events(events) => {
                    let now = self.envelopes.now();
                    for event in events {
                        batch.kinds.count(event.kind);
                        batch.envelopes.push(self.envelopes.envelope(event, now));
                    }
                }
                Found::Part if self.window.is_end => {
                    batch.is_last = true;
                    break;
                }
                // Events of a slow stream are passed on without waiting for more.
                Found::Part if self.window.is_slow && !batch.envelopes.is_empty() => {
                    self.window.is_slow = false;
                    break;
                }
                Found::Part => self.window.fill()?,
            }
        }
        (batch.end, batch.digest) = (self.parser.place(), self.window.digest());
        Ok(batch)
    }
}

impl Batch {
    fn is_full(&self, bytes: u64) -> bool {
        self.envelopes.len() >= EVENTS || self.bad.len() >= BAD_LINES || bytes >= BYTES
    }
}
