//! A shop whose visitors sign up on its tablets: all of them share a few anonymousIds, so all of them are in one graph.
//!
//! Within one process, no task finds that a graph has changed since it was read, however much happens to it at once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::harness::Harness;
use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::super::story::SentEvent;
use super::ScenarioResult;

/// The tablets of the shop.
const TABLETS: usize = 4;
/// Visitors that come between two breaks.
const VISITORS: usize = 8;
/// How often they come.
const ROUNDS: usize = 4;

pub(super) async fn run(harness: &mut Harness) -> ScenarioResult {
    let mut accepted: Vec<Accepted> = Vec::new();
    for time in 0..ROUNDS {
        let now = harness.now();
        let visitors = (0..VISITORS).map(|visitor| Member { number: time * VISITORS + visitor, bulk: false });
        let sent =
            visitors.flat_map(|member| [at_a_tablet(member, member.sign_up(now)), later(member, harness)]);
        for one in sent.collect::<Vec<_>>() {
            accept(harness, &mut accepted, vec![(0, one)]).await;
            sleep(harness.dice.millis(60)).await;
        }
        sleep(Duration::from_secs(1) + harness.dice.millis(4_000)).await;
    }
    let conflicts = harness.watch.conflicts.load(Ordering::Relaxed);
    let mut wrong = Vec::new();
    if conflicts > 0 {
        wrong.push(format!("{conflicts} times one process found a graph changed that it was about to write"));
    }
    ScenarioResult { accepted, wrong }
}

fn later(member: Member, harness: &Harness) -> SentEvent {
    at_a_tablet(member, member.with_trait("plan", "plan", json!("pro"), harness.now()))
}

fn at_a_tablet(member: Member, sent: SentEvent) -> SentEvent {
    let tablet = format!("tablet-{}", member.number % TABLETS);
    let mut event: Value = serde_json::from_str(&sent.json).expect("an event");
    event["anonymousId"] = json!(tablet);
    SentEvent { json: event.to_string(), anonymous: Some(tablet), ..sent }
}
