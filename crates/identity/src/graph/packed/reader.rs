//! The reader of the parts of a graph. It trusts nothing: every length is checked against the bytes that are left, and
//! every place against the values that came before.

use std::sync::Arc;

use super::{Damaged, FORM_1, SHARED_AT_MOST};
use crate::digest::Digest;
use crate::stamp::{Moment, Span, Stamp};

/// A value that was read, or the reason why it cannot be.
pub(super) type Read<T> = Result<T, Damaged>;

const TOO_SHORT: Damaged = Damaged("it ends too early");
pub(super) const TOO_LARGE: Damaged = Damaged("a number is too large");
const UNKNOWN: Damaged = Damaged("it refers to something that it does not hold");
pub(super) const NO_FLAGS: Damaged = Damaged("its flags have no meaning");

/// The bytes that are left, and the values that earlier bytes have defined.
pub(super) struct Reader<'b> {
    rest: &'b [u8],
    /// The form that the bytes have.
    form: u8,
    /// The graph's identifiers, in order.
    digests: Vec<Digest>,
    /// The texts that may be referred to.
    texts: Vec<&'b str>,
    stamps: Vec<Stamp>,
    /// The moment read last.
    moment: i64,
}

impl<'b> Reader<'b> {
    /// A reader of these bytes, which follow the number of their form.
    pub(super) fn new(form: u8, bytes: &'b [u8]) -> Self {
        let texts = Vec::with_capacity(64.min(bytes.len()));
        Self { rest: bytes, form, digests: Vec::new(), texts, stamps: Vec::new(), moment: 0 }
    }

    /// Whether an earlier program wrote the bytes.
    pub(super) fn is_of_form_1(&self) -> bool {
        self.form == FORM_1
    }

    /// Ends the reading: nothing may be left.
    pub(super) fn done(self) -> Read<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Damaged("something follows it")) }
    }

    /// The digest of the next of the graph's own identifiers.
    pub(super) fn own_digest(&mut self) -> Read<Digest> {
        let digest = Digest(self.array()?);
        self.digests.push(digest);
        Ok(digest)
    }

    /// Reads a list, each item of which has at least `fewest` bytes.
    pub(super) fn many<T>(
        &mut self,
        fewest: usize,
        mut one: impl FnMut(&mut Self) -> Read<T>,
    ) -> Read<Vec<T>> {
        let count = self.number()?;
        if count > (self.rest.len() / fewest) as u64 {
            return Err(TOO_SHORT);
        }
        let mut all = Vec::with_capacity(count as usize);
        for _ in 0..count {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// Reads flags, of which `all` have a meaning.
    pub(super) fn flags(&mut self, all: u64) -> Read<u64> {
        let flags = self.number()?;
        if flags & !all == 0 { Ok(flags) } else { Err(NO_FLAGS) }
    }

    /// Reads an optional part, if its flag is set.
    pub(super) fn when<T>(&mut self, flag: u64, one: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if flag == 0 { Ok(None) } else { one(self).map(Some) }
    }

    /// Reads the first and the last stamp.
    pub(super) fn span(&mut self) -> Read<Span> {
        Ok(Span { first: self.stamp()?, last: self.stamp()? })
    }

    /// Reads a stamp that has no mark.
    pub(super) fn stamp(&mut self) -> Read<Stamp> {
        match self.marked_stamp()? {
            (stamp, 0) => Ok(stamp),
            _ => Err(NO_FLAGS),
        }
    }

    /// Reads a stamp, and the mark beside it. Equal stamps share their key.
    pub(super) fn marked_stamp(&mut self) -> Read<(Stamp, u64)> {
        let head = self.number()?;
        if let Some(at) = (head >> 1).checked_sub(1) {
            let stamp = self.stamps.get(at as usize).ok_or(UNKNOWN)?;
            return Ok((stamp.clone(), head & 1));
        }
        let time = self.moment()?;
        let (revision, received) =
            if self.is_of_form_1() { (self.number()?, 0) } else { self.marked_number()? };
        let received = self.when(received, Self::moment)?;
        let revision = u32::try_from(revision).map_err(|_| TOO_LARGE)?;
        let stamp = Stamp { time, received, key: Arc::from(self.text()?), revision };
        self.stamps.push(stamp.clone());
        Ok((stamp, head & 1))
    }

    /// Reads a moment.
    pub(super) fn moment(&mut self) -> Read<Moment> {
        let zigzag = self.number()?;
        let since = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        self.moment = self.moment.wrapping_add(since);
        Ok(Moment(self.moment))
    }

    /// Reads a digest.
    pub(super) fn digest(&mut self) -> Read<Digest> {
        match self.number()?.checked_sub(1) {
            None => Ok(Digest(self.array()?)),
            Some(at) => self.digests.get(at as usize).copied().ok_or(UNKNOWN),
        }
    }

    /// Reads a text that may occur again.
    pub(super) fn shared(&mut self) -> Read<&'b str> {
        self.shared_or_none()?.ok_or(Damaged("a text is missing"))
    }

    /// Reads a text that may occur again, or may be missing.
    pub(super) fn shared_or_none(&mut self) -> Read<Option<&'b str>> {
        let head = self.number()?;
        if head & 1 != 0 {
            let text = self.text_of(head >> 1)?;
            if text.len() <= SHARED_AT_MOST {
                self.texts.push(text);
            }
            return Ok(Some(text));
        }
        match (head >> 1).checked_sub(1) {
            None => Ok(None),
            Some(at) => self.texts.get(at as usize).copied().map(Some).ok_or(UNKNOWN),
        }
    }

    /// Reads a text that occurs once.
    pub(super) fn text(&mut self) -> Read<&'b str> {
        let length = self.number()?;
        self.text_of(length)
    }

    fn text_of(&mut self, length: u64) -> Read<&'b str> {
        let length = usize::try_from(length).map_err(|_| TOO_SHORT)?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(TOO_SHORT)?;
        self.rest = rest;
        str::from_utf8(text).map_err(|_| Damaged("a text is not UTF-8"))
    }

    /// Reads 16 bytes as they are.
    pub(super) fn array(&mut self) -> Read<[u8; 16]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(*array)
    }

    /// Reads a number, and the mark in its lowest bit.
    fn marked_number(&mut self) -> Read<(u64, u64)> {
        let number = self.number()?;
        Ok((number >> 1, number & 1))
    }

    /// Reads a number of at most 32 bits.
    pub(super) fn small_number(&mut self) -> Read<u32> {
        u32::try_from(self.number()?).map_err(|_| TOO_LARGE)
    }

    /// Reads a number.
    pub(super) fn number(&mut self) -> Read<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(TOO_SHORT)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return Err(TOO_LARGE);
            }
            number |= bits << shift;
            if *byte < 0x80 {
                return Ok(number);
            }
        }
        Err(TOO_LARGE)
    }
}
