//! Writes our types into columns of SQLite, and reads them, where this differs from other engines.

use uuid::Uuid;

use super::failure::Failure;
pub(super) use crate::words::{
    LANES, count, digest, digests, item_state, key_digest, lane, lane_word, letter_state, limit, marks,
    mender, micros, narrow, operator_role, plan_state, process_role, ranges, small, state, step_word, time,
};

pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid, Failure> {
    Uuid::from_slice(bytes).map_err(|error| Failure::Unreadable(error.into()))
}

/// An affiliate's numeric id as a value for SQLite.
pub(super) fn affiliate_id(id: Option<u64>) -> Result<Option<i64>, Failure> {
    let narrow =
        |id| i64::try_from(id).map_err(|_| Failure::Broken(format!("affiliate id {id} is out of range")));
    id.map(narrow).transpose()
}
