//! A bounded buffer before standard error, and the thread that empties it.
//!
//! Callers never wait. Lines that do not fit, and lines that standard error refuses, are lost and counted; when lines come
//! through again, one of them says how many were lost.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::Missing;
use super::repeats::Repeats;

/// Bytes of lines that may wait for standard error.
const BUFFER_BYTES: usize = 256 * 1024;
/// How long the end of the process waits for standard error.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// How often the thread looks for repetitions that have ended.
const LOOK: Duration = Duration::from_secs(1);

thread_local! {
    /// Lines of the writing thread itself, which are written before all others.
    static OWN: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// The sink of log lines. Clones share it.
#[derive(Clone)]
pub(super) struct Sink(Arc<Shared>);

#[derive(Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    filled: Condvar,
    emptied: Condvar,
    lost: AtomicU64,
    repeats: Repeats,
}

#[derive(Default)]
struct Buffer {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    is_writing: bool,
}

impl Sink {
    /// Starts the thread that writes to `target`. It ends with the process.
    pub(super) fn start(target: Box<dyn Write + Send>, repeats: Repeats) -> io::Result<Self> {
        let shared = Arc::new(Shared { repeats, ..Shared::default() });
        let writer = Writer { shared: Arc::clone(&shared), target, reported: 0 };
        std::thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        Ok(Self(shared))
    }

    /// Takes a line. If there is no room for it, it is lost and counted.
    pub(super) fn push(&self, line: Vec<u8>) {
        let Some(line) = own(line) else { return };
        let mut buffer = self.0.lock();
        if buffer.bytes + line.len() > BUFFER_BYTES {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        buffer.bytes += line.len();
        buffer.lines.push_back(line);
        drop(buffer);
        self.0.filled.notify_one();
    }

    /// Waits until everything is written, for at most [`FLUSH_WITHIN`].
    pub(super) fn flush(&self) {
        let mut buffer = self.0.lock();
        let waits = |buffer: &mut Buffer| buffer.is_writing || !buffer.lines.is_empty();
        // Lines that are not written by then are lost with the process.
        self.0.emptied.wait_while_for(&mut buffer, waits, FLUSH_WITHIN);
    }

    pub(super) fn missing(&self) -> Missing {
        Missing { lost: self.0.lost.load(Ordering::Relaxed), repeated: self.0.repeats.held() }
    }
}

/// Keeps a line of the writing thread apart; gives back that of any other thread.
fn own(line: Vec<u8>) -> Option<Vec<u8>> {
    let is_own = OWN.try_with(|own| match own.borrow_mut().as_mut() {
        Some(own) => {
            own.extend_from_slice(&line);
            true
        }
        None => false,
    });
    // A thread that is ending has no lines of its own any more. It is not the writing thread, which never ends.
    (!is_own.unwrap_or(false)).then_some(line)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock()
    }
}

struct Writer {
    shared: Arc<Shared>,
    target: Box<dyn Write + Send>,
    /// Lost lines that the log has reported.
    reported: u64,
}

impl Writer {
    fn run(mut self) {
        OWN.set(Some(Vec::new()));
        loop {
            let lines = self.take();
            for line in lines {
                self.write(&line);
            }
            self.shared.repeats.report_ended();
            self.write_own();
            self.shared.lock().is_writing = false;
            self.shared.emptied.notify_all();
        }
    }

    /// Waits for lines; empty if none come for a while.
    fn take(&self) -> VecDeque<Vec<u8>> {
        let mut buffer = self.shared.lock();
        let waits = |buffer: &mut Buffer| buffer.lines.is_empty();
        self.shared.filled.wait_while_for(&mut buffer, waits, LOOK);
        buffer.bytes = 0;
        buffer.is_writing = true;
        std::mem::take(&mut buffer.lines)
    }

    fn write(&mut self, line: &[u8]) {
        if self.target.write_all(line).and_then(|()| self.target.flush()).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.report_lost();
    }

    /// Reports how many lines were lost, after one was written.
    fn report_lost(&mut self) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        if lost == self.reported {
            return;
        }
        tracing::warn!("{} log lines were lost: standard error did not take them", lost - self.reported);
        let notice = take_own();
        if self.target.write_all(&notice).is_ok() {
            self.reported = lost;
        }
    }

    fn write_own(&mut self) {
        let own = take_own();
        if !own.is_empty() {
            self.write(&own);
        }
    }
}

fn take_own() -> Vec<u8> {
    OWN.with_borrow_mut(|own| own.as_mut().map(std::mem::take).unwrap_or_default())
}

#[cfg(test)]
mod tests;
