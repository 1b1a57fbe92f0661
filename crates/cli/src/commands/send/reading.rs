//! Reads the file on a thread of its own, and hands over batches of envelopes.

use files::{Found, Kind, Parser, Place, Reason};
use queue::Envelope;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::envelopes::Envelopes;
use super::marker::Saved;
use super::source::{Input, Window};
use service::failure::Failure;

/// Upper limit of events in a batch: sixteen messages of the queue, which are one commit.
const EVENTS: usize = 4096;
/// Upper limit of bytes of the file in a batch: what is sent again after a kill, at most.
const BYTES: u64 = 1024 * 1024;
/// Upper limit of bad lines in a batch.
const BAD_LINES: usize = 1024;
/// Batches that are read ahead.
const AHEAD: usize = 2;

/// What was read of the file at once.
pub(super) struct Batch {
    pub(super) envelopes: Vec<Envelope>,
    pub(super) kinds: Kinds,
    /// Bad lines by their number.
    pub(super) bad: Vec<(u64, Reason)>,
    /// Where it ends.
    pub(super) end: Place,
    /// A hash of the file up to there.
    pub(super) digest: String,
    pub(super) started_at: jiff::Timestamp,
    /// Nothing follows it.
    is_last: bool,
}

/// Events by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kinds {
    pub(super) identifies: u64,
    pub(super) deletes: u64,
    pub(super) others: u64,
}

/// A file that is being read.
pub(super) struct Reading {
    batches: mpsc::Receiver<Result<Batch, Failure>>,
    is_finished: bool,
}

impl Reading {
    /// Begins to read: where `saved` ended, if the file is the same up to there. Returns what is resumed.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the file cannot be read, or nothing in it can be used.
    pub(super) async fn begin(
        input: Input,
        saved: Option<Saved>,
        envelopes: Envelopes,
    ) -> Result<(Self, Option<Saved>), Failure> {
        let (send, batches) = mpsc::channel(AHEAD);
        let (tell, told) = tokio::sync::oneshot::channel();
        // Not a task of the runtime: the program must be able to end while a stream gives nothing.
        std::thread::spawn(move || {
            let opened = Reader::at(input, saved, envelopes);
            let (reader, begun) = match opened {
                Ok((reader, resumed)) => (Some(reader), Ok(resumed)),
                Err(failure) => (None, Err(failure)),
            };
            if tell.send(begun).is_ok() {
                reader.into_iter().for_each(|reader| reader.read_all(&send));
            }
        });
        let ended = |error| Failure::failed("reader", &error, "report this as a bug");
        let resumed = told.await.map_err(ended)??;
        Ok((Self { batches, is_finished: false }, resumed))
    }

    /// The next batch; `None` at the end of the file, or when the run shall end.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the file cannot be read any further.
    pub(super) async fn next(&mut self, stop: &CancellationToken) -> Result<Option<Batch>, Failure> {
        match stop.run_until_cancelled(self.batches.recv()).await {
            Some(Some(batch)) => {
                let batch = batch?;
                self.is_finished = batch.is_last;
                Ok(Some(batch))
            }
            Some(None) if !self.is_finished => {
                let message = "the thread that reads the file has ended early";
                Err(Failure::refused(
                    "reader",
                    message,
                    "report this as a bug; run the same command again to resume",
                ))
            }
            Some(None) | None => Ok(None),
        }
    }

    /// Whether all of the file was handed over.
    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }
}

/// Reads on its thread.
struct Reader {
    window: Window,
    parser: Parser,
    envelopes: Envelopes,
}

impl Reader {
    fn at(
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

    /// Reads what is before the first line with data.
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

    /// Whether the file is the same up to where a run has ended. Moves to this place.
    fn is_at(&mut self, saved: &Saved) -> Result<bool, Failure> {
        let here = self.parser.place().bytes;
        if !self.parser.is_ready() || here > saved.bytes {
            return Ok(false);
        }
        Ok(self.window.pass_up_to(here, saved.bytes)? && self.window.digest() == saved.digest)
    }

    /// Reads all, until nobody takes the batches any more.
    fn read_all(mut self, send: &mpsc::Sender<Result<Batch, Failure>>) {
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
                // What a slow stream has given is not kept until it gives more.
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

impl Kinds {
    fn count(&mut self, kind: Kind) {
        match kind {
            Kind::Identify => self.identifies += 1,
            Kind::Delete => self.deletes += 1,
            Kind::Other => self.others += 1,
        }
    }

    pub(super) fn all(&self) -> u64 {
        self.identifies + self.deletes + self.others
    }
}
