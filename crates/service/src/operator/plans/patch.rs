//! Repairs the events of a plan's dead letters with its patch, before they are forecast and frozen.

use std::collections::BTreeMap;

use ledger::plans::{Candidate, NewItem, Patched};
use ledger::{Act, DeadLetterView, PageSize};
use repair::Patch;

use super::forecast::left_out;
use super::release::{eligible, letters};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;
use crate::operator::dead_letters::changed_at_once;
use crate::operator::repairs::{Means, Outcome, RepairResult, Repairer, Samples, repair_page};

/// Repairs events page by page.
pub(super) struct Patching<'p> {
    engines: &'p Engines,
    directory: &'p Directory,
    repairer: Repairer,
    patch: &'p Patch,
    act: &'p Act,
    samples: &'p mut Samples,
    /// Dead letters that are repaired in the next transaction.
    at_once: PageSize,
    /// How many were repaired until now.
    pub(super) patched: Patched,
}

impl<'p> Patching<'p> {
    pub(super) fn new(
        engines: &'p Engines,
        (directory, blocked): (&'p Directory, &'p [String]),
        (patch, act): (&'p Patch, &'p Act),
        samples: &'p mut Samples,
    ) -> Self {
        let (repairer, patched) = (Repairer::new(directory, blocked), Patched::default());
        Self { engines, directory, repairer, patch, act, samples, at_once: changed_at_once(), patched }
    }

    /// Repairs the events of a page, all of them reserved by this plan. Returns the dead letters to look at, and those that the
    /// patch cannot repair: they would be sent as they are, so they are left out.
    pub(super) async fn page(
        &mut self,
        page: Vec<Candidate>,
    ) -> Result<(Vec<Candidate>, Vec<NewItem>), Failure> {
        let mut reasons = BTreeMap::new();
        let own: Vec<i64> = page.iter().map(|it| it.letter).collect();
        let mut rest = &own[..];
        while !rest.is_empty() {
            let (ids, others) = self.at_once.split(rest);
            self.repair(ids, &mut reasons).await?;
            rest = others;
        }
        let (failed, repaired): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|candidate| reasons.contains_key(&candidate.letter));
        let failed = failed.iter().map(|candidate| left_out(candidate, reasons[&candidate.letter]));
        Ok((repaired, failed.collect()))
    }

    async fn repair(
        &mut self,
        ids: &[i64],
        reasons: &mut BTreeMap<i64, &'static str>,
    ) -> Result<(), Failure> {
        let found = letters(self.engines, ids.to_vec()).await?;
        let found: Vec<DeadLetterView> = found.into_values().collect();
        let means = (&Means::Patch(self.patch), self.act);
        let learned = (&mut *self.samples, &mut self.at_once);
        for outcome in repair_page(self.engines, &self.repairer, &found, means, learned).await? {
            match outcome.result {
                RepairResult::Changed => self.patched.changed += 1,
                RepairResult::Unchanged => self.patched.unchanged += 1,
                _ => drop(reasons.insert(outcome.id, self.reason(&outcome, &found))),
            }
        }
        Ok(())
    }

    fn reason(&self, outcome: &Outcome, letters: &[DeadLetterView]) -> &'static str {
        let letter = letters.iter().find(|letter| letter.id == outcome.id);
        match outcome.result {
            RepairResult::Conflict => "repaired meanwhile",
            RepairResult::TooMany => "too many revisions",
            RepairResult::NotOpen => {
                letter.and_then(|letter| eligible(letter, self.directory).err()).unwrap_or("ended meanwhile")
            }
            _ => "still invalid",
        }
    }
}
