//! A shop whose visitors sign up on its tablets: all of them share a few anonymousIds, so all of them are in one graph.
//!
//! Within one process nobody finds that a graph has moved since it was read, however much happens to it at once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::super::stage::Stage;
use super::super::story::SentEvent;
use super::Told;

/// The tablets of the shop.
const TABLETS: usize = 4;
/// Visitors that come between two breaks.
const VISITORS: usize = 8;
/// How often they come.
const TIMES: usize = 4;

pub(super) async fn play(stage: &mut Stage) -> Told {
    let mut accepted: Vec<Accepted> = Vec::new();
    for time in 0..TIMES {
        let now = stage.now();
        let visitors = (0..VISITORS).map(|visitor| Member { number: time * VISITORS + visitor, bulk: false });
        let said = visitors.flat_map(|member| [at_a_tablet(member, member.joins(now)), later(member, stage)]);
        for one in said.collect::<Vec<_>>() {
            accept(stage, &mut accepted, vec![(0, one)]).await;
            sleep(stage.dice.millis(60)).await;
        }
        sleep(Duration::from_secs(1) + stage.dice.millis(4_000)).await;
    }
    let conflicts = stage.watch.conflicts.load(Ordering::Relaxed);
    let mut wrong = Vec::new();
    if conflicts > 0 {
        wrong.push(format!("{conflicts} times one process found a graph changed that it was about to write"));
    }
    Told { accepted, wrong }
}

fn later(member: Member, stage: &Stage) -> SentEvent {
    at_a_tablet(member, member.says_one("plan", "plan", json!("pro"), stage.now()))
}

fn at_a_tablet(member: Member, said: SentEvent) -> SentEvent {
    let tablet = format!("tablet-{}", member.number % TABLETS);
    let mut event: Value = serde_json::from_str(&said.json).expect("an event");
    event["anonymousId"] = json!(tablet);
    SentEvent { json: event.to_string(), anonymous: Some(tablet), ..said }
}
