//! Weeks of events: creates them ahead, and drops old ones.

use jiff::Timestamp;

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::{PostgresLedger, drop_week, notes, thin_week, weeks};

/// The error code for a lock that was not available in time. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const LOCK_NOT_AVAILABLE: &str = "55P03";

impl PostgresLedger {
    /// Creates the partitions of the next weeks. Then drops the oldest week of which few events stay, as a whole; if there is none, deletes
    /// at most `most` events of the old weeks, one by one. Returns the number of deleted events.
    pub(super) async fn expire_week(&self, before: Timestamp, most: usize) -> Result<usize, Failure> {
        on!(self.begin(), |db| notes::sum_up(db))?;
        on!(self.read(), |db| weeks::make_ahead(db))?;
        let ended = on!(self.read(), |db| weeks::ended(db, before))?;
        let mut crowded = Vec::new();
        for week in ended {
            if !on!(self.read(), |db| drop_week::few_stay(db, week, before))? {
                crowded.push(week);
                continue;
            }
            let dropped = self.drop_week(week, before).await?;
            if dropped > 0 {
                return Ok(dropped);
            }
        }
        for week in crowded {
            while let Some(dropped) = on!(self.begin(), |db| thin_week::page(db, week, before, most))? {
                if dropped > 0 {
                    return Ok(dropped);
                }
            }
        }
        Ok(0)
    }

    async fn drop_week(&self, week: i64, before: Timestamp) -> Result<usize, Failure> {
        match on!(self.begin(), |db| drop_week::drop_week(db, week, before)) {
            Err(failure) if failure.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => {
                tracing::info!(week, "a week of events is in use, and is dropped later");
                Ok(0)
            }
            done => done,
        }
    }
}
