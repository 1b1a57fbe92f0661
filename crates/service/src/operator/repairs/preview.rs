//! The preview of a patch: the difference in a few dead letters, and how many of all it would change.

use std::collections::BTreeMap;

use connections::ConnectionId;
use ledger::DeadLetterView;
use repair::{Change, Patch};
use serde::Serialize;

use super::{Means, NotRepaired, Proposal, RepairResult, Repairer, newest};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::dead_letters::{AT_ONCE, Pages, Selection};

/// Dead letters whose changes are shown.
const SAMPLES: usize = 3;

/// The effect of a change on one dead letter. Personal data.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// The dead letter.
    pub id: i64,
    /// The number of its connection.
    #[serde(skip)]
    pub connection: ConnectionId,
    /// The differences; `None` if it is not changed.
    pub changes: Option<Vec<Change>>,
    /// The reason why it is not changed.
    pub reason: Option<String>,
}

/// The first three dead letters that a change was tried on.
#[derive(Debug, Default)]
pub struct Samples(pub Vec<Sample>);

impl Samples {
    /// Keeps the effect of a change on a dead letter, if it is one of the first.
    pub fn see(&mut self, letter: &DeadLetterView, proposed: &Result<Proposal, NotRepaired>) {
        if self.0.len() < SAMPLES {
            let changes = proposed.as_ref().ok().map(|proposal| proposal.repaired.changes.clone());
            let reason = proposed.as_ref().err().map(ToString::to_string);
            self.0.push(Sample { id: letter.id, connection: letter.connection, changes, reason });
        }
    }
}

/// The effect of a patch on a selection.
#[derive(Debug, Default)]
pub struct Preview {
    /// How many dead letters would end in each way.
    pub results: BTreeMap<RepairResult, u64>,
    /// How many would not be changed, by reason; at most one reason for each operation of the patch and kind of refusal.
    pub reasons: BTreeMap<String, u64>,
    /// The three newest.
    pub samples: Samples,
}

/// Tries a patch on every dead letter of a selection, page by page. Nothing is stored.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read.
pub async fn preview(
    engines: &Engines,
    repairer: &Repairer,
    selection: &Selection,
    patch: &Patch,
) -> Result<Preview, Failure> {
    let (mut preview, mut pages) = (Preview::default(), Pages::of(selection));
    loop {
        let letters = pages.next(engines, AT_ONCE).await?;
        if letters.is_empty() {
            return Ok(preview);
        }
        let versions = newest(engines, &letters).await?;
        for letter in &letters {
            let Some(version) = versions.get(&letter.id) else { continue };
            let proposed = repairer.propose(letter, version, &Means::Patch(patch));
            preview.samples.see(letter, &proposed);
            let result = match &proposed {
                Ok(_) if version.revision >= ledger::MAX_REVISIONS => RepairResult::TooMany,
                Ok(_) => RepairResult::Changed,
                Err(why) => {
                    *preview.reasons.entry(why.to_string()).or_default() += 1;
                    why.result()
                }
            };
            *preview.results.entry(result).or_default() += 1;
        }
    }
}
