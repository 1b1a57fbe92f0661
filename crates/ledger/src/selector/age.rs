//! Ages: times relative to now, until a selector is frozen.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::Term;

/// The longest age, in seconds: about a hundred years.
const MAX_SECONDS: i64 = 100 * 366 * 86_400;

/// An age: the time since a dead letter died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// Whether it died less than this time ago, not more.
    pub is_younger: bool,
    /// The number of units.
    pub amount: u32,
    /// The unit.
    pub unit: Unit,
}

/// The unit of an age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `s`.
    Second,
    /// `m`.
    Minute,
    /// `h`.
    Hour,
    /// `d`: 24 hours.
    Day,
    /// `w`: seven days.
    Week,
}

impl Unit {
    pub(super) const ALL: [Self; 5] = [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Week];

    fn letter(self) -> char {
        match self {
            Self::Second => 's',
            Self::Minute => 'm',
            Self::Hour => 'h',
            Self::Day => 'd',
            Self::Week => 'w',
        }
    }

    fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 604_800,
        }
    }
}

impl Age {
    /// Reads `<2d` or `>30m`; `None` if it is neither, or longer than a hundred years.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (is_younger, rest) = match text.strip_prefix('<') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('>')?),
        };
        let letter = rest.chars().next_back()?;
        let unit = Unit::ALL.into_iter().find(|unit| unit.letter() == letter)?;
        let digits = &rest[..rest.len() - letter.len_utf8()];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let amount: u32 = digits.parse().ok()?;
        (i64::from(amount) * unit.seconds() <= MAX_SECONDS).then_some(Self { is_younger, amount, unit })
    }

    /// Converts the age to an absolute time, as of `now`, in whole microseconds as the ledger stores times.
    pub(super) fn freeze(self, now: Timestamp) -> Term {
        let ago = SignedDuration::from_secs(i64::from(self.amount) * self.unit.seconds());
        let at = now.checked_sub(ago).unwrap_or(Timestamp::MIN);
        let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        if self.is_younger { Term::DiedFrom(at) } else { Term::DiedBefore(at) }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_younger { '<' } else { '>' };
        write!(out, "{sign}{}{}", self.amount, self.unit.letter())
    }
}
