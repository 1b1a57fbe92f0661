//! Getting on where other processes change the same graphs.
//!
//! Versions find out that somebody else was faster, and then all is read again. That is cheap, and nearly always enough;
//! but nothing says that it ever ends. So after a few conflicts the graphs of the connection are claimed for a moment:
//! others are refused until it is recorded.

use std::time::Duration;

use connections::ConnectionId;
use ledger::{Claim, LedgerError};
use tracing::debug;

use crate::Worker;

/// Number of conflicts after which the connection's graphs are claimed.
const CONFLICTS: u32 = 3;
/// How many more conflicts there may be under a claim: of those who were recording already, or do not know claims.
const CONFLICTS_UNDER_CLAIM: u32 = 20;
/// How long a claim lasts if its holder does not end it, and dies.
const CLAIM_LASTS: Duration = Duration::from_secs(5);
/// How long is waited while another process has a claim, each time.
const CLAIM_WAITS: Duration = Duration::from_millis(50);
/// How often: longer than any claim lasts.
const CLAIM_PATIENCE: u32 = 120;

/// What stood in the way of recording something so far.
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

    /// The claim under which it is recorded, if there is one by now.
    pub(crate) fn claim(&self) -> Option<Claim> {
        self.claim
    }

    /// Whether it would be claimed for next.
    pub(crate) fn is_stubborn(&self) -> bool {
        self.conflicts + 1 >= CONFLICTS
    }

    /// After a failure: returns when it may be tried again.
    ///
    /// # Errors
    ///
    /// What failed, if trying again does not help.
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
            debug!(connection_id = id, "claimed the connection's graphs: others change them all the time");
            self.claim = Some(claim);
            return Ok(());
        }
        self.wait().await
    }

    /// Lets others record again.
    pub(crate) async fn end(self) {
        let Some(claim) = self.claim else { return };
        if let Err(cause) = self.worker.ledger.end_claim(self.connection, claim).await {
            debug!(connection_id = self.connection, error = %cause, "a claim ends by itself");
        }
    }
}
