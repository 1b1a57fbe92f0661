//! Ensures that delivered messages are counted before the process reports how many it holds.
//!
//! A delivery and the census question come over the same TCP connection, in this order, but different tasks receive them.
//! So before the process answers, each pump reports that it has received everything that was delivered to it by then.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long the pumps are waited for: one may be waiting for the broker. Then the count may lack a delivery.
const PUMPS_REPORT_WITHIN: Duration = Duration::from_millis(500);

/// Asks the pumps of a process for reports.
#[derive(Default)]
pub(super) struct PumpReports(Vec<mpsc::Sender<oneshot::Sender<()>>>);

/// The requests that one pump receives.
pub(super) struct ReportRequests(mpsc::Receiver<oneshot::Sender<()>>);

impl PumpReports {
    /// Adds a pump.
    pub(super) fn add(&mut self) -> ReportRequests {
        let (sender, receiver) = mpsc::channel(1);
        self.0.push(sender);
        ReportRequests(receiver)
    }

    /// Returns when each pump that still runs has received what was delivered to it before this call.
    pub(super) async fn take(&self) {
        let reports = self.0.iter().map(async |pump| {
            let (report_to, report) = oneshot::channel();
            if pump.send(report_to).await.is_ok() {
                // A pump that ends drops the request.
                report.await.ok();
            }
        });
        timeout(PUMPS_REPORT_WITHIN, join_all(reports)).await.ok();
    }
}

impl ReportRequests {
    /// The next request to report; pending for ever if the asking side is gone.
    pub(super) async fn next(&mut self) -> oneshot::Sender<()> {
        match self.0.recv().await {
            Some(report_to) => report_to,
            None => std::future::pending().await,
        }
    }
}
