//! A worker is frozen, with a call under way or about to record, until another one has its lease, and then goes on.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::harness::Harness;
use super::super::process::FreezePoint;
use super::super::processes::Processes;
use super::super::script::{Accepted, publish};

/// The longest time until a worker reaches the step at which it is frozen.
const FROZEN_WITHIN: Duration = Duration::from_secs(20);
/// The longest time until it goes on again.
const THAWED_WITHIN: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

pub(super) async fn run(harness: &mut Harness, processes: &mut Processes) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    harness.disturbed = true;
    for _ in 0..=harness.dice.below(3) {
        let step = *harness.dice.pick(&[FreezePoint::BeforeRecording, FreezePoint::DuringCall]);
        harness.engine_faults.lock().freeze_at = Some(step);
        publish(harness, &mut accepted).await;
        if !until(harness, processes, FROZEN_WITHIN, true).await {
            // Nothing was to be sent: the next events may be of another kind.
            continue;
        }
        // Meanwhile its successor sends the calls.
        sleep(harness.dice.millis(20_000)).await;
        publish(harness, &mut accepted).await;
        until(harness, processes, THAWED_WITHIN, false).await;
    }
    accepted
}

/// Waits until a worker is frozen, or until none is; whether that happened.
async fn until(harness: &Harness, processes: &mut Processes, within: Duration, frozen: bool) -> bool {
    let latest = Instant::now() + within;
    while Instant::now() < latest {
        processes.supervise(harness);
        if processes.any_is_frozen() == frozen {
            return true;
        }
        sleep(POLL_INTERVAL).await;
    }
    false
}
