//! A window that moves over the bytes of a file, or of standard input.

use std::io;

use files::Options;
use service::failure::Failure;
use sha2::{Digest as _, Sha256};

use super::source::{Input, Unreadable};

/// Upper limit of bytes of the file in memory.
const WINDOW: usize = 1024 * 1024;
const _: () = assert!(WINDOW > files::LONGEST + files::LOOK_AHEAD + 1, "the parser gets what it needs");
/// A stream that gives less at once is slow: its events are published before it is read again.
const FAST_STREAM: usize = 32 * 1024;

/// A window that moves over the bytes.
pub(super) struct Window {
    input: Input,
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
    /// No more bytes follow those of the window.
    pub(super) is_end: bool,
    /// The stream has given less than it could.
    pub(super) is_slow: bool,
    hash: Sha256,
}

impl Window {
    pub(super) fn new(input: Input) -> Self {
        let bytes = vec![0; WINDOW];
        Self { input, bytes, begin: 0, end: 0, is_end: false, is_slow: false, hash: Sha256::new() }
    }

    pub(super) fn options(&self) -> &Options {
        &self.input.options
    }

    /// The bytes in memory that are not yet passed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.begin..self.end]
    }

    /// Moves on by a number of bytes.
    pub(super) fn pass(&mut self, count: usize) {
        self.hash.update(&self.bytes[self.begin..self.begin + count]);
        self.begin += count;
    }

    /// A hash of all bytes that were passed.
    pub(super) fn digest(&self) -> String {
        self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads more bytes behind those that are not yet passed: a file until the window is full, a stream once.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it cannot be read.
    pub(super) fn fill(&mut self) -> Result<(), Failure> {
        self.bytes.copy_within(self.begin..self.end, 0);
        (self.begin, self.end) = (0, self.end - self.begin);
        while self.end < self.bytes.len() && !self.is_end {
            match self.input.reader.read(&mut self.bytes[self.end..]) {
                Ok(0) => self.is_end = true,
                Ok(count) => {
                    self.end += count;
                    self.is_slow = self.input.path.is_none() && count < FAST_STREAM;
                    if self.input.path.is_none() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        Ok(())
    }

    /// Passes bytes up to this place; false if there are fewer.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it cannot be read.
    pub(super) fn pass_up_to(&mut self, mut from: u64, place: u64) -> Result<bool, Failure> {
        while from < place {
            if self.bytes().is_empty() {
                self.fill()?;
            }
            let left = usize::try_from(place - from).unwrap_or(usize::MAX);
            let count = self.bytes().len().min(left);
            if count == 0 {
                return Ok(false);
            }
            self.pass(count);
            from += count as u64;
        }
        Ok(true)
    }

    /// Goes back to the beginning.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it cannot be read.
    pub(super) fn rewind(&mut self) -> Result<(), Failure> {
        let rewound = self.input.reader.rewind();
        rewound.map_err(|error| self.unreadable(error))?;
        (self.begin, self.end, self.is_end) = (0, 0, false);
        self.hash = Sha256::new();
        Ok(())
    }

    /// The failure because the input cannot be used.
    pub(super) fn unusable(&self, why: files::Unusable) -> Failure {
        Failure::usage("unusable_file", format!("{}: {why}", self.input.name), why.hint())
    }

    fn unreadable(&self, error: io::Error) -> Failure {
        let error = Unreadable { name: self.input.name.clone(), error };
        Failure::failed("file", &error, "when it can be read again, run the same command again: it resumes")
    }
}
