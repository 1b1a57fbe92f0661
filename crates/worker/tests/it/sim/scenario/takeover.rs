//! A worker stands still, with a call under way or about to record, until another one has its lease, and goes on.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::harness::Harness;
use super::super::life::Stumble;
use super::super::processes::Processes;
use super::super::script::{Accepted, publish};

/// The longest time until a worker comes by the step at which it stumbles.
const STUMBLES_WITHIN: Duration = Duration::from_secs(20);
/// The longest time until it goes on.
const STANDS_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn run(harness: &mut Harness, processes: &mut Processes) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    harness.disturbed = true;
    for _ in 0..=harness.dice.below(3) {
        let step = *harness.dice.pick(&[Stumble::BeforeRecording, Stumble::WithACallUnderWay]);
        harness.storm.lock().stumble = Some(step);
        publish(harness, &mut accepted).await;
        if !until(harness, processes, STUMBLES_WITHIN, true).await {
            // Nothing was to be sent: the next events may be of another kind.
            continue;
        }
        // What is sent meanwhile is the successor's.
        sleep(harness.dice.millis(20_000)).await;
        publish(harness, &mut accepted).await;
        until(harness, processes, STANDS_WITHIN, false).await;
    }
    accepted
}

/// Waits until a worker is frozen, or until none is; whether that happened.
async fn until(harness: &Harness, processes: &mut Processes, within: Duration, stands: bool) -> bool {
    let latest = Instant::now() + within;
    while Instant::now() < latest {
        processes.supervise(harness);
        if processes.any_is_frozen() == stands {
            return true;
        }
        sleep(LOOK).await;
    }
    false
}
