//! Housekeeping: drops rows that are older than their retention, and groups dead letters of older rules again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Worker;
use crate::sweep_clock::{Progress, Reach, daily_share};

/// Interval of sweeps.
const EVERY: Duration = Duration::from_secs(60);
/// Rows of each table in one transaction; a small number, because other writers wait meanwhile.
pub const AT_ONCE: usize = 250;

/// Dead letters of one class that are given up in one transaction; a small number for the same reason.
pub const EXPIRED_AT_ONCE: usize = 100;

/// Pause between two full pages, for other writers of the ledger.
pub const REST: Duration = Duration::from_millis(20);

/// Dead letters that are classified in one transaction: few, so that other writers do not wait long.
const CLASSIFIED_AT_ONCE: usize = 100;

/// Such transactions in one sweep, so that other housekeeping goes on during an upgrade.
const CLASSIFIED_IN_A_SWEEP: usize = 20;

/// The sweeps of one process.
#[derive(Debug, Default)]
pub struct Sweeper {
    progress: Progress,
    is_behind: bool,
}

/// Drops what has expired, until `stop`.
pub async fn run(worker: &Worker, stop: &CancellationToken) {
    let mut sweeper = Sweeper::default();
    while !stop.is_cancelled() {
        let mut rest = EVERY;
        match sweeper.sweep(worker).await {
            Ok(true) => rest = REST,
            Ok(false) => {}
            Err(cause) => warn!(error = %cause, "expired rows could not be dropped"),
        }
        tokio::select! { biased; () = tokio::time::sleep(rest) => {}, () = stop.cancelled() => {} }
    }
}

impl Sweeper {
    /// Does one step; returns whether there may be more.
    ///
    /// # Errors
    /// If the ledger is not available.
    pub async fn sweep(&mut self, worker: &Worker) -> Result<bool, ledger::LedgerError> {
        let limits = &worker.limits;
        let clock = worker.ledger.sweep_clock(worker.now()).await?;
        let reach = self.progress.reach(&clock, limits);
        self.report(&reach, daily_share(limits));
        // First, so that after a crash in between nothing expires twice as fast.
        worker.ledger.set_swept(reach.until).await?;
        let outcomes = before(reach.until, limits.keep_outcomes);
        let letters = before(reach.until, limits.keep_dead_letters);
        let expired = worker.ledger.expire(outcomes, letters, AT_ONCE).await?;
        if expired.outcomes + expired.dead_letters > 0 {
            info!(outcomes = expired.outcomes, dead_letters = expired.dead_letters, "dropped expired rows");
        }
        let discarded = worker.ledger.drop_discarded(reach.until, AT_ONCE).await?;
        let classified = classify(worker).await?;
        let most = expired.outcomes.max(expired.attempts).max(expired.dead_letters).max(expired.message_ids);
        let by_class = self.expire_classes(worker, &reach).await?;
        let most = most.max(expired.plan_items).max(discarded).max(by_class);
        Ok(most >= AT_ONCE || classified)
    }

    /// Drops payloads of the classes that have a shorter retention; returns the largest number of one class.
    async fn expire_classes(&self, worker: &Worker, reach: &Reach) -> Result<usize, ledger::LedgerError> {
        let mut most = 0;
        for (class, kept) in &worker.limits.keep_dead_letters_by_class {
            let old = before(reach.until, *kept);
            let expired = worker.ledger.expire_class(class, old, worker.now(), EXPIRED_AT_ONCE).await?;
            if expired > 0 {
                info!(class, dead_letters = expired, "gave up dead letters whose retention has ended");
            }
            // A full page is looked for again at once.
            most = most.max(if expired >= EXPIRED_AT_ONCE { AT_ONCE } else { expired });
        }
        Ok(most)
    }

    /// Logs once that the clock is not trusted, and once that it is again.
    fn report(&mut self, reach: &Reach, share: Duration) {
        let is_behind = !reach.behind.is_zero();
        match (self.is_behind, is_behind) {
            (false, true) => warn!(
                days = days(reach.behind),
                days_caught_up_each_day = days(share),
                "the clock is further on than time has passed since the last sweep: events are kept longer until \
                 sweeps have caught up; if the clock is right, `retention confirm` ends that"
            ),
            (true, false) => info!("sweeps go by the clock again"),
            _ => {}
        }
        self.is_behind = is_behind;
    }
}

/// Classifies dead letters again after an upgrade; returns whether there may be more.
async fn classify(worker: &Worker) -> Result<bool, ledger::LedgerError> {
    for _ in 0..CLASSIFIED_IN_A_SWEEP {
        if worker.ledger.reclassify(CLASSIFIED_AT_ONCE).await? < CLASSIFIED_AT_ONCE {
            return Ok(false);
        }
    }
    Ok(true)
}

fn days(duration: Duration) -> f64 {
    const TENTHS_PER_DAY: f64 = 8_640.0;
    (duration.as_secs_f64() / TENTHS_PER_DAY).round() / 10.0
}

fn before(now: Timestamp, kept: Duration) -> Timestamp {
    let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
    now.checked_sub(kept).unwrap_or(Timestamp::MIN)
}
