//! Makes progress although other processes change the same graphs.
//!
//! Versions show that another process was faster, and then everything is read again. That is cheap, and nearly always enough,
//! but it may never end. So after a few conflicts the graphs of the connection are claimed for a moment: changes by others are
//! refused until this one is recorded.

use std::time::Duration;

use connections::ConnectionId;
use ledger::{Claim, LedgerError};
use tracing::debug;

use crate::Worker;

/// Number of conflicts after which the connection's graphs are claimed.
const CONFLICTS: u32 = 3;
/// Maximum number of further conflicts under a claim, with processes that were recording already, or do not know claims.
const CONFLICTS_UNDER_CLAIM: u32 = 20;
/// How long a claim lasts if its holder dies before it ends it.
const CLAIM_LASTS: Duration = Duration::from_secs(5);
/// One wait while another process has a claim.
const CLAIM_WAITS: Duration = Duration::from_millis(50);
/// Maximum number of such waits: together longer than any claim lasts.
const CLAIM_PATIENCE: u32 = 120;

/// The conflicts and waits of one recording so far.
pub(crate) struct Contention<'w> {
    worker: &'w Worker,
    connection: ConnectionId,
    conflicts: u32,
    waited: u32,
    claim: Option<Claim>,
}

impl<'w> Contention<'w> {
    pub(crate) fn none_yet(worker: &'w Worker, connection: ConnectionId) -> Self {
        Self { worker, connection, conflicts: 0, waited: 0, claim: None }
    }

    /// The claim under which to record, if there is one.
    pub(crate) fn claim(&self) -> Option<Claim> {
        self.claim
    }

    /// Whether the next conflict leads to a claim.
    pub(crate) fn is_stubborn(&self) -> bool {
        self.conflicts + 1 >= CONFLICTS
    }

    /// Handles a failure to record: returns when it may be tried again.
    ///
    /// # Errors
    ///
    /// The failure, if trying again does not help.
    pub(crate) async fn passes(&mut self, failed: LedgerError) -> Result<(), LedgerError> {
        match failed {
            LedgerError::Conflict => self.conflicts += 1,
            LedgerError::Claimed => return self.wait().await,
            other => return Err(other),
        }
        if self.conflicts > CONFLICTS + CONFLICTS_UNDER_CLAIM {
            return Err(LedgerError::Conflict);
        }
        if self.conflicts >= CONFLICTS && self.claim.is_none() {
            return self.make_claim().await;
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), LedgerError> {
        self.waited += 1;
        if self.waited > CLAIM_PATIENCE {
            return Err(LedgerError::Claimed);
        }
        tokio::time::sleep(CLAIM_WAITS).await;
        Ok(())
    }

    async fn make_claim(&mut self) -> Result<(), LedgerError> {
        let claim = Claim { holder: self.worker.random_id(), until: self.worker.now() + CLAIM_LASTS };
        if self.worker.ledger.claim(self.connection, claim, self.worker.now()).await? {
            let id = self.connection;
            debug!(connection_id = id, "claimed the connection's graphs: other processes keep changing them");
            self.claim = Some(claim);
            return Ok(());
        }
        self.wait().await
    }

    /// Ends the claim, so that others can record again.
    pub(crate) async fn end(self) {
        let Some(claim) = self.claim else { return };
        if let Err(cause) = self.worker.ledger.end_claim(self.connection, claim).await {
            debug!(connection_id = self.connection, error = %cause, "a claim ends by itself");
        }
    }
}
