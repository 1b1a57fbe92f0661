//! The patch of a plan: the events of its frozen dead letters are repaired before they are looked at.

use ledger::plans::{ItemChange, ItemFilter, ItemState, Patched};
use ledger::{Act, DeadLetterView, PlanId};
use repair::Patch;

use super::release::{eligible, letters};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;
use crate::operator::repairs::{Means, Outcome, RepairResult, Repairer, Samples, repair_page};

/// Dead letters that are repaired in one transaction.
const AT_ONCE: usize = 100;

/// Repairs the events of a plan's items, page by page. What the patch cannot repair is left out.
pub(super) async fn apply(
    engines: &Engines,
    blocked: &[String],
    (plan, patch, act): (PlanId, &Patch, &Act),
    samples: &mut Samples,
) -> Result<Patched, Failure> {
    let directory = Directory::read(engines, None).await?;
    let repairer = Repairer::new(&directory, blocked);
    let (mut patched, mut after) = (Patched::default(), None);
    loop {
        let state = Some(ItemState::Planned);
        let filter = ItemFilter { plan, state, after, limit: AT_ONCE, ..ItemFilter::default() };
        let items = engines.plans.plan_items(&filter).await?;
        let Some(last) = items.last() else { return Ok(patched) };
        after = Some((last.connection, last.person, last.letter));
        let found = letters(engines, items.iter().map(|item| item.letter).collect()).await?;
        let found: Vec<DeadLetterView> = found.into_values().collect();
        let outcomes = repair_page(engines, &repairer, &found, (&Means::Patch(patch), act), samples).await?;
        let mut changes = Vec::new();
        for outcome in outcomes {
            match outcome.result {
                RepairResult::Changed => patched.changed += 1,
                RepairResult::Unchanged => patched.unchanged += 1,
                _ => changes.push(left_out(&outcome, &found, &directory)),
            }
        }
        if !changes.is_empty() {
            engines.plans.change_plan_items(plan, None, &changes).await?;
        }
    }
}

/// What was not repaired would be sent as it is, so it is left out.
fn left_out(outcome: &Outcome, letters: &[DeadLetterView], directory: &Directory) -> ItemChange {
    let letter = letters.iter().find(|letter| letter.id == outcome.id);
    let reason = match outcome.result {
        RepairResult::Conflict => "repaired meanwhile",
        RepairResult::TooMany => "too many revisions",
        RepairResult::NotOpen => {
            letter.and_then(|letter| eligible(letter, directory).err()).unwrap_or("ended meanwhile")
        }
        _ => "still invalid",
    };
    ItemChange::to(outcome.id, ItemState::LeftOut, reason)
}
