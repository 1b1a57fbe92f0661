//! Settings change while slow batches are folded: the trait reaches Refersion for all persons who stated it.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::super::harness::Harness;
use super::super::member::Member;
use super::super::script::{Accepted, accept, map_a_field};

/// How often the settings change.
const CHANGES: usize = 4;
/// The longest that absorb takes to record a batch, in milliseconds: longer than it takes until a walk begins.
const LAG: u64 = 12_000;
/// Members with events before and after each change, and none later: no newer event makes up for a missed one.
const MEMBERS: usize = 12;

pub(super) async fn run(harness: &mut Harness) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    harness.disturbed = true;
    let members: Vec<Member> = (0..CHANGES * MEMBERS).map(|number| Member { number, bulk: false }).collect();
    let now = harness.now();
    accept(harness, &mut accepted, members.iter().map(|member| (0, member.sign_up(now))).collect()).await;
    sleep(Duration::from_secs(30)).await;
    harness.engine_faults.lock().max_absorb_delay = LAG;
    for (change, members) in members.chunks(MEMBERS).enumerate() {
        let key = format!("late{change}");
        let before = usize::try_from(harness.dice.below(MEMBERS as u64)).expect("small");
        for (number, member) in members.iter().enumerate() {
            if number == before {
                map_a_field(harness, 0, &key, 200 + change as u64).await;
            }
            let sent = member.with_trait(&key, &key, json!("gold"), harness.now());
            accept(harness, &mut accepted, vec![(0, sent)]).await;
            sleep(harness.dice.millis(1_500)).await;
        }
    }
    accepted
}
