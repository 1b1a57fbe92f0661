//! Housekeeping: what is older than its retention goes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Worker;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);
/// Rows of each table in one transaction.
const AT_ONCE: usize = 5_000;

/// Drops what has expired, until `stop`.
pub async fn run(worker: &Worker, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match sweep(worker).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(cause) => warn!(%cause, "what has expired could not be dropped"),
        }
        tokio::select! { biased; () = tokio::time::sleep(EVERY) => {}, () = stop.cancelled() => {} }
    }
}

/// One step; whether there may be more.
async fn sweep(worker: &Worker) -> Result<bool, ledger::LedgerError> {
    let now = worker.now();
    let limits = &worker.limits;
    let outcomes = before(now, limits.keep_outcomes);
    let letters = before(now, limits.keep_dead_letters);
    let expired = worker.ledger.expire(outcomes, letters, AT_ONCE).await?;
    if expired.outcomes + expired.dead_letters > 0 {
        info!(outcomes = expired.outcomes, dead_letters = expired.dead_letters, "dropped what had expired");
    }
    let most = expired.outcomes.max(expired.attempts).max(expired.dead_letters).max(expired.message_ids);
    Ok(most >= AT_ONCE)
}

fn before(now: Timestamp, kept: Duration) -> Timestamp {
    let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
    now.checked_sub(kept).unwrap_or(Timestamp::MIN)
}
