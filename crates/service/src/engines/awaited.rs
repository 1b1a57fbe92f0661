//! Waits for a ledger that is away when a process starts: all services may start at once, in any order.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

use super::{EngineError, Engines, Opening};
use crate::failure::with_causes;

/// The wait after the first failed attempt. It doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The engines once they are open. A clone sees the same.
#[derive(Clone)]
pub struct Awaited {
    engines: Arc<OnceLock<Engines>>,
    /// Whether the first attempt has ended, either way.
    tried: Arc<watch::Sender<bool>>,
}

impl Default for Awaited {
    fn default() -> Self {
        Self { engines: Arc::default(), tried: Arc::new(watch::Sender::new(false)) }
    }
}

impl Awaited {
    /// The engines, if they are open by now.
    #[must_use]
    pub fn get(&self) -> Option<&Engines> {
        self.engines.get()
    }

    /// The engines, if the first attempt has opened them. Callers wait for the first attempt while the process starts, but not
    /// for a ledger that is away.
    pub async fn get_when_tried(&self) -> Option<&Engines> {
        // `self` holds the sender, so the wait ends only with the first attempt.
        drop(self.tried.subscribe().wait_for(|tried| *tried).await);
        self.get()
    }

    /// Opens the ledger, and retries without limit while it is away. Each failed attempt is logged, and passed to `report`,
    /// with its cause.
    ///
    /// # Errors
    ///
    /// [`EngineError`] that a retry cannot solve.
    pub async fn open(&self, opening: &Opening, report: impl Fn(String)) -> Result<Engines, EngineError> {
        let mut wait = FIRST_WAIT;
        loop {
            let opened = opening.finish().await.map(|engines| self.engines.get_or_init(|| engines).clone());
            self.tried.send_replace(true);
            match opened {
                Ok(engines) => return Ok(engines),
                Err(error) if error.is_passing() => {
                    let cause = with_causes(&error);
                    tracing::warn!(
                        error = cause,
                        again_in_ms = wait.as_millis(),
                        "the ledger is unavailable: waiting for it"
                    );
                    report(cause);
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}
