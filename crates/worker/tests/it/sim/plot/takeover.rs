//! A worker stands still, with a call under way or about to record, until another one has its lease, and goes on.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::crew::Crew;
use super::super::life::Stumble;
use super::super::script::{Accepted, publish};
use super::super::stage::Stage;

/// The longest time until a worker comes by the step at which it stumbles.
const STUMBLES_WITHIN: Duration = Duration::from_secs(20);
/// The longest time until it goes on.
const STANDS_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn play(stage: &mut Stage, crew: &mut Crew) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    stage.disturbed = true;
    for _ in 0..=stage.dice.below(3) {
        let step = *stage.dice.pick(&[Stumble::BeforeRecording, Stumble::WithACallUnderWay]);
        stage.storm.lock().stumble = Some(step);
        publish(stage, &mut accepted).await;
        if !until(stage, crew, STUMBLES_WITHIN, true).await {
            // Nothing was to be told: the next events may be of another kind.
            continue;
        }
        // What is said meanwhile is the successor's.
        sleep(stage.dice.millis(20_000)).await;
        publish(stage, &mut accepted).await;
        until(stage, crew, STANDS_WITHIN, false).await;
    }
    accepted
}

/// Waits until somebody stands still, or nobody does any more; whether that came about.
async fn until(stage: &Stage, crew: &mut Crew, within: Duration, stands: bool) -> bool {
    let latest = Instant::now() + within;
    while Instant::now() < latest {
        crew.tend(stage);
        if crew.somebody_stands_still() == stands {
            return true;
        }
        sleep(LOOK).await;
    }
    false
}
