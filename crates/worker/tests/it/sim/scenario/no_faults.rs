//! Promise 3: without faults, the worker makes exactly the minimum number of calls.
//!
//! Everything is sent while the connection is paused, so that it is one difference; then the calls that remove it are
//! counted.

use std::time::Duration;

use connections::{PausedFor, StateStore as _};
use queue::Observe as _;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::harness::Harness;
use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::super::story::SentEvent;
use super::ScenarioResult;

/// Affiliates in one call.
const BATCH: usize = 50;
/// The longest time until one difference has been sent.
const SENT_WITHIN: Duration = Duration::from_secs(600);
/// The time within which a worker notices that a connection is paused or resumed.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

/// Calls by what they do.
#[derive(Debug, PartialEq, Eq)]
struct CallCounts {
    creates: usize,
    edits: usize,
    status_changes: usize,
    others: usize,
}

impl CallCounts {
    const NONE: Self = Self { creates: 0, edits: 0, status_changes: 0, others: 0 };
}

pub(super) async fn run(harness: &mut Harness) -> ScenarioResult {
    let mut result = ScenarioResult { accepted: Vec::new(), wrong: Vec::new() };
    let dice = harness.dice.clone();
    let members = 1 + usize::try_from(dice.below(110)).expect("small");
    let members: Vec<Member> =
        (0..members).map(|number| Member { number, bulk: dice.below(2) == 0 }).collect();
    let some =
        |chance: u64| -> Vec<Member> { members.iter().filter(|_| dice.per_mille(chance)).copied().collect() };

    let joining = members.iter().map(|member| member.sign_up(harness.now())).collect();
    send(harness, &mut result, joining, CallCounts { creates: members.len(), ..CallCounts::NONE }).await;

    // Several traits of one person are one item of a batch, regardless of their sender.
    let flagged = some(800);
    let now = harness.now();
    let flags = flagged.iter().flat_map(|member| {
        let other_lane = Member { bulk: !member.bulk, ..*member };
        [
            member.with_trait("vip", "vip", json!(true), now),
            other_lane.with_trait("plan", "plan", json!("gold"), now),
        ]
    });
    let edits = flagged.len().div_ceil(BATCH);
    send(harness, &mut result, flags.collect(), CallCounts { edits, ..CallCounts::NONE }).await;

    // A flag that flips back while it waits needs no call, nor does a value that Refersion already has.
    let now = harness.now();
    let later = now + Duration::from_secs(1);
    let flipping = flagged.iter().flat_map(|member| {
        [
            member.with_trait("out", "vip", json!(false), now),
            member.with_trait("back", "vip", json!(true), later),
        ]
    });
    sleep(Duration::from_secs(2)).await;
    let again = flagged.iter().map(|member| member.with_trait("again", "plan", json!("gold"), later));
    send(harness, &mut result, flipping.chain(again).collect(), CallCounts::NONE).await;

    if dice.below(2) == 0 {
        return result;
    }
    let leaving: Vec<SentEvent> = some(700).iter().map(|member| member.leaves(harness.now())).collect();
    let status_changes = leaving.len().div_ceil(BATCH);
    send(harness, &mut result, leaving, CallCounts { status_changes, ..CallCounts::NONE }).await;
    result
}

/// Sends all of these at once, and counts the calls that follow.
async fn send(harness: &Harness, result: &mut ScenarioResult, sent: Vec<SentEvent>, least: CallCounts) {
    let connection = harness.accounts[0].id;
    let paused = harness.ledger.pause(connection, PausedFor::Operator, "a quiet moment", harness.now());
    paused.await.expect("the connection is there");
    sleep(NOTICED_WITHIN).await;
    let before = harness.sent().len();
    absorb_all(harness, &mut result.accepted, sent).await;
    harness.ledger.resume(connection, None).await.expect("the connection is there");
    sleep(NOTICED_WITHIN).await;
    let latest = Instant::now() + SENT_WITHIN;
    while Instant::now() < latest && !harness.is_idle().await {
        sleep(Duration::from_millis(500)).await;
    }
    let made = count(harness, before);
    if made != least {
        result.wrong.push(format!("{made:?} were made, and the least are {least:?}"));
    }
}

async fn absorb_all(harness: &Harness, accepted: &mut Vec<Accepted>, sent: Vec<SentEvent>) {
    accept(harness, accepted, sent.into_iter().map(|sent| (0, sent)).collect()).await;
    let queued = async || {
        let depth = harness.queue.depth().await.expect("a queue");
        depth.live + depth.bulk
    };
    let latest = Instant::now() + SENT_WITHIN;
    while Instant::now() < latest && queued().await > 0 {
        sleep(Duration::from_millis(100)).await;
    }
}

fn count(harness: &Harness, from: usize) -> CallCounts {
    let mut counted = CallCounts::NONE;
    for call in &harness.sent()[from..] {
        match call.path {
            "/v2/affiliate/new" => counted.creates += 1,
            "/v2/affiliate/edit" => counted.edits += 1,
            "/v2/affiliate/status_change" => counted.status_changes += 1,
            _ => counted.others += 1,
        }
    }
    counted
}
