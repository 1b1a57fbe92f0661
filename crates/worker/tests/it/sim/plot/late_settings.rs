//! Settings change while slow batches are folded: whoever said the trait is told of it all the same.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::super::member::Member;
use super::super::script::{Accepted, accept, map_a_field};
use super::super::stage::Stage;

/// How often the settings change.
const CHANGES: usize = 4;
/// The longest that absorb takes to record a batch, in milliseconds: longer than it takes until a walk begins.
const LAG: u64 = 12_000;
/// Members who speak before and after each change, and never again: nothing newer makes up for what was missed.
const MEMBERS: usize = 12;

pub(super) async fn play(stage: &mut Stage) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    stage.disturbed = true;
    let members: Vec<Member> = (0..CHANGES * MEMBERS).map(|number| Member { number, bulk: false }).collect();
    let now = stage.now();
    accept(stage, &mut accepted, members.iter().map(|member| (0, member.joins(now))).collect()).await;
    sleep(Duration::from_secs(30)).await;
    stage.storm.lock().absorb_lags = LAG;
    for (change, members) in members.chunks(MEMBERS).enumerate() {
        let key = format!("late{change}");
        let before = usize::try_from(stage.dice.below(MEMBERS as u64)).expect("small");
        for (number, member) in members.iter().enumerate() {
            if number == before {
                map_a_field(stage, 0, &key, 200 + change as u64).await;
            }
            let said = member.says_one(&key, &key, json!("gold"), stage.now());
            accept(stage, &mut accepted, vec![(0, said)]).await;
            sleep(stage.dice.millis(1_500)).await;
        }
    }
    accepted
}
