//! Removes the remaining rows of removed connections, for a process that removes one. Otherwise sweeps do this.

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::{Expiring, Housekeeping, LedgerError, PageSize};

/// The minimum and maximum number of rows that are removed in one transaction.
const LEAST_ROWS: usize = 20;
const MOST_ROWS: usize = 250;

/// Removes the rows of removed connections, page by page. After each page, it waits as long as the page took, so that others can write.
///
/// # Errors
/// If the ledger is not available. Sweeps then remove the rest.
pub async fn finish_removals(
    ledger: &(impl Housekeeping + ?Sized),
    now: Timestamp,
) -> Result<(), LedgerError> {
    let mut pages = PageSize::between(LEAST_ROWS, MOST_ROWS);
    loop {
        let (began, rows) = (Instant::now(), pages.rows());
        if ledger.expire(Expiring::RemovedConnections, now, now, rows).await? == 0 {
            return Ok(());
        }
        let took = began.elapsed();
        pages.learn(rows, took);
        sleep(took).await;
    }
}
