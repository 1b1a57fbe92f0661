//! Waits until nothing is queued, no event is pending, and no person differs from the values in Refersion.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use connections::State;

use super::environment::Environment;
use service::failure::{Exit, Failure};

/// How often progress is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The demo gives up when nothing has moved for this time. Longer than the longest pause between two tries that the
/// demo's few failures in a row can lead to.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The demo gives up after this time, and one second more for every hundred members, whatever moves.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The work that is not done yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Remaining {
    queued: u64,
    pending: u64,
    dirty: u64,
    paused_for: Option<&'static str>,
}

/// Waits until all is done.
///
/// # Errors
///
/// [`Failure`] with the code `hangs` that names the remaining work, after a stall or after the timeout; or if the engines
/// cannot be read.
pub(super) async fn wait(environment: &Environment, members: usize) -> Result<(), Failure> {
    let timeout = TIMEOUT + Duration::from_secs(u64::try_from(members / 100).unwrap_or(u64::MAX));
    let began = Instant::now();
    let (mut seen, mut moved_at) = (None, began);
    loop {
        let remaining = remaining(environment).await?;
        if remaining == Remaining::default() {
            return Ok(());
        }
        let now = Some((remaining.clone(), progress(environment)));
        if now != seen {
            (seen, moved_at) = (now, Instant::now());
        }
        if moved_at.elapsed() > STALL_TIMEOUT || began.elapsed() > timeout {
            return Err(hangs(&remaining));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Grows with everything that is done.
fn progress(environment: &Environment) -> (u64, u64) {
    let absorbed =
        environment.stack.worker_meters().map_or(0, |meters| meters.absorbed.load(Ordering::Relaxed));
    (absorbed, environment.simulator.with(|simulator, _| simulator.calls().total))
}

async fn remaining(environment: &Environment) -> Result<Remaining, Failure> {
    let engines = environment.stack.engines();
    // The queue is read first: an event that leaves it is in the ledger by then.
    let depth = engines.queue.depth().await?;
    let counts = engines.ledger.counts(None, engines.now()).await?;
    let connection = engines.connections.by_id(environment.connection.id).await?;
    let paused_for = match connection.map(|connection| connection.state) {
        Some(State::Paused(reason)) => Some(reason.as_str()),
        _ => None,
    };
    Ok(Remaining {
        queued: depth.live + depth.bulk,
        pending: counts.pending,
        dirty: counts.dirty,
        paused_for,
    })
}

fn hangs(remaining: &Remaining) -> Failure {
    let paused = remaining
        .paused_for
        .map_or_else(String::new, |reason| format!(", and the connection is paused for {reason}"));
    Failure {
        exit: Exit::Failed,
        code: "hangs",
        message: format!(
            "the demo does not finish: {} events wait in the queue, {} are pending, {} affiliates differ{paused}",
            remaining.queued, remaining.pending, remaining.dirty
        ),
        hint: "run it again with the same --seed and REFERSION_DESTINATION__LOG__LEVEL=debug, and report what you see"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hanging_demo_names_its_remaining_work() {
        let failure = hangs(&Remaining { queued: 1, pending: 2, dirty: 3, paused_for: Some("breaker") });
        for part in ["1 events wait", "2 are pending", "3 affiliates", "paused for breaker"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }
}
