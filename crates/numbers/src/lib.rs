//! Sets of numbers, stored as ranges: the numbers of published messages, and of those that have arrived.
//!
//! Messages arrive nearly in order, so a set of millions of numbers has only a few ranges. Written as text it is
//! `1-40,42,50-60`.

use std::fmt;
use std::str::FromStr;

/// A set of numbers. Its ranges are in order, and neither overlap nor touch each other.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

/// The text is not a set of numbers.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a list of ranges such as 1-40,42")]
pub struct NotRanges;

impl Ranges {
    /// All numbers from `first` to `last`, both included; empty if `last` is less.
    #[must_use]
    pub fn of(first: u64, last: u64) -> Self {
        if first > last { Self::default() } else { Self(vec![(first, last)]) }
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    /// The least number.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.0.first().map(|(first, _)| *first)
    }

    /// The greatest number.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|(_, last)| *last)
    }

    /// The ranges, in order, each with its first and its last number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().copied()
    }

    /// The number of ranges.
    #[must_use]
    pub fn ranges(&self) -> usize {
        self.0.len()
    }

    /// Removes and returns the lowest range.
    pub fn take_lowest(&mut self) -> Option<(u64, u64)> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Adds all numbers from `first` to `last`.
    pub fn insert(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        // Ranges that overlap or touch the new one are merged with it.
        let begin = self.0.partition_point(|(_, end)| end.saturating_add(1) < first);
        let behind = self.0.partition_point(|(start, _)| *start <= last.saturating_add(1));
        let joined = self.0[begin..behind]
            .iter()
            .fold((first, last), |(first, last), (start, end)| (first.min(*start), last.max(*end)));
        self.0.splice(begin..behind, [joined]);
    }

    /// Adds all numbers of another set.
    pub fn add(&mut self, other: &Self) {
        for (first, last) in other.iter() {
            self.insert(first, last);
        }
    }

    /// The numbers that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut others = other.0.as_slice();
        for (first, last) in self.iter() {
            let mut next = Some(first);
            others = &others[others.partition_point(|(_, end)| *end < first)..];
            for (start, end) in others.iter().take_while(|(start, _)| *start <= last) {
                if let Some(begin) = next.filter(|begin| begin < start) {
                    left.push((begin, start - 1));
                }
                next = end.checked_add(1);
            }
            left.extend(next.filter(|begin| *begin <= last).map(|begin| (begin, last)));
        }
        Self(left)
    }

    /// The numbers that are in `other` as well.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.iter().enumerate() {
            if place > 0 {
                formatter.write_str(",")?;
            }
            if first == last {
                write!(formatter, "{first}")?;
            } else {
                write!(formatter, "{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{self}]")
    }
}

impl FromStr for Ranges {
    type Err = NotRanges;

    fn from_str(text: &str) -> Result<Self, NotRanges> {
        let mut ranges = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u64>().map_err(|_| NotRanges);
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(NotRanges);
            }
            ranges.insert(first, last);
        }
        Ok(ranges)
    }
}

#[cfg(test)]
mod tests;
