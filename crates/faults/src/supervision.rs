//! Waits while processes are supervised.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often processes are supervised.
pub(crate) const SUPERVISION_INTERVAL: Duration = Duration::from_millis(50);

/// Waits for `time`, and calls `supervise` at intervals meanwhile.
///
/// # Errors
///
/// The error of the first `supervise` that fails.
pub(crate) async fn pass(
    time: Duration,
    mut supervise: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        supervise()?;
        sleep(SUPERVISION_INTERVAL.min(end.saturating_duration_since(Instant::now()))).await;
    }
    Ok(())
}
