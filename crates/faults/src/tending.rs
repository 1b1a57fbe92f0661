//! Lets time pass while processes are tended.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often they are tended.
pub(crate) const TEND_EVERY: Duration = Duration::from_millis(50);

/// Lets `time` pass, and tends again and again meanwhile.
///
/// # Errors
///
/// That of the first `tend` that fails.
pub(crate) async fn pass(time: Duration, mut tend: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        tend()?;
        sleep(TEND_EVERY.min(end.saturating_duration_since(Instant::now()))).await;
    }
    Ok(())
}
