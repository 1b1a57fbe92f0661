//! The reasons for which a plan leaves out or skips dead letters.

use ledger::Plan;

use crate::failure::Failure;

/// The fixed reasons. `reserved by plan N` is another one.
const REASONS: [&str; 14] = [
    "delivered meanwhile",
    "discarded",
    "ended meanwhile",
    "expired",
    "no connection",
    "not for us",
    "pending",
    "repaired meanwhile",
    "replayed already",
    "skipped",
    "still invalid",
    "superseded",
    "too many revisions",
    "user deleted",
];

/// The beginning of the reason that names another plan.
const RESERVED: &str = "reserved by plan ";

/// Checks that a plan may leave out or skip dead letters for a reason.
///
/// # Errors
///
/// [`Failure`] with the code `plan_reason`, which lists the reasons.
pub fn check_reason(plan: &Plan, reason: &str) -> Result<(), Failure> {
    let is_of_plan = plan.counts.iter().any(|count| count.reason == reason);
    let is_reserved = reason.strip_prefix(RESERVED).is_some_and(|id| id.parse::<i64>().is_ok());
    if is_of_plan || is_reserved || REASONS.contains(&reason) {
        return Ok(());
    }
    let message = format!("no dead letter is left out for the reason `{reason}`");
    Err(Failure::usage(
        "plan_reason",
        message,
        format!("the reasons are {} and {RESERVED}N", REASONS.join(", ")),
    ))
}
