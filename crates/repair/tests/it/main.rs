//! Repairs of events: changes that are applied, changes that are refused, and parts that stay as they are written.

#[cfg(test)]
mod chance;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod rfc6902;

use jiff::Timestamp;
use repair::{Patch, RepairError, Repaired, Rules};

fn received_at() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

fn patched(payload: &str, patch: &str) -> Result<Repaired, RepairError> {
    repair::patch(payload, &Patch::parse(patch)?, received_at(), &Rules::default())
}

fn edited(payload: &str, text: &str) -> Result<Repaired, RepairError> {
    repair::edit(payload, text, received_at(), &Rules::default())
}
