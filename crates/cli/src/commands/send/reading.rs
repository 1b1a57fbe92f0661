//! Reads the file on a thread of its own, and hands over batches of envelopes.

use files::{Kind, Place, Reason};
use queue::Envelope;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::envelopes::Envelopes;
use super::marker::Saved;
use super::reader::Reader;
use super::source::Input;
use service::failure::Failure;

/// Batches that are read ahead.
const AHEAD: usize = 2;

/// A batch of the file.
pub(super) struct Batch {
    pub(super) envelopes: Vec<Envelope>,
    pub(super) kinds: Kinds,
    /// Bad lines by their number.
    pub(super) bad: Vec<(u64, Reason)>,
    /// The place where it ends.
    pub(super) end: Place,
    /// A hash of the file up to there.
    pub(super) digest: String,
    pub(super) started_at: jiff::Timestamp,
    /// It is the last one.
    pub(super) is_last: bool,
}

/// Numbers of events by kind.
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
    /// Begins to read at the place where `saved` ended, if the file is the same up to there. Returns the resumed progress.
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
        let (sender, receiver) = tokio::sync::oneshot::channel();
        // Not a task of the runtime: the program must be able to end while a stream gives nothing.
        std::thread::spawn(move || {
            let opened = Reader::at(input, saved, envelopes);
            let (reader, begun) = match opened {
                Ok((reader, resumed)) => (Some(reader), Ok(resumed)),
                Err(failure) => (None, Err(failure)),
            };
            if sender.send(begun).is_ok() {
                reader.into_iter().for_each(|reader| reader.read_all(&send));
            }
        });
        let ended = |error| Failure::failed("reader", &error, "report this as a bug");
        let resumed = receiver.await.map_err(ended)??;
        Ok((Self { batches, is_finished: false }, resumed))
    }

    /// The next batch; `None` at the end of the file, or if the run was stopped.
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

impl Kinds {
    pub(super) fn count(&mut self, kind: Kind) {
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
