//! Plans of replays: made, run, steered and reported. Commands and API call these functions; [`Runner`] does the work in any
//! process that has workers, so that nothing depends on the process that asked.

mod acts;
mod fit;
mod forecast;
mod item_result;
mod make;
mod making;
mod pace;
mod patch;
mod reasons;
mod release;
mod report;
mod runner;
#[cfg(test)]
mod tests;
mod turn;

use jiff::Timestamp;
use ledger::{Act, Plan, PlanFilter, PlanId};

pub use acts::{cancel, check_rate, pause, resume, run};
pub(crate) use make::may_be_of;
pub use make::{Made, PlanRequest, make};
pub(crate) use making::{ended, made_until, stopped};
pub use reasons::check_reason;
pub use release::envelope;
pub use report::{ItemRow, Report, report, seconds, walk};
pub use runner::Runner;

use crate::engines::Engines;
use crate::failure::Failure;

/// Share of failures at which a run with a canary stops, unless the operator gives another.
pub const STOP_IF: f64 = 0.2;

/// Number of results since the plan was resumed last, those of the canary included, before its rule can stop it.
pub const FEWEST_RESULTS: u64 = 20;

/// The actor of acts that no operator does.
const WORKER: &str = "worker";

/// How the audit calls the end of a plan before it is done.
const CANCELLED: &str = "plan_cancelled";

/// An act on a plan as the audit has it: its selector names the plan.
fn act_on(id: PlanId, selector: &str, actor: &str, at: Timestamp, reason: Option<String>) -> Act {
    Act { at, actor: actor.to_owned(), selector: format!("{selector} {}", named(id)), reason }
}

/// How the selector of an act names a plan.
fn named(id: PlanId) -> String {
    format!("(plan {id})")
}

/// The plan of this id.
///
/// # Errors
///
/// [`Failure`] with the code `no_such_plan`, or if the ledger cannot be read.
pub async fn plan(engines: &Engines, id: PlanId) -> Result<Plan, Failure> {
    let found = engines.plans.plans(&PlanFilter::one(id), engines.now()).await?;
    found.into_iter().next().ok_or_else(|| {
        Failure::refused("no_such_plan", format!("there is no plan {id}"), "`dead-letters plans` lists them")
    })
}
