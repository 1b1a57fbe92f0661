//! Promise 5: a connection that is throttled, shut out, silent or paused does not hold up another one.

use std::time::Duration;

use connections::{PausedFor, StateStore as _};
use ledger::View as _;
use queue::Observe as _;
use simulator::{Faults, Kind, Probability};
use tokio::time::sleep;

use super::super::harness::Harness;
use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::ScenarioResult;

/// Members of either connection that come at once.
const MEMBERS: usize = 6;
/// The time for everything but the creates of the connection without trouble.
const GRACE: Duration = Duration::from_secs(6);

pub(super) async fn run(harness: &mut Harness) -> ScenarioResult {
    let (mut accepted, mut wrong) = (Vec::new(), Vec::new());
    harness.disturbed = true;
    disturb(harness).await;
    for round in 0..3 {
        sleep(harness.dice.millis(8_000)).await;
        sign_up_members(harness, &mut accepted, round * MEMBERS).await;
        let healthy = &harness.accounts[1];
        // Time for one create for each member, at the connection's own rate.
        sleep(GRACE + Duration::from_secs(MEMBERS as u64).div_f64(healthy.settings.rate_per_second)).await;
        let pending = harness.ledger.counts(Some(healthy.id), harness.now()).await.expect("a ledger").pending;
        let depth = harness.queue.depth().await.expect("a queue");
        let queued = depth.live + depth.bulk;
        if pending + queued > 0 {
            wrong
                .push(format!("a neighbour in trouble holds up {pending} events, and {queued} in the queue"));
        }
    }
    ScenarioResult { accepted, wrong }
}

/// The first connection gets into trouble.
async fn disturb(harness: &Harness) {
    let account = &harness.accounts[0];
    let mut faults = Faults { account: Some(account.public_key.clone()), ..Faults::default() };
    let mut always = |kind| faults.probabilities.extend([(kind, Probability::ONE)]);
    match harness.dice.below(6) {
        0 => always(Kind::TooManyAfter),
        1 => always(Kind::TooMany),
        2 => always(Kind::Unavailable),
        3 => always(Kind::Slow),
        4 => faults.bad_credentials = true,
        _ => {
            let paused =
                harness.ledger.pause(account.id, PausedFor::Operator, "a look around", harness.now());
            paused.await.expect("the connection is there");
        }
    }
    faults.retry_after = Duration::from_secs(60);
    faults.slow_by = Duration::from_secs(9);
    harness.refersion.core.lock().set_faults(harness.began.elapsed(), faults);
}

async fn sign_up_members(harness: &Harness, accepted: &mut Vec<Accepted>, first: usize) {
    let now = harness.now();
    let members = (first..first + MEMBERS).map(|number| Member { number, bulk: false });
    accept(
        harness,
        accepted,
        members.flat_map(|member| [0, 1].map(|of| (of, member.sign_up(now)))).collect(),
    )
    .await;
}
