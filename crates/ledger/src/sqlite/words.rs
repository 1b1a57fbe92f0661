//! How our types are written into columns, and read from them.

use connections::vault;
use jiff::Timestamp;
use people::Digest;
use people::graph::Lane;
use people::plan::StepKind;
use uuid::Uuid;

use super::failure::Failure;
use crate::{DeadLetterState, State};

/// Lanes in the order in which they are served.
pub(super) const LANES: [Lane; 2] = [Lane::Live, Lane::Bulk];

/// Every kind of step.
pub(super) const STEPS: [StepKind; 4] =
    [StepKind::Status, StepKind::Search, StepKind::Create, StepKind::Edit];

const LETTER_STATES: [DeadLetterState; 4] = [
    DeadLetterState::Open,
    DeadLetterState::Replaying,
    DeadLetterState::Resolved,
    DeadLetterState::Discarded,
];

pub(super) fn lane_word(lane: Lane) -> &'static str {
    match lane {
        Lane::Live => "live",
        Lane::Bulk => "bulk",
    }
}

pub(super) fn step_word(step: StepKind) -> &'static str {
    match step {
        StepKind::Status => "status",
        StepKind::Search => "search",
        StepKind::Create => "create",
        StepKind::Edit => "edit",
    }
}

pub(super) fn letter_word(state: DeadLetterState) -> &'static str {
    match state {
        DeadLetterState::Open => "open",
        DeadLetterState::Replaying => "replaying",
        DeadLetterState::Resolved => "resolved",
        DeadLetterState::Discarded => "discarded",
    }
}

pub(super) fn letter_state(word: &str) -> Result<DeadLetterState, Failure> {
    LETTER_STATES
        .into_iter()
        .find(|state| letter_word(*state) == word)
        .ok_or_else(|| unknown("dead letter state", word))
}

pub(super) fn state(word: &str) -> Result<State, Failure> {
    State::from_word(word).ok_or_else(|| unknown("state", word))
}

fn unknown(what: &str, word: &str) -> Failure {
    Failure::Unreadable(format!("`{word}` is no {what} that this version knows").into())
}

pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(super) fn time(micros: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_microsecond(micros).map_err(|error| Failure::Unreadable(error.into()))
}

pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid, Failure> {
    Uuid::from_slice(bytes).map_err(|error| Failure::Unreadable(error.into()))
}

/// The digest of a column that holds one.
pub(super) fn key_digest(bytes: &[u8]) -> Result<vault::Digest, Failure> {
    bytes.try_into().map_err(|_| Failure::Unreadable("a digest is not 16 bytes long".into()))
}

/// The digests of a column that holds many, one after the other.
pub(super) fn digests(bytes: &[u8]) -> Vec<Digest> {
    bytes.as_chunks::<16>().0.iter().map(|digest| Digest(*digest)).collect()
}

/// An affiliate's numeric id as SQLite takes it.
pub(super) fn affiliate_id(id: Option<u64>) -> Result<Option<i64>, Failure> {
    let narrow =
        |id| i64::try_from(id).map_err(|_| Failure::Broken(format!("affiliate id {id} is out of range")));
    id.map(narrow).transpose()
}

/// A count that SQL gave; sums of what was added and taken away never fall below 0.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A small number that this engine wrote itself, read back.
pub(super) fn small<N: TryFrom<i64>>(number: i64) -> Result<N, Failure> {
    N::try_from(number)
        .map_err(|_| Failure::Unreadable(format!("the number {number} is out of range").into()))
}

/// A `LIMIT` for SQL.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
