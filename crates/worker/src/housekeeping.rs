//! Housekeeping: drops rows that are older than their retention, and groups dead letters of older rules again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::{Expiring, PageSize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Worker;
use crate::sweep_clock::{Progress, Reach, daily_share};

/// Interval of sweeps.
const EVERY: Duration = Duration::from_secs(60);
/// Rows of one kind in one transaction: as many as take a short time, because other writers wait meanwhile.
pub const PAGES: PageSize = PageSize::between(20, 250);

/// Pause between two full pages, for other writers of the ledger.
pub const PAUSE: Duration = Duration::from_millis(20);

/// Dead letters that are classified in one transaction: few, so that other writers do not wait long.
const CLASSIFIED_AT_ONCE: usize = 100;

/// Such transactions in one sweep, so that other housekeeping goes on during an upgrade.
const CLASSIFIED_IN_A_SWEEP: usize = 20;

/// The sweeps of one process.
#[derive(Debug, Default)]
pub struct Sweeper {
    progress: Progress,
    pages: Pages,
    is_behind: bool,
}

/// The kinds of rows that are dropped in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Old(Expiring),
    Discarded,
    OfClass,
}

/// The sizes of the next pages, each learned from those of its kind: a dead letter takes longer than a failed call.
#[derive(Debug, Default)]
struct Pages(BTreeMap<Kind, PageSize>);

impl Pages {
    fn rows(&self, kind: Kind) -> usize {
        self.0.get(&kind).unwrap_or(&PAGES).rows()
    }

    /// Learns from the number of rows that a page dropped; returns whether there may be more.
    fn learn(&mut self, kind: Kind, began: Instant, done: usize) -> bool {
        let size = self.0.entry(kind).or_insert(PAGES);
        let is_full = done >= size.rows();
        if done > 0 {
            size.learn(done, began.elapsed());
        }
        is_full
    }
}

/// Drops expired rows, until `stop`.
pub async fn run(worker: &Worker, stop: &CancellationToken) {
    let mut sweeper = Sweeper::default();
    while !stop.is_cancelled() {
        let mut pause = EVERY;
        match sweeper.sweep(worker).await {
            Ok(true) => pause = PAUSE,
            Ok(false) => {}
            Err(cause) => warn!(error = %cause, "expired rows could not be dropped"),
        }
        tokio::select! { biased; () = tokio::time::sleep(pause) => {}, () = stop.cancelled() => {} }
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
        let mut is_any_left = false;
        for what in Expiring::ALL {
            let old = if what.is_kept_with_dead_letters() { letters } else { outcomes };
            is_any_left |= self.drop_old(worker, what, old).await?;
        }
        let (began, rows) = (Instant::now(), self.pages.rows(Kind::Discarded));
        let discarded = worker.ledger.drop_discarded(reach.until, rows).await?;
        is_any_left |= self.pages.learn(Kind::Discarded, began, discarded);
        is_any_left |= classify(worker).await?;
        Ok(self.expire_classes(worker, &reach).await? || is_any_left)
    }

    /// Drops a page of one kind; whether there may be more.
    async fn drop_old(
        &mut self,
        worker: &Worker,
        what: Expiring,
        before: Timestamp,
    ) -> Result<bool, ledger::LedgerError> {
        let (began, rows) = (Instant::now(), self.pages.rows(Kind::Old(what)));
        let done = worker.ledger.expire(what, before, worker.now(), rows).await?;
        // Of these two, rows that were only looked at count.
        if done > 0 && !matches!(what, Expiring::MessageIds | Expiring::RemovedConnections) {
            info!(?what, rows = done, "dropped expired rows");
        }
        Ok(self.pages.learn(Kind::Old(what), began, done))
    }

    /// Drops payloads of the classes that have a shorter retention; whether there may be more.
    async fn expire_classes(&mut self, worker: &Worker, reach: &Reach) -> Result<bool, ledger::LedgerError> {
        let mut is_any_left = false;
        for (class, kept) in &worker.limits.keep_dead_letters_by_class {
            let old = before(reach.until, *kept);
            let (began, rows) = (Instant::now(), self.pages.rows(Kind::OfClass));
            let expired = worker.ledger.expire_class(class, old, worker.now(), rows).await?;
            if expired > 0 {
                info!(class, dead_letters = expired, "discarded dead letters whose retention has ended");
            }
            is_any_left |= self.pages.learn(Kind::OfClass, began, expired);
        }
        Ok(is_any_left)
    }

    /// Logs once that the clock is not trusted, and once that it is again.
    fn report(&mut self, reach: &Reach, share: Duration) {
        let is_behind = !reach.behind.is_zero();
        match (self.is_behind, is_behind) {
            (false, true) => warn!(
                days = days(reach.behind),
                days_caught_up_each_day = days(share),
                "the clock has advanced by more than the time since the last sweep: events are kept longer until \
                 sweeps have caught up; if the clock is right, run `retention confirm`"
            ),
            (true, false) => info!("sweeps follow the clock again"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_kind_that_takes_long_has_small_pages_and_others_have_large_ones() {
        let (slow, fast) = (Kind::Old(Expiring::DeadLetters), Kind::Discarded);
        let mut pages = Pages::default();
        for _ in 0..10 {
            for (kind, millis) in [(slow, 5), (fast, 0)] {
                let (began, rows) = (Instant::now(), pages.rows(kind));
                tokio::time::advance(Duration::from_millis(millis * rows as u64)).await;
                assert!(pages.learn(kind, began, rows), "a full page has others behind it");
            }
        }
        assert_eq!((pages.rows(slow), pages.rows(fast)), (20, 250));
        assert!(!pages.learn(fast, Instant::now(), 0));
    }
}
