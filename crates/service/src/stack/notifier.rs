//! The loop that notifies operators, if a URL is set. Every process has it; one at a time does the work.

use std::sync::Arc;

use super::Running;
use crate::config::Config;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::health::Freshness;
use crate::notifications::Notifier;

/// Starts the loop.
///
/// # Errors
///
/// [`Failure`] if the settings of notifications cannot be used.
pub(super) fn start(config: &Config, engines: &Engines, running: &mut Running) -> Result<(), Failure> {
    let Some(notifier) = Notifier::of(config, engines)? else { return Ok(()) };
    let stop = running.stop.clone();
    running.supervisor.start("notifications", Freshness::WhileRunning, move |_| {
        let (notifier, stop) = (Arc::clone(&notifier), stop.clone());
        async move {
            notifier.run(&stop).await;
            Ok(())
        }
    });
    Ok(())
}
