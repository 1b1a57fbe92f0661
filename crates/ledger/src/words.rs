//! The fixed words and numbers that the engines store for our types.

use std::fmt;

use connections::{PausedFor, vault};
use identity::Digest;
use identity::graph::Lane;
use identity::plan::StepKind;
use jiff::Timestamp;
use numbers::Ranges;

use crate::plans::ItemState;
use crate::{DeadLetterState, Mender, OperatorRole, PlanState, ProcessRole, State};

/// Lanes in the order in which they are served.
pub(crate) const LANES: [Lane; 2] = [Lane::Live, Lane::Bulk];

/// Stored data cannot be parsed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

impl Unreadable {
    fn word(what: &str, word: &str) -> Self {
        Self(format!("`{word}` is no {what} that this version knows"))
    }

    fn number(number: impl fmt::Display) -> Self {
        Self(format!("the number {number} is out of range"))
    }
}

pub(crate) fn lane_word(lane: Lane) -> &'static str {
    match lane {
        Lane::Live => "live",
        Lane::Bulk => "bulk",
    }
}

pub(crate) fn lane(word: &str) -> Result<Lane, Unreadable> {
    let found = LANES.into_iter().find(|lane| lane_word(*lane) == word);
    found.ok_or_else(|| Unreadable::word("lane", word))
}

pub(crate) fn operator_role(word: &str) -> Result<OperatorRole, Unreadable> {
    word.parse().map_err(|_| Unreadable::word("role of an operator", word))
}

/// Numbers as ranges.
pub(crate) fn ranges(text: &str) -> Result<Ranges, Unreadable> {
    text.parse().map_err(|error: numbers::NotRanges| Unreadable(error.to_string()))
}

/// A count for SQL.
pub(crate) fn narrow(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Numbers with their times, as JSON.
pub(crate) mod marks {
    use jiff::Timestamp;

    use super::{Unreadable, micros, time};

    pub(crate) fn write(marks: &[(u64, Timestamp)]) -> serde_json::Result<String> {
        let marks: Vec<(u64, i64)> = marks.iter().map(|(number, at)| (*number, micros(*at))).collect();
        serde_json::to_string(&marks)
    }

    pub(crate) fn read(text: &str) -> Result<Vec<(u64, Timestamp)>, Unreadable> {
        let marks: Vec<(u64, i64)> =
            serde_json::from_str(text).map_err(|error| Unreadable(error.to_string()))?;
        marks.into_iter().map(|(number, at)| Ok((number, time(at)?))).collect()
    }
}

pub(crate) fn step_word(step: StepKind) -> &'static str {
    match step {
        StepKind::Status => "status",
        StepKind::Search => "search",
        StepKind::Create => "create",
        StepKind::Edit => "edit",
    }
}

pub(crate) fn letter_state(word: &str) -> Result<DeadLetterState, Unreadable> {
    DeadLetterState::ALL
        .into_iter()
        .find(|state| state.word() == word)
        .ok_or_else(|| Unreadable::word("dead letter state", word))
}

/// The mender for a stored word; `None` for a dead letter that is not classified.
pub(crate) fn mender(word: &str) -> Option<Mender> {
    Mender::ALL.into_iter().find(|mender| mender.word() == word)
}

pub(crate) fn plan_state(word: &str) -> Result<PlanState, Unreadable> {
    let found = PlanState::ALL.into_iter().find(|state| state.word() == word);
    found.ok_or_else(|| Unreadable::word("state of a plan", word))
}

pub(crate) fn item_state(word: &str) -> Result<ItemState, Unreadable> {
    let found = ItemState::ALL.into_iter().find(|state| state.word() == word);
    found.ok_or_else(|| Unreadable::word("state of a plan's item", word))
}

pub(crate) fn process_role(word: &str) -> Result<ProcessRole, Unreadable> {
    let found = ProcessRole::ALL.into_iter().find(|role| role.word() == word);
    found.ok_or_else(|| Unreadable::word("role of a process", word))
}

pub(crate) fn state(word: &str) -> Result<State, Unreadable> {
    State::from_word(word).ok_or_else(|| Unreadable::word("state", word))
}

pub(crate) fn paused_for(word: &str) -> Result<PausedFor, Unreadable> {
    PausedFor::from_word(word).ok_or_else(|| Unreadable::word("reason for a pause", word))
}

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(crate) fn time(micros: i64) -> Result<Timestamp, Unreadable> {
    Timestamp::from_microsecond(micros).map_err(|_| Unreadable::number(micros))
}

/// The digest in a column.
pub(crate) fn key_digest(bytes: &[u8]) -> Result<vault::Digest, Unreadable> {
    bytes.try_into().map_err(|_| Unreadable("a digest is not 16 bytes long".to_owned()))
}

/// The same for a digest of [`identity`].
pub(crate) fn digest(bytes: &[u8]) -> Result<Digest, Unreadable> {
    key_digest(bytes).map(Digest)
}

/// The digests in a column that contains several, one after the other.
pub(crate) fn digests(bytes: &[u8]) -> Vec<Digest> {
    bytes.as_chunks::<16>().0.iter().map(|digest| Digest(*digest)).collect()
}

/// Converts a count from SQL; a negative sum counts as 0.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A small number that an engine wrote itself, read back.
pub(crate) fn small<N: TryFrom<i64>>(number: i64) -> Result<N, Unreadable> {
    N::try_from(number).map_err(|_| Unreadable::number(number))
}

/// A `LIMIT` for SQL.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
