//! The writer of the parts of a graph. A value that occurs for the first time is written in place, and numbered for later,
//! so one pass is enough.

use super::SHARED_AT_MOST;
use super::table::{Table, hash, mix};
use crate::digest::Digest;
use crate::stamp::{Moment, Span, Stamp};

/// The bytes so far, and the values that they contain.
pub(super) struct Writer<'g> {
    bytes: Vec<u8>,
    /// The graph's identifiers, in order.
    digests: Vec<Digest>,
    texts: Table<&'g str>,
    stamps: Table<&'g Stamp>,
    /// The stamp written last, with its place: mostly it is the next one too.
    stamp: Option<(&'g Stamp, u64)>,
    /// The moment written last.
    moment: i64,
}

impl<'g> Writer<'g> {
    /// A writer of a graph with these identifiers.
    pub(super) fn new(digests: Vec<Digest>) -> Self {
        Self {
            bytes: Vec::with_capacity(512),
            digests,
            texts: Table::with_room(64),
            stamps: Table::with_room(8),
            stamp: None,
            moment: 0,
        }
    }

    /// The bytes that were written.
    pub(super) fn done(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes how many there are, then each.
    pub(super) fn many<I: IntoIterator<IntoIter: ExactSizeIterator>>(
        &mut self,
        all: I,
        mut each: impl FnMut(&mut Self, I::Item),
    ) {
        let all = all.into_iter();
        self.number(all.len() as u64);
        for one in all {
            each(self, one);
        }
    }

    /// Writes the first and the last stamp.
    pub(super) fn span(&mut self, span: &'g Span) {
        self.stamp(&span.first, false);
        self.stamp(&span.last, false);
    }

    /// Writes a stamp, and a mark beside it.
    pub(super) fn stamp(&mut self, stamp: &'g Stamp, mark: bool) {
        if let Some((last, place)) = self.stamp
            && last == stamp
        {
            return self.number(place << 1 | u64::from(mark));
        }
        let Stamp { time, received, key, revision } = stamp;
        let known = self.stamps.place(mix(hash(key), time.0.cast_unsigned()), stamp);
        self.number((known.unwrap_or(0) as u64) << 1 | u64::from(mark));
        if known.is_none() {
            self.moment(*time);
            self.number(u64::from(*revision) << 1 | u64::from(received.is_some()));
            if let Some(received) = received {
                self.moment(*received);
            }
            self.text(key);
        }
        self.stamp = Some((stamp, known.unwrap_or(self.stamps.len()) as u64));
    }

    /// Writes how far a moment is from the one before it. The difference wraps, so every moment has one.
    pub(super) fn moment(&mut self, Moment(at): Moment) {
        let since = at.wrapping_sub(self.moment);
        self.moment = at;
        self.number((since << 1 ^ since >> 63).cast_unsigned());
    }

    /// Writes a digest: by its place, if it is of one of the graph's own identifiers.
    pub(super) fn digest(&mut self, digest: &Digest) {
        match self.digests.binary_search(digest) {
            Ok(at) => self.number(at as u64 + 1),
            Err(_) => {
                self.bytes.push(0);
                self.raw(&digest.0);
            }
        }
    }

    /// Writes a text that may occur again.
    pub(super) fn shared(&mut self, text: Option<&'g str>) {
        let Some(text) = text else {
            return self.bytes.push(0);
        };
        if text.len() <= SHARED_AT_MOST
            && let Some(place) = self.texts.place(hash(text), text)
        {
            return self.number((place as u64) << 1);
        }
        self.number((text.len() as u64) << 1 | 1);
        self.raw(text.as_bytes());
    }

    /// Writes a text that occurs once.
    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.raw(text.as_bytes());
    }

    /// Writes a number.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}
