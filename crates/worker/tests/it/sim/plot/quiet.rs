//! Promise 3: where nothing goes wrong, the calls that are made are the least, to the last one.
//!
//! Everything is said while the connection is paused, so that it is one difference; then the calls that remove it are
//! counted.

use std::time::Duration;

use connections::{PausedFor, StateStore as _};
use queue::Observe as _;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::super::stage::Stage;
use super::super::story::SentEvent;
use super::Told;

/// Affiliates in one call.
const BATCH: usize = 50;
/// The longest time until one difference is told.
const TOLD_WITHIN: Duration = Duration::from_secs(600);
/// By then a worker has seen that a connection is paused, or goes on.
const SEEN_WITHIN: Duration = Duration::from_secs(3);

/// Calls by what they do.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    creates: usize,
    edits: usize,
    status_changes: usize,
    others: usize,
}

impl Counted {
    const NONE: Self = Self { creates: 0, edits: 0, status_changes: 0, others: 0 };
}

pub(super) async fn play(stage: &mut Stage) -> Told {
    let mut told = Told { accepted: Vec::new(), wrong: Vec::new() };
    let dice = stage.dice.clone();
    let members = 1 + usize::try_from(dice.below(110)).expect("small");
    let members: Vec<Member> =
        (0..members).map(|number| Member { number, bulk: dice.below(2) == 0 }).collect();
    let some =
        |chance: u64| -> Vec<Member> { members.iter().filter(|_| dice.per_mille(chance)).copied().collect() };

    let joining = members.iter().map(|member| member.joins(stage.now())).collect();
    send(stage, &mut told, joining, Counted { creates: members.len(), ..Counted::NONE }).await;

    // Several traits of one person are one item of a batch, whoever says them.
    let flagged = some(800);
    let now = stage.now();
    let flags = flagged.iter().flat_map(|member| {
        let other_lane = Member { bulk: !member.bulk, ..*member };
        [
            member.says_one("vip", "vip", json!(true), now),
            other_lane.says_one("plan", "plan", json!("gold"), now),
        ]
    });
    let edits = flagged.len().div_ceil(BATCH);
    send(stage, &mut told, flags.collect(), Counted { edits, ..Counted::NONE }).await;

    // A flag that flips back while it waits is no call, and what Refersion knows is none either.
    let now = stage.now();
    let later = now + Duration::from_secs(1);
    let flipping = flagged.iter().flat_map(|member| {
        [member.says_one("out", "vip", json!(false), now), member.says_one("back", "vip", json!(true), later)]
    });
    sleep(Duration::from_secs(2)).await;
    let again = flagged.iter().map(|member| member.says_one("again", "plan", json!("gold"), later));
    send(stage, &mut told, flipping.chain(again).collect(), Counted::NONE).await;

    if dice.below(2) == 0 {
        return told;
    }
    let leaving: Vec<SentEvent> = some(700).iter().map(|member| member.leaves(stage.now())).collect();
    let status_changes = leaving.len().div_ceil(BATCH);
    send(stage, &mut told, leaving, Counted { status_changes, ..Counted::NONE }).await;
    told
}

/// Says all of it at once, and counts the calls that follow.
async fn send(stage: &Stage, told: &mut Told, said: Vec<SentEvent>, least: Counted) {
    let connection = stage.accounts[0].id;
    let paused = stage.ledger.pause(connection, PausedFor::Operator, "a quiet moment", stage.now());
    paused.await.expect("the connection is there");
    sleep(SEEN_WITHIN).await;
    let before = stage.sent().len();
    absorb_all(stage, &mut told.accepted, said).await;
    stage.ledger.resume(connection, None).await.expect("the connection is there");
    sleep(SEEN_WITHIN).await;
    let latest = Instant::now() + TOLD_WITHIN;
    while Instant::now() < latest && !stage.is_at_rest().await {
        sleep(Duration::from_millis(500)).await;
    }
    let made = count(stage, before);
    if made != least {
        told.wrong.push(format!("{made:?} were made, and the least are {least:?}"));
    }
}

async fn absorb_all(stage: &Stage, accepted: &mut Vec<Accepted>, said: Vec<SentEvent>) {
    accept(stage, accepted, said.into_iter().map(|said| (0, said)).collect()).await;
    let queued = async || {
        let depth = stage.queue.depth().await.expect("a queue");
        depth.live + depth.bulk
    };
    let latest = Instant::now() + TOLD_WITHIN;
    while Instant::now() < latest && queued().await > 0 {
        sleep(Duration::from_millis(100)).await;
    }
}

fn count(stage: &Stage, from: usize) -> Counted {
    let mut counted = Counted::NONE;
    for call in &stage.sent()[from..] {
        match call.path {
            "/v2/affiliate/new" => counted.creates += 1,
            "/v2/affiliate/edit" => counted.edits += 1,
            "/v2/affiliate/status_change" => counted.status_changes += 1,
            _ => counted.others += 1,
        }
    }
    counted
}
