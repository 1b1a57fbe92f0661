//! A plan while it is being made: how long its maker may be silent, its digest, and the failure if the plan was ended meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use ledger::{AuditFilter, LedgerError, PlanId};
use sha2::{Digest as _, Sha256};

use super::{CANCELLED, named};
use crate::engines::Engines;
use crate::failure::Failure;

/// The longest time between two pages of a plan that is being made. After that its process counts as killed, and a worker cancels the
/// plan.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// Lines of the audit in which the one about a plan that was cancelled a moment ago is looked for.
const NEWEST: usize = 100;

/// The time by which the next page has to be added to a plan that is being made.
pub(crate) fn made_until(now: Timestamp) -> Timestamp {
    now.checked_add(LONGEST_SILENCE).unwrap_or(now)
}

/// The digest of a set of dead letters: SHA-256 over their ids in ascending order, because the order of reading depends on how a set is
/// selected.
pub(super) fn digest(mut letters: Vec<i64>) -> String {
    letters.sort_unstable();
    let hash = letters.iter().fold(Sha256::new(), |hash, letter| hash.chain_update(letter.to_be_bytes()));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The failure that stops the making of a plan: of the ledger, or because the plan was ended meanwhile.
pub(crate) async fn stopped(engines: &Engines, id: PlanId, error: LedgerError) -> Failure {
    match error {
        LedgerError::Fenced => ended(engines, id).await,
        other => other.into(),
    }
}

/// The failure because a plan was ended while it was being made.
pub(crate) async fn ended(engines: &Engines, id: PlanId) -> Failure {
    let by = canceller(engines, id).await.map(|actor| format!(" by {actor}")).unwrap_or_default();
    let message = format!("plan {id} was cancelled{by} while it was being made");
    let hint = "its earlier effects stay, such as stored repairs; `dead-letters plans` shows which plans reserve dead letters";
    Failure::refused("plan_state", message, hint)
}

/// The operator who has cancelled a plan, as far as the audit shows.
async fn canceller(engines: &Engines, id: PlanId) -> Option<String> {
    let actions = Some(vec![CANCELLED.to_owned()]);
    let filter = AuditFilter { actions, limit: NEWEST, ..AuditFilter::default() };
    let lines = engines.operators.audit_lines(&filter).await.ok()?;
    let of_this = named(id);
    let is_of_this = |selector: &String| selector.ends_with(&of_this);
    let line = lines.into_iter().find(|line| line.entry.selector.as_ref().is_some_and(is_of_this));
    line.map(|line| line.entry.actor)
}
