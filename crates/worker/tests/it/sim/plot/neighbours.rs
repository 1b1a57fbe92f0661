//! Promise 5: a connection that is throttled, shut out, silent or paused does not hold up another one.

use std::time::Duration;

use connections::{PausedFor, StateStore as _};
use ledger::View as _;
use queue::Observe as _;
use simulator::{Faults, Kind, Probability};
use tokio::time::sleep;

use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::super::stage::Stage;
use super::Told;

/// Members of either connection that come at once.
const MEMBERS: usize = 6;
/// How long everything else may take that a neighbour does not wait for.
const GRACE: Duration = Duration::from_secs(6);

pub(super) async fn play(stage: &mut Stage) -> Told {
    let (mut accepted, mut wrong) = (Vec::new(), Vec::new());
    stage.disturbed = true;
    trouble(stage).await;
    for round in 0..3 {
        sleep(stage.dice.millis(8_000)).await;
        come(stage, &mut accepted, round * MEMBERS).await;
        let well = &stage.accounts[1];
        // A create each, at its own pace.
        sleep(GRACE + Duration::from_secs(MEMBERS as u64).div_f64(well.settings.rate_per_second)).await;
        let pending = stage.ledger.counts(Some(well.id), stage.now()).await.expect("a ledger").pending;
        let depth = stage.queue.depth().await.expect("a queue");
        let queued = depth.live + depth.bulk;
        if pending + queued > 0 {
            wrong
                .push(format!("a neighbour in trouble holds up {pending} events, and {queued} in the queue"));
        }
    }
    Told { accepted, wrong }
}

/// The first connection gets into trouble.
async fn trouble(stage: &Stage) {
    let account = &stage.accounts[0];
    let mut faults = Faults { account: Some(account.public_key.clone()), ..Faults::default() };
    let mut always = |kind| faults.probabilities.extend([(kind, Probability::ONE)]);
    match stage.dice.below(6) {
        0 => always(Kind::TooManyAfter),
        1 => always(Kind::TooMany),
        2 => always(Kind::Unavailable),
        3 => always(Kind::Slow),
        4 => faults.bad_credentials = true,
        _ => {
            let paused = stage.ledger.pause(account.id, PausedFor::Operator, "a look around", stage.now());
            paused.await.expect("the connection is there");
        }
    }
    faults.retry_after = Duration::from_secs(60);
    faults.slow_by = Duration::from_secs(9);
    stage.refersion.core.lock().set_faults(stage.began.elapsed(), faults);
}

async fn come(stage: &Stage, accepted: &mut Vec<Accepted>, first: usize) {
    let now = stage.now();
    let members = (first..first + MEMBERS).map(|number| Member { number, bulk: false });
    accept(stage, accepted, members.flat_map(|member| [0, 1].map(|of| (of, member.joins(now)))).collect())
        .await;
}
