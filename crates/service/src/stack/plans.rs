//! Plans of replays run in every process that has workers.

use tokio_util::sync::CancellationToken;

use super::Running;
use crate::engines::Engines;
use crate::health::Freshness;
use crate::operator::plans::Runner;

/// Starts the runner.
pub(super) fn start(engines: &Engines, running: &mut Running) {
    let (engines, stop) = (engines.clone(), running.stop.clone());
    running.supervisor.start("plans", Freshness::WhileRunning, move |_| {
        let (engines, stop) = (engines.clone(), stop.clone());
        async move { run(&engines, &stop).await }
    });
}

async fn run(engines: &Engines, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut runner = Runner::new(engines);
    let mut is_away = false;
    while !stop.is_cancelled() {
        let wait = match runner.step(engines).await {
            Ok(wait) => {
                is_away = false;
                wait
            }
            Err(error) => {
                if !std::mem::replace(&mut is_away, true) {
                    tracing::warn!(%error, "plans are not processed: the ledger cannot be read");
                }
                std::time::Duration::from_secs(1)
            }
        };
        tokio::select! { biased; () = stop.cancelled() => {}, () = tokio::time::sleep(wait) => {} }
    }
    Ok(())
}
