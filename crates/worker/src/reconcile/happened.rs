//! Waits for anything that can wake a holder: the end of calls and recordings, handoffs of absorb, and the time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Ended, Holder, RECORD_AT_MOST};
use crate::handoff::{Handoff, HandoffQueue};

/// Number of started calls from which on a round waits for as many to end, for up to [`GATHER`], before the next one.
const MANY: usize = 64;
/// The longest such wait.
const GATHER: Duration = Duration::from_millis(5);

/// The tasks that ended and the handoffs that arrived while there was nothing to start.
#[derive(Default)]
pub(super) struct Happened {
    pub(super) ended: Vec<Result<Ended, JoinError>>,
    pub(super) handoffs: Vec<Handoff>,
}

impl Holder {
    /// Waits until calls have ended, absorb offers something, or there may be something to start.
    pub(super) async fn wait(
        &self,
        under_way: &mut JoinSet<Ended>,
        handoff_queue: &mut HandoffQueue,
        started: usize,
        stop: &CancellationToken,
    ) -> Result<Happened, anyhow::Error> {
        let mut happened = Happened::default();
        let patience = self.patience(started).await?;
        let woken = Arc::clone(&handoff_queue.woken);
        tokio::select! {
            biased;
            Some(first) = under_way.join_next() => happened.ended.push(first),
            Some(handoff) = handoff_queue.handoffs.recv() => happened.handoffs.push(handoff),
            () = woken.notified() => {}
            () = stop.cancelled(), if under_way.is_empty() => {}
            () = tokio::time::sleep(patience) => {}
        }
        if started >= MANY {
            // A round for each call that ends would be small, and a small round costs the ledger as much as a large one.
            let others = gather(under_way, MANY.min(under_way.len()));
            happened.ended.extend(others.await);
        }
        while happened.ended.len() < RECORD_AT_MOST {
            match under_way.try_join_next() {
                Some(next) => happened.ended.push(next),
                None => break,
            }
        }
        while let Ok(handoff) = handoff_queue.handoffs.try_recv() {
            happened.handoffs.push(handoff);
        }
        Ok(happened)
    }
}

/// Waits until `most` calls have ended, at most for [`GATHER`].
async fn gather(under_way: &mut JoinSet<Ended>, most: usize) -> Vec<Result<Ended, JoinError>> {
    let mut ended = Vec::new();
    let until = tokio::time::sleep(GATHER);
    let mut until = std::pin::pin!(until);
    while ended.len() < most {
        tokio::select! {
            biased;
            Some(one) = under_way.join_next() => ended.push(one),
            () = &mut until => break,
        }
    }
    ended
}
