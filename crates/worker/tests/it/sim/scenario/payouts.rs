//! Strangers who state the addresses of others: they take the addresses over, and not the payouts.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::harness::Harness;
use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::super::story::SentEvent;
use super::ScenarioResult;

/// People whose addresses are taken over.
const PEOPLE: usize = 6;
/// Time in which their affiliates are created.
const CREATED_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn run(harness: &mut Harness) -> ScenarioResult {
    let mut accepted: Vec<Accepted> = Vec::new();
    for number in 0..PEOPLE {
        let sign_up = Member { number, bulk: false }.sign_up(harness.now());
        let own = with_traits(sign_up, json!({ "payout": format!("own{number}@pay.test") }));
        accept(harness, &mut accepted, vec![(0, own)]).await;
    }
    sleep(CREATED_WITHIN + harness.dice.millis(5_000)).await;
    for number in 0..PEOPLE {
        let takes_over = stranger(Member { number, bulk: false }, harness);
        accept(harness, &mut accepted, vec![(0, takes_over)]).await;
        sleep(harness.dice.millis(60)).await;
    }
    ScenarioResult { accepted, wrong: Vec::new() }
}

/// Another user with the member's address and a payout of their own.
fn stranger(member: Member, harness: &Harness) -> SentEvent {
    let number = member.number;
    let traits = json!({ "firstName": "Eve", "payout": format!("stranger{number}@pay.test") });
    let sent = with_traits(member.sign_up(harness.now()), traits);
    let user = format!("stranger-{number}");
    let mut event: Value = serde_json::from_str(&sent.json).expect("an event");
    event["userId"] = json!(user);
    event["messageId"] = json!(format!("takes-over-{number}"));
    SentEvent { json: event.to_string(), user: Some(user), words: Vec::new(), ..sent }
}

fn with_traits(sent: SentEvent, traits: Value) -> SentEvent {
    let mut event: Value = serde_json::from_str(&sent.json).expect("an event");
    for (name, value) in traits.as_object().into_iter().flatten() {
        event["traits"][name] = value.clone();
    }
    SentEvent { json: event.to_string(), ..sent }
}
