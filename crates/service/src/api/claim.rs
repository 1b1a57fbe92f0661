//! Renews the claim of an act on its `Idempotency-Key` while the act is under way, so that only the end of its process frees
//! the key.

use std::convert::Infallible;
use std::future::Future;

use ledger::{Idempotency, IdempotentRequest, RENEW_REQUEST_EVERY};

use crate::clock::Clock;

/// Carries out the act of a request that was begun.
pub(super) async fn while_claimed<R>(
    (keys, clock): (&(impl Idempotency + ?Sized), &Clock),
    request: &IdempotentRequest,
    act: impl Future<Output = R>,
) -> R {
    // Both run concurrently: a renewal may have to wait for a resource that the act holds.
    tokio::select! {
        biased;
        done = act => done,
        never = renew(keys, clock, request) => match never {},
    }
}

/// A renewal that fails is tried again at the next interval. An act whose key was taken over, because its process stood still for
/// long, is not broken off: what it has published and not noted yet would be lost.
async fn renew(keys: &(impl Idempotency + ?Sized), clock: &Clock, request: &IdempotentRequest) -> Infallible {
    loop {
        tokio::time::sleep(RENEW_REQUEST_EVERY).await;
        match keys.renew_request(request, clock()).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!("another request has taken the Idempotency-Key of an act under way"),
            Err(error) => {
                tracing::warn!(%error, "the claim of an act on its Idempotency-Key was not renewed")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use jiff::Timestamp;
    use ledger::{Begun, KeptAnswer, LedgerError};
    use parking_lot::Mutex;
    use tokio::time::Instant;

    use super::*;

    /// Notes when a claim was renewed, and fails every second time.
    struct Keys {
        renewed: Mutex<Vec<Timestamp>>,
    }

    #[async_trait]
    impl Idempotency for Keys {
        async fn begin_request(&self, _: &IdempotentRequest) -> Result<Begun, LedgerError> {
            Ok(Begun::New)
        }

        async fn renew_request(&self, _: &IdempotentRequest, now: Timestamp) -> Result<bool, LedgerError> {
            let mut renewed = self.renewed.lock();
            renewed.push(now);
            if renewed.len().is_multiple_of(2) {
                Err(LedgerError::Broken("away".to_owned()))
            } else {
                Ok(true)
            }
        }

        async fn finish_request(
            &self,
            _: &IdempotentRequest,
            _: Option<&KeptAnswer>,
        ) -> Result<(), LedgerError> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_claim_of_an_act_is_renewed_every_minute_until_it_ends() {
        let began = Instant::now();
        let clock: Clock = Arc::new(move || Timestamp::UNIX_EPOCH + began.elapsed());
        let keys = Keys { renewed: Mutex::default() };
        let request = IdempotentRequest {
            operator: "ann".to_owned(),
            key: [1; 16],
            request: [1; 16],
            owner: uuid::Uuid::nil(),
            at: Timestamp::UNIX_EPOCH,
        };
        let act = async {
            tokio::time::sleep(Duration::from_secs(3_601)).await;
            "done"
        };
        assert_eq!(while_claimed((&keys, &clock), &request, act).await, "done");
        let seconds: Vec<i64> = keys.renewed.lock().iter().map(|at| at.as_second()).collect();
        let expected: Vec<i64> = (1..=60).map(|minute| minute * 60).collect();
        assert_eq!(seconds, expected, "also after a failure");
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(keys.renewed.lock().len(), 60, "not after its end");
    }
}
